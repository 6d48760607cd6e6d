// A check that cannot fail proves nothing: here every promise of the demo is broken once, and has to be found.

import { describe, expect, test } from "vitest"
import { areEqualButReplayed } from "../src/answers.ts"
import { CouponBook, OrderBook, PointsBook, StockBook } from "../src/books.ts"
import { type Heard, type Kept, oversoldOf, promisesOf } from "../src/promises.ts"
import type { Recount } from "../src/recount.ts"

type Movements = Parameters<StockBook["add"]>[0]
type Entries = Parameters<PointsBook["add"]>[0]
type Coupons = Parameters<CouponBook["add"]>[0]
type Orders = Array<Parameters<OrderBook["add"]>[0][number]>

/** A small sale as rows: one of two units cancelled and sold again, one coupon used. */
interface Rows {
  movements: Array<Movements>
  onHand: number
  accounts: Array<{ entries: Entries; balance: number; orders: Orders }>
  coupons: Array<Coupons>
  couponsCounted: number
  couponLimit: number
  couldBuy: number
  events: number
  eventsLeft: number
  violations: number
  heard: Heard
}

const order = (orderId: string, accountId: string, paid: number, more: Partial<Orders[number]> = {}) =>
  ({ orderId, accountId, state: "placed", paid, lines: [{ quantity: 1 }], ...more }) as Orders[number]
const coupon = (accountId: string, ticket: number, state: Coupons["state"]) =>
  ({ accountId, ticket, state, orderId: undefined }) as Coupons
const movement = (revision: number, type: Movements["type"], change: number, onHand: number) =>
  ({ revision, type, change, onHand }) as Movements
const entry = (seq: number, type: Entries[number]["type"], change: number, balance: number) =>
  ({ seq, type, change, balance }) as Entries[number]

const soundRows = (): Rows => ({
  movements: [
    movement(1, "register", 1, 1),
    movement(2, "sale", -1, 0),
    movement(3, "restock", 1, 1),
    movement(4, "return", 1, 2),
    movement(5, "sale", -1, 1),
    movement(6, "sale", -1, 0),
  ],
  onHand: 0,
  accounts: [
    {
      entries: [entry(1, "charge", 50, 50), entry(2, "spend", -30, 20), entry(3, "refund", 30, 50)],
      balance: 50,
      orders: [order("1", "ann", 30, { state: "cancelled" })],
    },
    {
      entries: [entry(1, "charge", 40, 40), entry(2, "spend", -25, 15)],
      balance: 15,
      orders: [order("2", "bob", 25, { campaignId: "c" as never })],
    },
    { entries: [entry(1, "charge", 30, 30), entry(2, "spend", -30, 0)], balance: 0, orders: [order("3", "cid", 30)] },
  ],
  coupons: [coupon("bob", 1, "redeemed"), coupon("ann", 2, "issued")],
  couponsCounted: 2,
  couponLimit: 2,
  couldBuy: 0,
  // A product, a campaign, a delivery, three accounts, three charges, two coupons, three orders and a cancellation.
  events: 15,
  eventsLeft: 0,
  violations: 0,
  heard: { accepted: 15, doubleClicks: 2, unequal: 0, gaveUp: 0 },
})

const recountOf = (rows: Rows): Recount => {
  const stock = new StockBook()
  for (const row of rows.movements) stock.add(row)
  const points = new PointsBook()
  const orders = new OrderBook()
  for (const account of rows.accounts) {
    points.add(account.entries, account.balance)
    orders.add(account.orders)
  }
  const coupons = new CouponBook()
  for (const row of rows.coupons) coupons.add(row)
  const { onHand, couponsCounted, couponLimit, couldBuy, events, eventsLeft, violations } = rows
  const checks = [{ id: "point-ledger", title: "", checked: 1, violations }]
  const audit = { ok: violations === 0, checks }
  return { stock, onHand, points, coupons, couponsCounted, couponLimit, orders, couldBuy, events, eventsLeft, audit }
}

const check = (rows: Rows): ReadonlyArray<Kept> => promisesOf(recountOf(rows), rows.heard)
const namesBrokenBy = (damage: (rows: Rows) => void): ReadonlyArray<string> => {
  const rows = soundRows()
  damage(rows)
  return check(rows).flatMap(({ name, held }) => (held ? [] : [name]))
}
const first = <A>(items: ReadonlyArray<A>): A => {
  const [item] = items
  if (item === undefined) throw new Error("There is none.")
  return item
}

const damages: ReadonlyArray<readonly [promise: string, what: string, damage: (rows: Rows) => void]> = [
  [
    "units oversold",
    "an order more than there are units",
    (rows) => first(rows.accounts).orders.push(order("4", "ann", 0)),
  ],
  ["units oversold", "a count below zero", (rows) => rows.movements.splice(2, 0, movement(3, "sale", -1, -1))],
  ["units sold by the stock ledger and by the orders", "a sale without an order", (rows) => rows.accounts.pop()],
  ["units sold by the stock ledger and by the orders", "an order without a sale", (rows) => rows.movements.pop()],
  [
    "units on hand by the stock ledger and by the product",
    "a lost update of the product",
    (rows) => {
      rows.onHand = 1
    },
  ],
  ["gaps in the stock ledger", "a missing movement", (rows) => rows.movements.splice(1, 1)],
  [
    "gaps in the stock ledger",
    "a count that does not follow",
    (rows) => {
      rows.movements[1] = movement(2, "sale", -1, 1)
    },
  ],
  [
    "sold out, or nobody left who could buy",
    "a unit nobody was offered",
    (rows) => {
      rows.onHand = 1
      rows.couldBuy = 1
    },
  ],
  ["coupons issued", "more than the limit", (rows) => rows.coupons.push(coupon("cid", 3, "issued"))],
  ["coupons issued", "fewer than the limit", (rows) => rows.coupons.pop()],
  [
    "coupons by the campaign's own count",
    "a lost update of the campaign",
    (rows) => {
      rows.couponsCounted = 1
    },
  ],
  [
    "duplicate coupons",
    "two coupons of one account",
    (rows) => {
      rows.coupons[1] = coupon("bob", 2, "issued")
    },
  ],
  [
    "duplicate coupons",
    "one ticket given twice",
    (rows) => {
      rows.coupons[1] = coupon("ann", 1, "issued")
    },
  ],
  [
    "gaps in tickets 1 to 2",
    "a ticket left out",
    (rows) => {
      rows.coupons[1] = coupon("ann", 3, "issued")
    },
  ],
  [
    "coupons redeemed by live orders",
    "a coupon used and not redeemed",
    (rows) => {
      rows.coupons[0] = coupon("bob", 1, "issued")
    },
  ],
  [
    "accounts whose entries do not add up",
    "a balance without its entry",
    (rows) => {
      first(rows.accounts).balance = 51
    },
  ],
  [
    "accounts whose entries do not add up",
    "a gap between entries",
    (rows) => {
      first(rows.accounts).entries = [entry(2, "charge", 50, 50)]
    },
  ],
  [
    "accounts whose entries do not add up",
    "a balance below zero on the way",
    (rows) => {
      first(rows.accounts).entries = [entry(1, "spend", -30, -30), entry(2, "charge", 80, 50)]
    },
  ],
  [
    "points spent by the ledgers and paid by the orders",
    "an order that cost nothing",
    (rows) => {
      first(rows.accounts.slice(2)).orders = [order("3", "cid", 0)]
    },
  ],
  [
    "buyers with two orders",
    "a double click that bought twice",
    (rows) => first(rows.accounts).orders.push(order("4", "ann", 0, { state: "cancelled" })),
  ],
  [
    "double clicks answered equally",
    "two answers to one key",
    (rows) => {
      rows.heard = { ...rows.heard, unequal: 1 }
    },
  ],
  [
    "calls accepted, and found in the books",
    "an accepted call that left nothing",
    (rows) => {
      rows.heard = { ...rows.heard, accepted: 16 }
    },
  ],
  [
    "calls accepted, and events handed over",
    "an event that was never handed over",
    (rows) => {
      rows.events = 14
    },
  ],
  [
    "calls accepted, and events handed over",
    "an event of a call that was not accepted",
    (rows) => {
      rows.events = 16
    },
  ],
  [
    "events that wait or were set aside",
    "a parked event",
    (rows) => {
      rows.eventsLeft = 1
    },
  ],
  [
    "callers left without an answer",
    "a caller who gave up",
    (rows) => {
      rows.heard = { ...rows.heard, gaveUp: 1 }
    },
  ],
  [
    "violations in 1 audit checks",
    "an audit that found something",
    (rows) => {
      rows.violations = 1
    },
  ],
]

describe("the promises of the demo", () => {
  test("all hold for a sound sale", () => {
    expect(check(soundRows()).filter(({ held }) => !held)).toEqual([])
  })

  test.each(damages)("%s: finds %s", (promise, _, damage) => {
    expect(namesBrokenBy(damage)).toContain(promise)
  })

  test("each one is broken by some damage above", () => {
    const broken = new Set(damages.map(([promise]) => promise))
    expect(check(soundRows()).filter(({ name }) => !broken.has(name))).toEqual([])
  })

  test("units left are no broken promise where nobody could buy them", () => {
    const rows = soundRows()
    rows.movements.push(movement(7, "restock", 3, 3))
    rows.onHand = 3
    expect(check(rows).find(({ name }) => name.startsWith("sold out"))).toMatchObject({
      held: true,
      found: "3 left, 0 could buy",
    })
  })

  test("oversold counts the units beyond what there was, net of cancels", () => {
    const rows = soundRows()
    expect(oversoldOf(recountOf(rows))).toBe(0)
    first(rows.accounts).orders = [order("1", "ann", 30)]
    expect(oversoldOf(recountOf(rows))).toBe(1)
  })
})

describe("answers to a double click", () => {
  const answer = { orderId: "1", placedAt: new Date(0), replayed: false }

  test.each([
    ["the same, one from the receipt", { ...answer, replayed: true }, true],
    ["both fresh", answer, false],
    ["another order", { ...answer, orderId: "2", replayed: true }, false],
    ["another time", { ...answer, placedAt: new Date(1), replayed: true }, false],
  ])("%s", (_, other, equal) => {
    expect(areEqualButReplayed(answer, other)).toBe(equal)
    expect(areEqualButReplayed(other, answer)).toBe(equal)
  })
})
