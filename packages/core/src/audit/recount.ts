/**
 * Recounting one thing from its own rows: a balance, a count of units, the tickets of a campaign, an order's sums.
 *
 * Pure and kept apart from the rules on purpose: nothing here moves a balance or prices an order the way the engine
 * does, so that a mistake in a rule cannot hide itself. The one exception is the split of a discount over lines.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { EventValue } from "../events/Event.ts"
import type { Order, OrderLine } from "../orders/Order.ts"
import { sharesOf } from "../orders/pricing.ts"
import { isClosed } from "../orders/states.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import { compareBytes, maxOrderLines, maxOrderQuantity } from "../values.ts"
import type { CheckId, Findings, Violation } from "./AuditReport.ts"
import type { Book } from "./walk.ts"

/** A row of a ledger: when it came, its place, what it added, and the sum after it. */
export interface Step {
  readonly at: number
  readonly position: number
  readonly change: number
  readonly sum: number
}

/**
 * Recounts a ledger row by row, and its owner where the rows end. `owner` is the position and sum it shows. Rows from
 * before `archivedBefore` may be gone: one of that time that stands behind a gap opens what follows, with its sum.
 */
export const ledgerBook = (
  findings: Findings,
  { rows, owners }: { readonly rows: CheckId; readonly owners: CheckId },
  id: string,
  owner: { readonly position: number; readonly sum: number } | undefined,
  archivedBefore: number,
): Book<Step> => {
  let last = 0
  // The running sum of the rows, which takes over the stored one behind a gap, so that one lost row is one violation.
  let running = 0
  let drift = 0
  // The sum of the changes that the owner counts, and nothing else.
  const counted = { position: 0, sum: 0 }
  return {
    add: (step) => {
      findings.checked(rows)
      const key = [id, step.position] as const
      const due = last + 1
      last = step.position
      running += step.change
      const opens = step.position > due && step.at < archivedBefore
      if (opens) {
        running = step.sum
        drift = 0
        counted.sum = step.sum - step.change
      } else if (step.position !== due) {
        const note = "the position before this one is missing, or this one is there twice"
        findings.violation(rows, { key, expected: due, found: step.position, note })
        running = step.sum
        drift = 0
      } else if (step.sum - running !== drift) {
        // The rows after a wrong change are all off by the same amount: only the first one is to blame.
        drift = step.sum - running
        if (drift !== 0)
          findings.violation(rows, { key, expected: running, found: step.sum, note: "not the sum so far" })
      } else if (step.sum < 0) {
        findings.violation(rows, { key, expected: 0, found: step.sum, note: "below zero" })
      }
      if (owner !== undefined && step.position <= owner.position) {
        counted.position = step.position
        counted.sum += step.change
      }
    },
    close: () => {
      if (owner === undefined) return
      findings.checked(owners)
      if (counted.position === owner.position && counted.sum === owner.sum && owner.sum >= 0) return
      findings.violation(owners, { key: [id], expected: { ...counted }, found: { ...owner } })
    },
  }
}

/**
 * What charges and upward corrections left is within the account's limit, which is set once. A refund gives back whatever
 * the limit, and a correction downward may leave more than it.
 */
export const checkLimit = (findings: Findings, account: Account, { seq, type, change, balance }: PointEntry): void => {
  if (type !== "charge" && !(type === "adjust" && change > 0)) return
  findings.checked("balance-limit")
  const { accountId, balanceLimit } = account
  if (balance <= balanceLimit) return
  const violation = { key: [accountId, seq], expected: balanceLimit, found: balance, note: "above the limit" } as const
  findings.violation("balance-limit", violation)
}

/** The bits of tickets are kept in chunks, so that a wild ticket does not need memory up to its number. */
const chunkTickets = 32_768

/** Recounts the tickets of a campaign, in any order. Remembers one bit for each coupon. */
export const ticketBook = (findings: Findings, campaignId: string, campaign: Campaign | undefined): Book<Coupon> => {
  const chunks = new Map<number, Uint32Array>()
  const issued = campaign?.issued ?? 0
  let counted = 0
  const word = (ticket: number) => Math.floor((ticket % chunkTickets) / 32)
  const bit = (ticket: number) => 1 << (ticket % 32)
  const has = (ticket: number) =>
    ((chunks.get(Math.floor(ticket / chunkTickets))?.[word(ticket)] ?? 0) & bit(ticket)) !== 0
  const take = (ticket: number) => {
    const index = Math.floor(ticket / chunkTickets)
    const chunk = chunks.get(index) ?? new Uint32Array(chunkTickets / 32)
    chunks.set(index, chunk)
    chunk[word(ticket)] = (chunk[word(ticket)] ?? 0) | bit(ticket)
  }
  return {
    add: ({ accountId, ticket }) => {
      findings.checked("coupon-tickets")
      const key = [campaignId, accountId] as const
      if (!Number.isSafeInteger(ticket) || ticket < 1) {
        findings.violation("coupon-tickets", { key, expected: 1, found: ticket, note: "no ticket" })
      } else if (has(ticket)) {
        findings.violation("coupon-tickets", { key, expected: null, found: ticket, note: "this ticket is there twice" })
      } else {
        take(ticket)
        if (ticket <= issued) counted++
      }
    },
    close: () => {
      if (campaign === undefined) return
      findings.checked("campaign-issued")
      if (issued > campaign.limit) {
        const note = "more issued than the limit"
        findings.violation("campaign-issued", { key: [campaignId], expected: campaign.limit, found: issued, note })
      }
      if (counted === issued) return
      const note = "fewer tickets than the campaign counts"
      findings.violation("campaign-issued", { key: [campaignId], expected: counted, found: issued, note })
      for (let ticket = 1, named = 0; ticket <= issued && named < maxNamed; ticket++) {
        if (has(ticket)) continue
        named++
        const violation = { key: [campaignId, ticket], expected: ticket, found: null, note: "missing" } as const
        findings.violation("coupon-tickets", violation)
      }
    },
  }
}

/** So many missing tickets of one campaign are named at most: a wild counter is one finding and not millions of them. */
const maxNamed = 1000

/**
 * An order as far as it can be read. Its lines are JSON, and what somebody wrote there past the shop may be anything: what is no
 * line is left out, and missed by all that rests on it.
 */
export const legibleOrder = (order: Order): Order => {
  const { lines } = order
  if (!Array.isArray(lines)) return { ...order, lines: [] }
  return lines.every(isLine) ? order : { ...order, lines: lines.filter(isLine) }
}

const isLine = (line: OrderLine | null | undefined): boolean => typeof line?.productId === "string"

/** Recounts an order from its lines; undefined where it adds up. Amounts are added in BigInt, so nothing is rounded. */
export const recountOrder = (order: Order): Violation | undefined => {
  const { orderId, lines, total, discount, paid, campaignId, state, closed } = order
  const expected: { [what: string]: EventValue } = {}
  const found: { [what: string]: EventValue } = {}
  const compare = (what: string, due: EventValue, is: EventValue) => {
    if (due === is) return
    expected[what] = due
    found[what] = is
  }
  const sums = sumsOf(lines)
  compare("number of lines", Math.min(Math.max(lines.length, 1), maxOrderLines), lines.length)
  compare("whole amounts", true, sums !== undefined && [total, discount, paid].every(isAmount))
  compare("lines sorted by product", true, isSorted(lines))
  compare(
    "line ids",
    true,
    lines.every(({ lineId }, index) => lineId === `${orderId}-${index + 1}`),
  )
  if (sums !== undefined) {
    compare("total", shown(sums.total), total)
    compare("discount", shown(sums.discount), discount)
    compare("paid", shown(sums.total - sums.discount), paid)
    compare("paid by lines", shown(sums.paid), paid)
    compare("lines that did not pay their price less their share", 0, sums.wrong)
    if (shown(sums.total) === total && isAmount(discount) && discount <= total && total > 0) {
      const shares = sharesOf(lines, discount, total)
      compare("shares of the discount", shares.join(", "), lines.map((line) => line.discount).join(", "))
    }
  }
  if (campaignId === undefined) compare("discount without a coupon", 0, discount)
  compare("closed", isClosed(state), closed !== undefined)
  if (state === "completed") compare("restocked", false, closed?.restocked ?? false)
  return Object.keys(expected).length === 0 ? undefined : { key: [orderId], expected, found }
}

const sumsOf = (lines: ReadonlyArray<OrderLine>) => {
  let [total, discount, paid, wrong] = [0n, 0n, 0n, 0]
  for (const line of lines) {
    const amounts = [line.unitPrice, line.discount, line.paid, line.quantity]
    if (!amounts.every(isAmount) || line.quantity < 1 || line.quantity > maxOrderQuantity) return undefined
    const price = BigInt(line.unitPrice) * BigInt(line.quantity)
    if (price !== BigInt(line.discount) + BigInt(line.paid)) wrong++
    total += price
    discount += BigInt(line.discount)
    paid += BigInt(line.paid)
  }
  return { total, discount, paid, wrong }
}

const isAmount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

const isSorted = (lines: ReadonlyArray<OrderLine>): boolean =>
  lines.every((line, index) => {
    const before = lines[index - 1]
    return before === undefined || compareBytes(before.productId, line.productId) < 0
  })

const shown = (sum: bigint): number | string => {
  const rounded = Number(sum)
  return Number.isSafeInteger(rounded) ? rounded : String(sum)
}
