/**
 * The promises of the shop, each checked against the recount: what must be, what is, and whether that is the same.
 *
 * Pure, so that a test can break each of them and see that it is found.
 */
import type { Answers } from "./answers.ts"
import type { Recount } from "./recount.ts"

export interface Kept {
  readonly name: string
  readonly held: boolean
  readonly expected: number | string
  readonly found: number | string
}

/** What the buyers were told and went through. */
export type Heard = Pick<Answers, "accepted" | "doubleClicks" | "unequal"> & { readonly gaveUp: number }

export const promisesOf = (recount: Recount, heard: Heard): ReadonlyArray<Kept> => [
  ...stockPromises(recount),
  ...couponPromises(recount),
  ...pointPromises(recount),
  ...answerPromises(recount, heard),
]

/** Units of live orders beyond those that ever were there. */
export const oversoldOf = ({ orders, stock }: Recount): number => Math.max(0, orders.units - stock.supplied)

const stockPromises = (recount: Recount): ReadonlyArray<Kept> => {
  const { stock, onHand, orders, couldBuy } = recount
  return [
    equal("units oversold", 0, oversoldOf(recount) + Math.max(0, -stock.lowest)),
    equal("units sold by the stock ledger and by the orders", stock.sold - stock.returned, orders.units),
    equal("units on hand by the stock ledger and by the product", stock.onHand, onHand),
    equal("gaps in the stock ledger", 0, stock.breaks),
    {
      name: "sold out, or nobody left who could buy",
      held: onHand === 0 || couldBuy === 0,
      expected: "0 left",
      found: onHand === 0 || couldBuy > 0 ? `${onHand} left` : `${onHand} left, 0 could buy`,
    },
  ]
}

const couponPromises = ({ coupons, couponsCounted, couponLimit, points, orders }: Recount): ReadonlyArray<Kept> => [
  // Every buyer asks for one, sooner or later.
  equal("coupons issued", Math.min(couponLimit, points.accounts), coupons.issued),
  equal("coupons by the campaign's own count", coupons.issued, couponsCounted),
  equal("duplicate coupons", 0, coupons.duplicates),
  equal(coupons.issued > 0 ? `gaps in tickets 1 to ${coupons.issued}` : "gaps in tickets", 0, coupons.gaps),
  equal("coupons redeemed by live orders", orders.withCoupon, coupons.redeemed),
]

const pointPromises = ({ points, orders }: Recount): ReadonlyArray<Kept> => [
  equal("accounts whose entries do not add up", 0, points.wrong),
  equal("points spent by the ledgers and paid by the orders", orders.paid, points.spent),
]

const answerPromises = (recount: Recount, heard: Heard): ReadonlyArray<Kept> => {
  const { orders, events, eventsLeft, audit } = recount
  const violations = audit.checks.reduce((sum, check) => sum + check.violations, 0)
  return [
    equal("buyers with two orders", 0, orders.buyersTwice),
    equal("double clicks answered equally", heard.doubleClicks, heard.doubleClicks - heard.unequal),
    equal("calls accepted, and found in the books", heard.accepted, acceptedIn(recount)),
    equal("calls accepted, and events handed over", heard.accepted, events),
    equal("events that wait or were set aside", 0, eventsLeft),
    equal("callers left without an answer", 0, heard.gaveUp),
    {
      name: `violations in ${audit.checks.length} audit checks`,
      held: audit.ok && violations === 0,
      expected: 0,
      found: violations,
    },
  ]
}

/** How many calls must have been accepted for the shop to hold what it holds. */
const acceptedIn = ({ stock, points, coupons, couponLimit, orders }: Recount): number => {
  const registered = 1
  const campaigns = couponLimit > 0 ? 1 : 0
  const { accounts, charges } = points
  return (
    registered + stock.restocks + campaigns + coupons.issued + accounts + charges + orders.placed + orders.cancelled
  )
}

const equal = (name: string, expected: number, found: number): Kept => ({
  name,
  held: expected === found,
  expected,
  found,
})
