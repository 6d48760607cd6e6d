import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import type { AuditReport } from "../../src/audit/AuditReport.ts"
import { type AuditOptions, runAudit } from "../../src/audit/runAudit.ts"
import type { AuditSource } from "../../src/audit/walk.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, openCall } from "../../src/decision/pointsCalls.ts"
import { registerCall } from "../../src/decision/stockCalls.ts"
import { hourOf } from "../../src/popularity/SalesBucket.ts"
import type { StoreFault, StoreShape } from "../../src/ports/index.ts"
import { testAt, testScope } from "../../src/testing/suites/commands.ts"
import { Amount, CampaignId, OrderId, Quantity } from "../../src/values.ts"
import { healthyShop, Shop } from "./support/shop.ts"

const audit = (shop: Shop, options?: AuditOptions) =>
  Effect.andThen(
    TestClock.setTime(shop.now),
    Effect.suspend(() => runAudit(shop, options)),
  )

/** Everything that the report found wrong, by check. */
const wrong = (report: AuditReport) =>
  Object.fromEntries(
    report.checks.flatMap(({ id, violations, examples }) => {
      expect(examples).toHaveLength(violations)
      const shown = examples.map(({ key, expected, found }) => ({ key, expected, found }))
      return violations === 0 ? [] : [[id, shown]]
    }),
  )

const amount = (value: number) => Amount.make(value)
const units = (value: number) => Quantity.make(value)
const receiptKey = (operation: string, key: string) => [testScope, operation, key] as const

describe("a healthy shop", () => {
  it.effect("is clean, and every check looked at what there is", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const report = yield* audit(shop)
      expect(wrong(report)).toEqual({})
      expect(report).toMatchObject({ ok: true, startedAt: shop.now, finishedAt: shop.now, asOf: shop.now })
      expect(Object.fromEntries(report.checks.map(({ id, checked }) => [id, checked]))).toEqual({
        "scan-order": expect.any(Number),
        "point-ledger": 13,
        "account-balance": 4,
        "balance-limit": 4,
        "stock-ledger": 17,
        "product-on-hand": 2,
        "coupon-tickets": 6,
        "campaign-issued": 2,
        "terms-ledger": 4,
        "terms-receipts": 4,
        "entry-terms": 10,
        "movement-terms": 13,
        "coupon-terms": 6,
        "order-sums": 7,
        "sales-buckets": 3,
        "account-receipts": 3,
        "product-receipts": 2,
        "campaign-receipts": 2,
        "entry-receipts": 5,
        "movement-receipts": 3,
        "coupon-receipts": 6,
        "revoke-receipts": 3,
        "order-receipts": 7,
        "close-receipts": 3,
        "order-spends": 6,
        "order-refunds": 2,
        "order-sales": 12,
        "order-prices": 12,
        "order-returns": 2,
        "order-coupons": 4,
        "account-terms": 2,
        "campaign-terms": 0,
        "product-terms": 1,
      })
      expect(report.checks.every(({ unsettled }) => unsettled === 0)).toBe(true)
    }),
  )

  it.effect("is clean with one row to a page, and where a store caps its pages", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const report = yield* audit(shop)
      expect((yield* audit(shop, { pageSize: 1 })).checks.slice(1)).toEqual(report.checks.slice(1))
      const capped: AuditSource<never> = {
        scan: (kind, after, limit) => shop.scan(kind, after, Math.min(limit, 2)),
        scanLog: (log, after, limit) => shop.scanLog(log, after, Math.min(limit, 2)),
      }
      expect((yield* runAudit(capped)).checks.slice(1)).toEqual(report.checks.slice(1))
    }),
  )

  it.effect("is clean when all of it happened in the millisecond in which the audit began", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      for (const [index, accountId] of ["eve", "fay"].entries()) {
        const opens = { settings: { accounts: "open-on-first-charge" }, at: shop.now } as const
        if (index === 0) shop.do(openCall, { accountId }, { at: shop.now })
        shop.do(chargeCall, { accountId, amount: 5 }, { id: `charge-${accountId}`, ...opens })
      }
      expect(wrong(yield* audit(shop))).toEqual({})
      shop.rows.entry.take(["eve", 1])
      expect(wrong(yield* audit(shop))).toHaveProperty("entry-receipts")
    }),
  )

  it.effect("looks at rows of any time where it is told that rows from after now were archived", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      shop.records.receipt.take(receiptKey("orders.place", "order-7"))
      const archivedBy = (before: number) => {
        const source = { scan: shop.scan, scanLog: shop.scanLog, archivedBefore: Effect.succeed(before) }
        return Effect.map(runAudit(source), wrong)
      }
      yield* TestClock.setTime(shop.now)
      expect(yield* archivedBy(shop.now)).toEqual({})
      expect(yield* archivedBy(4_000_000_000_000)).toHaveProperty("order-receipts")
    }),
  )

  it.effect("an empty store is clean", () =>
    Effect.gen(function* () {
      const empty: AuditSource<never> = { scan: () => Effect.succeed([]), scanLog: () => Effect.succeed([]) }
      const report = yield* runAudit(empty)
      expect(report.ok).toBe(true)
      expect(report.checks.every(({ checked }) => checked === 0)).toBe(true)
    }),
  )

  it("a store of the port is a source as it is", () => {
    const sourceOf = (store: StoreShape): AuditSource<StoreFault> => store
    expect(sourceOf).toBeTypeOf("function")
  })
})

/** One thing broken, and everything that the audit must say about it, to the number. */
const broken: ReadonlyArray<{ what: string; break: (shop: Shop) => void; wrong: ReturnType<typeof wrong> }> = [
  {
    what: "an entry deleted",
    break: ({ rows }) => rows.entry.take(["ada", 3]),
    wrong: {
      "point-ledger": [{ key: ["ada", 4], expected: 3, found: 4 }],
      "account-balance": [{ key: ["ada"], expected: { position: 7, sum: 9_800 }, found: { position: 7, sum: 9_700 } }],
      "entry-receipts": [
        {
          key: ["adjust-ada-3"],
          expected: { type: "adjust", accountId: "ada", seq: 3, change: -100, balance: 10_400 },
          found: null,
        },
      ],
    },
  },
  {
    what: "the last entry deleted",
    break: ({ rows }) => rows.entry.take(["ada", 7]),
    wrong: {
      "account-balance": [{ key: ["ada"], expected: { position: 6, sum: 9_800 }, found: { position: 7, sum: 9_700 } }],
      "order-spends": [
        { key: ["order-7"], expected: { accountId: "ada", change: -100, commandId: "order-7" }, found: null },
      ],
    },
  },
  {
    what: "an entry's balance altered",
    break: ({ rows }) => rows.entry.alter(["ada", 4], () => ({ balance: amount(9_999) })),
    wrong: { "point-ledger": [{ key: ["ada", 4], expected: 9_800, found: 9_999 }] },
  },
  {
    what: "an entry's change altered",
    break: ({ rows }) => rows.entry.alter(["bob", 2], () => ({ change: -1_000 })),
    wrong: {
      "point-ledger": [{ key: ["bob", 2], expected: 4_000, found: 3_801 }],
      "account-balance": [{ key: ["bob"], expected: { position: 5, sum: 3_400 }, found: { position: 5, sum: 3_201 } }],
      "order-spends": [
        {
          key: ["order-2"],
          expected: { accountId: "bob", change: -1_199, commandId: "order-2" },
          found: { accountId: "bob", change: -1_000, commandId: "order-2" },
        },
      ],
    },
  },
  {
    what: "an account's balance altered together with its last entry's",
    break: ({ rows, records }) => {
      rows.entry.alter(["bob", 5], () => ({ balance: amount(9_999) }))
      records.account.alter(["bob"], () => ({ balance: amount(9_999) }))
    },
    wrong: {
      "point-ledger": [{ key: ["bob", 5], expected: 3_201, found: 9_999 }],
      "account-balance": [{ key: ["bob"], expected: { position: 5, sum: 3_201 }, found: { position: 5, sum: 9_999 } }],
    },
  },
  {
    what: "an entry that its account never counted",
    break: ({ records }) => records.account.alter(["ada"], () => ({ balance: amount(9_800), seq: 6 })),
    wrong: { "account-balance": [{ key: ["ada"], expected: 7, found: 6 }] },
  },
  {
    what: "entries without an account",
    break: ({ records }) => records.account.take(["cem"]),
    wrong: { "account-balance": [{ key: ["cem"], expected: 1, found: null }] },
  },
  {
    what: "an account that was opened and is not there",
    break: ({ records }) => records.account.take(["dot"]),
    wrong: {
      "account-receipts": [
        { key: ["dot"], expected: { openedAt: testAt + 120_000, balanceLimit: 2 ** 53 - 1 }, found: null },
      ],
      "account-terms": [{ key: ["dot"], expected: null, found: { state: "closed", version: 2 } }],
    },
  },
  {
    what: "a balance below zero whose sums add up",
    break: ({ rows, records }) => {
      const last = rows.entry.take(["ada", 7])
      // Amounts below zero have no constructor.
      const below = -5 as Amount
      rows.entry.add({ ...last, change: -9_805, balance: below })
      records.account.alter(["ada"], () => ({ balance: below }))
    },
    wrong: {
      "point-ledger": [{ key: ["ada", 7], expected: 0, found: -5 }],
      "account-balance": [{ key: ["ada"], expected: { position: 7, sum: -5 }, found: { position: 7, sum: -5 } }],
      "order-spends": [
        {
          key: ["order-7"],
          expected: { accountId: "ada", change: -100, commandId: "order-7" },
          found: { accountId: "ada", change: -9_805, commandId: "order-7" },
        },
      ],
    },
  },
  {
    what: "a charge above the limit whose sums add up",
    break: ({ records }) => records.account.alter(["bob"], () => ({ balanceLimit: amount(4_999) })),
    wrong: {
      "balance-limit": [{ key: ["bob", 1], expected: 4_999, found: 5_000 }],
      "account-receipts": [
        {
          key: ["bob"],
          expected: { openedAt: testAt + 60_000, balanceLimit: 2 ** 53 - 1 },
          found: { openedAt: testAt + 60_000, balanceLimit: 4_999 },
        },
      ],
    },
  },
  {
    what: "a limit of a balance that nobody came to, altered",
    break: ({ records }) => records.account.alter(["bob"], () => ({ balanceLimit: amount(1_000_000) })),
    wrong: {
      "account-receipts": [
        {
          key: ["bob"],
          expected: { openedAt: testAt + 60_000, balanceLimit: 2 ** 53 - 1 },
          found: { openedAt: testAt + 60_000, balanceLimit: 1_000_000 },
        },
      ],
    },
  },
  {
    what: "units on hand altered",
    break: ({ records }) => records.product.alter(["pen"], () => ({ onHand: units(40) })),
    wrong: {
      "product-on-hand": [{ key: ["pen"], expected: { position: 9, sum: 37 }, found: { position: 9, sum: 40 } }],
    },
  },
  {
    what: "a sale movement deleted, with the stock made to add up",
    break: ({ rows, records }) => {
      rows.movement.take(["pen", 9])
      records.product.alter(["pen"], () => ({ onHand: units(38), revision: 8 }))
    },
    wrong: {
      "order-sales": [{ key: ["order-7", "pen"], expected: { change: -1, commandId: "order-7" }, found: null }],
      // What is not sold has no price either.
      "order-prices": [{ key: ["order-7", "pen"], expected: { name: "Pen", unitPrice: 100 }, found: null }],
    },
  },
  {
    what: "a return movement of another size, with the stock made to add up",
    break: ({ rows, records }) => {
      rows.movement.alter(["pot", 6], () => ({ change: 2, onHand: units(11) }))
      rows.movement.alter(["pot", 7], () => ({ onHand: units(8) }))
      rows.movement.alter(["pot", 8], () => ({ onHand: units(5) }))
      records.product.alter(["pot"], () => ({ onHand: units(5) }))
    },
    wrong: {
      "order-returns": [
        {
          key: ["order-3", "pot"],
          expected: { change: 3, commandId: "cancel-3" },
          found: { change: 2, commandId: "cancel-3" },
        },
      ],
    },
  },
  {
    what: "a ticket given twice",
    break: ({ records }) => records.coupon.alter(["half", "cem"], () => ({ ticket: 2 })),
    wrong: {
      "coupon-tickets": [
        { key: ["half", "cem"], expected: null, found: 2 },
        { key: ["half", 3], expected: 3, found: null },
      ],
      "campaign-issued": [{ key: ["half"], expected: 2, found: 3 }],
      "coupon-receipts": [
        {
          key: ["issue-half-cem"],
          expected: expect.objectContaining({ accountId: "cem", ticket: 3 }),
          found: expect.objectContaining({ accountId: "cem", ticket: 2 }),
        },
      ],
    },
  },
  {
    what: "a gap in the tickets",
    break: ({ records }) => {
      records.coupon.take(["half", "cem"])
      records.receipt.take(receiptKey("coupons.issue", "issue-half-cem"))
      records.receipt.take(receiptKey("coupons.revoke", "revoke-half-cem"))
    },
    wrong: {
      "coupon-tickets": [{ key: ["half", 3], expected: 3, found: null }],
      "campaign-issued": [{ key: ["half"], expected: 2, found: 3 }],
    },
  },
  {
    what: "two coupons issued over the limit",
    break: (shop) => {
      shop.do(openCall, { accountId: "eve" })
      overIssue(shop, "dot", 4)
      overIssue(shop, "eve", 5)
      shop.records.campaign.alter(["half"], () => ({ issued: units(5) }))
    },
    wrong: {
      "campaign-issued": [{ key: ["half"], expected: 3, found: 5 }],
      "coupon-terms": [
        { key: ["half", "dot"], expected: { "limit of at least": 4 }, found: { "limit of at least": 3 } },
        { key: ["half", "eve"], expected: { "limit of at least": 5 }, found: { "limit of at least": 3 } },
      ],
    },
  },
  {
    what: "a coupon that its campaign never counted",
    break: (shop) => overIssue(shop, "dot", 4),
    wrong: { "campaign-issued": [{ key: ["half"], expected: 4, found: 3 }] },
  },
  {
    what: "a counter of a campaign gone wild",
    break: ({ records }) => records.campaign.alter(["half"], () => ({ issued: units(1_000_000_000_000) })),
    wrong: {
      "coupon-tickets": Array.from({ length: 1000 }, (_, index) => ({
        key: ["half", index + 4],
        expected: index + 4,
        found: null,
      })),
      "campaign-issued": [
        { key: ["half"], expected: 3, found: 1_000_000_000_000 },
        { key: ["half"], expected: 3, found: 1_000_000_000_000 },
      ],
    },
  },
  {
    what: "coupons without a campaign",
    break: ({ records }) => records.campaign.take(["half"]),
    wrong: {
      "campaign-issued": [{ key: ["half"], expected: 3, found: null }],
      "campaign-receipts": [{ key: ["half"], expected: expect.objectContaining({ limit: 3 }), found: null }],
    },
  },
  {
    what: "an order whose spend entry is missing, with the balance made to add up",
    break: ({ rows, records }) => {
      rows.entry.take(["ada", 7])
      records.account.alter(["ada"], () => ({ balance: amount(9_800), seq: 6 }))
    },
    wrong: {
      "order-spends": [
        { key: ["order-7"], expected: { accountId: "ada", change: -100, commandId: "order-7" }, found: null },
      ],
    },
  },
  {
    what: "an order refunded twice, with the balance made to add up",
    break: ({ rows, records }) => {
      const refund = rows.entry.get("ada", 6)
      if (refund === undefined) throw new Error("there is no refund")
      rows.entry.add({ ...refund, seq: 8, balance: amount(9_899) })
      records.account.alter(["ada"], () => ({ balance: amount(9_899), seq: 8 }))
    },
    wrong: {
      "order-refunds": [
        {
          key: ["order-6"],
          expected: { accountId: "ada", change: 199, commandId: "cancel-6" },
          found: [
            { accountId: "ada", change: 199, commandId: "cancel-6" },
            { accountId: "ada", change: 199, commandId: "cancel-6" },
          ],
        },
      ],
    },
  },
  {
    what: "a receipt whose row is missing while every sum adds up",
    break: (shop) => {
      shop.do(chargeCall, { accountId: "ada", amount: 40 }, { id: "charge-lost" })
      shop.rows.entry.take(["ada", 8])
      shop.records.account.alter(["ada"], () => ({ balance: amount(9_700), seq: 7 }))
    },
    wrong: {
      "entry-receipts": [
        {
          key: ["charge-lost"],
          expected: { type: "charge", accountId: "ada", seq: 8, change: 40, balance: 9_740 },
          found: null,
        },
      ],
    },
  },
  {
    what: "a charge receipt whose balance is not the ledger's",
    break: ({ records }) =>
      records.receipt.alter(receiptKey("points.charge", "charge-ada-2"), ({ answer }) => ({
        answer: { ...answer, balance: 10_400 },
      })),
    wrong: {
      "entry-receipts": [
        {
          key: ["charge-ada-2"],
          expected: { type: "charge", accountId: "ada", seq: 2, change: 500, balance: 10_400 },
          found: { type: "charge", accountId: "ada", seq: 2, change: 500, balance: 10_500 },
        },
      ],
    },
  },
  {
    what: "a movement without its receipt",
    break: ({ records }) => records.receipt.take(receiptKey("stock.restock", "restock-pot")),
    wrong: {
      "movement-receipts": [
        { key: ["restock-pot"], expected: null, found: { type: "restock", productId: "pot", change: 20 } },
      ],
    },
  },
  {
    what: "an order without its receipt",
    break: ({ records }) => records.receipt.take(receiptKey("orders.place", "order-7")),
    wrong: { "order-receipts": [{ key: ["order-7"], expected: null, found: { commandId: "order-7" } }] },
  },
  {
    what: "a cancel receipt whose order is live",
    break: (shop) => {
      const before = shop.records.order.take(["order-7"])
      shop.records.order.add(before)
      const receipt = shop.records.receipt.get(...receiptKey("orders.cancel", "cancel-3"))
      if (receipt === undefined) throw new Error("there is no receipt")
      const answer = { orderId: OrderId.make("order-7") }
      shop.records.receipt.alter(receiptKey("orders.cancel", "cancel-3"), () => ({ answer }))
    },
    wrong: {
      "close-receipts": expect.arrayContaining([
        { key: ["order-7"], expected: expect.objectContaining({ commandId: "cancel-3" }), found: null },
        { key: ["order-3"], expected: null, found: expect.objectContaining({ commandId: "cancel-3" }) },
      ]),
    },
  },
  {
    what: "a coupon redeemed without an order",
    break: ({ records }) =>
      records.coupon.alter(["free", "bob"], () => ({ state: "redeemed", orderId: OrderId.make("order-9") })),
    wrong: {
      "order-coupons": [{ key: ["free", "bob"], expected: null, found: { orderId: "order-9", state: "redeemed" } }],
    },
  },
  {
    what: "an order whose coupon is not redeemed",
    break: ({ records }) => records.coupon.alter(["half", "ada"], () => ({ state: "issued", orderId: undefined })),
    wrong: {
      "order-coupons": [{ key: ["half", "ada"], expected: { orderId: "order-1", state: "redeemed" }, found: null }],
    },
  },
  {
    what: "a revoked coupon that names an order which never used it",
    break: ({ records }) => records.coupon.alter(["half", "cem"], () => ({ orderId: OrderId.make("order-7") })),
    wrong: {
      "order-coupons": [{ key: ["half", "cem"], expected: null, found: { orderId: "order-7", state: "revoked" } }],
    },
  },
  {
    what: "an order that names another campaign",
    break: ({ records }) => records.order.alter(["order-1"], () => ({ campaignId: CampaignId.make("free") })),
    wrong: {
      "order-coupons": expect.arrayContaining([
        { key: ["half", "ada"], expected: null, found: { orderId: "order-1", state: "redeemed" } },
        {
          key: ["free", "ada"],
          expected: { orderId: "order-1", state: "redeemed" },
          found: { orderId: "order-6", state: "revoked" },
        },
      ]),
    },
  },
  {
    what: "the count of a sales bucket altered",
    break: ({ records }) => records.bucket.alter(["pen", hourOf(testAt)], () => ({ sold: units(11) })),
    wrong: { "sales-buckets": [{ key: ["pen", hourOf(testAt)], expected: 10, found: 11 }] },
  },
  {
    what: "a sales bucket missing",
    break: ({ records }) => records.bucket.take(["pen", hourOf(testAt) + 2]),
    wrong: { "sales-buckets": [{ key: ["pen", hourOf(testAt) + 2], expected: 1, found: 0 }] },
  },
  {
    what: "a point of the discount moved from one line to the other",
    break: ({ records }) =>
      records.order.alter(["order-1"], ({ lines }) => ({
        lines: lines.map((line, index) => {
          const moved = index === 0 ? 1 : -1
          return { ...line, discount: amount(line.discount + moved), paid: amount(line.paid - moved) }
        }),
      })),
    wrong: {
      "order-sums": [
        {
          key: ["order-1"],
          expected: { "shares of the discount": "100, 499" },
          found: { "shares of the discount": "101, 498" },
        },
      ],
    },
  },
  {
    what: "a line that paid more than its order says",
    break: ({ records }) =>
      records.order.alter(["order-2"], ({ lines }) => ({
        lines: lines.map((line, index) => (index === 0 ? { ...line, paid: amount(line.paid + 7) } : line)),
      })),
    wrong: {
      "order-sums": [
        {
          key: ["order-2"],
          expected: { "paid by lines": 1_206, "lines that did not pay their price less their share": 0 },
          found: { "paid by lines": 1_199, "lines that did not pay their price less their share": 1 },
        },
      ],
    },
  },
  {
    what: "an order that was cancelled at another time than was answered",
    break: ({ records }) =>
      records.order.alter(["order-3"], ({ closed }) => ({ closed: closed && { ...closed, at: testAt } })),
    wrong: {
      "close-receipts": [
        {
          key: ["order-3"],
          expected: { state: "cancelled", commandId: "cancel-3", at: expect.any(Number) },
          found: { state: "cancelled", commandId: "cancel-3", at: testAt },
        },
      ],
    },
  },
  {
    what: "an order that is cancelled and was never closed",
    break: ({ records }) => records.order.alter(["order-7"], () => ({ state: "cancelled" })),
    wrong: {
      "order-sums": [{ key: ["order-7"], expected: { closed: true }, found: { closed: false } }],
      "sales-buckets": [{ key: ["pen", hourOf(testAt) + 2], expected: 0, found: 1 }],
    },
  },
]

/** Puts a coupon of `half` and its receipt where the limit allows none. */
const overIssue = ({ records }: Shop, accountId: string, ticket: number) => {
  const coupon = records.coupon.get("half", "ada")
  const receipt = records.receipt.get(...receiptKey("coupons.issue", "issue-half-ada"))
  const account = records.account.get(accountId)
  if (coupon === undefined || receipt === undefined || account === undefined) throw new Error("nothing to copy")
  const commandId = receipt.commandId.replace("ada", accountId) as typeof receipt.commandId
  const owner = account.accountId
  records.coupon.add({ ...coupon, accountId: owner, ticket, commandId, state: "issued", orderId: undefined })
  const key = receipt.key.replace("ada", accountId) as typeof receipt.key
  records.receipt.add({ ...receipt, key, commandId, answer: { ...receipt.answer, accountId, ticket } })
}

describe("finds, with its numbers and nothing else", () => {
  for (const each of broken) {
    it.effect(each.what, () =>
      Effect.gen(function* () {
        const shop = healthyShop()
        each.break(shop)
        const report = yield* audit(shop, { maxExamples: 5_000 })
        expect(wrong(report)).toEqual(each.wrong)
        expect(report.ok).toBe(false)
        expect(report.checks.every(({ unsettled }) => unsettled === 0)).toBe(true)
        // Neither the size of pages nor how much is read again at a time may change what is found.
        const small = yield* audit(shop, { maxExamples: 5_000, pageSize: 1, maxStatements: 1 })
        expect(wrong(small)).toEqual(each.wrong)
      }),
    )
  }

  it.effect.each<readonly [what: string, break_: (shop: Shop) => void, named: ReadonlyArray<string>]>([
    ...["null", "{}", "5", "[null]", '["pen"]', "[{}]", "[]"].map(
      (json) =>
        [
          `${json} for the lines of an order`,
          ({ records }: Shop) => void records.order.alter(["order-2"], () => ({ lines: JSON.parse(json) })),
          ["order-sums", "sales-buckets", "order-sales"],
        ] as const,
    ),
    [
      "null for the discount of a campaign",
      ({ records }) => records.campaign.alter(["half"], () => ({ discount: JSON.parse("null") })),
      ["campaign-receipts", "coupon-terms"],
    ],
    [
      "null for the discount of a coupon",
      ({ records }) => records.coupon.alter(["half", "ada"], () => ({ discount: JSON.parse("null") })),
      ["coupon-receipts", "coupon-terms"],
    ],
    [
      "null for an answer",
      ({ records }) =>
        records.receipt.alter(receiptKey("coupons.issue", "issue-half-cem"), () => ({ answer: JSON.parse("null") })),
      ["coupon-receipts"],
    ],
    [
      "null for the terms of an account",
      ({ records }) => records.terms.alter(["dot", "account", 2], () => ({ after: JSON.parse("null") })),
      ["account-terms", "terms-receipts"],
    ],
  ])("%s, which somebody wrote past the shop, and goes on", ([, break_, named]) =>
    Effect.gen(function* () {
      const shop = healthyShop()
      break_(shop)
      shop.records.product.alter(["pen"], () => ({ onHand: units(40) }))
      const found = wrong(yield* audit(shop))
      expect(Object.keys(found)).toEqual(expect.arrayContaining([...named, "product-on-hand"]))
    }),
  )

  it.effect("a scan out of order", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const source: AuditSource<never> = {
        scan: (kind, after, limit) => {
          const page = shop.scan(kind, after, limit)
          return kind === "account" && after === undefined ? Effect.map(page, (rows) => rows.toReversed()) : page
        },
        scanLog: shop.scanLog,
      }
      const report = yield* runAudit(source)
      expect(report.checks[0]?.id).toBe("scan-order")
      expect(report.checks[0]?.examples[0]).toMatchObject({ key: ["cem"], expected: ["dot"], found: ["cem"] })
    }),
  )

  it.effect("a scan that does not go on, without reading for ever", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const source: AuditSource<never> = {
        scan: (kind, _after, limit) => shop.scan(kind, undefined, limit),
        scanLog: (log, _after, limit) => shop.scanLog(log, undefined, limit),
      }
      const report = yield* runAudit(source)
      expect(report.checks[0]?.violations).toBeGreaterThan(0)
    }),
  )

  it.effect("a row twice in a page", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const [entry] = yield* shop.scanLog("entry", undefined, 1)
      if (entry !== undefined) shop.rows.entry.add(entry)
      const found = wrong(yield* audit(shop))
      expect(found).toMatchObject({
        "scan-order": [{ key: ["ada", 1], expected: ["ada", 1] }],
        "point-ledger": [{ key: ["ada", 1], expected: 2, found: 1 }],
      })
    }),
  )
})

describe("how it reads", () => {
  it.effect("reads a clean store once, one page after the other, and rests between pages", () =>
    Effect.gen(function* () {
      const shop = new Shop()
      for (const accountId of ["ada", "bob", "cem"]) {
        shop.do(openCall, { accountId })
        shop.do(chargeCall, { accountId, amount: 100 })
      }
      yield* TestClock.setTime(shop.now)
      const fiber = yield* Effect.forkChild(runAudit(shop, { pageSize: 2, pauseMillis: 1_000 }))
      yield* TestClock.adjust("1 hour")
      const { startedAt, finishedAt, ok } = yield* Fiber.join(fiber)
      expect(ok).toBe(true)
      expect(Object.fromEntries(shop.pages)).toEqual({
        // Two pages with something in them, and the empty one that is the end.
        account: 3,
        // Each page of accounts reads the entries from where the last one ended: 2 and one too far, 1 and none, none.
        entry: 5,
        receipt: 4,
        // Once to see when histories begin, and for each page of owners, also the empty ones.
        terms: 6,
        campaign: 1,
        coupon: 1,
        product: 1,
        movement: 1,
        order: 1,
        bucket: 1,
      })
      expect(finishedAt - startedAt).toBe(24_000)
    }),
  )

  it.effect("twenty thousand orders of one hot product, with memory for a few hundred statements", () =>
    Effect.gen(function* () {
      const shop = new Shop()
      const accounts = Array.from({ length: 200 }, (_, index) => ({ accountId: `account-${index}` }))
      shop.batch(openCall, accounts)
      shop.batch(
        chargeCall,
        accounts.map(({ accountId }) => ({ accountId, amount: 1_000_000 })),
      )
      for (const productId of ["hot", "mild"]) {
        shop.do(registerCall, { productId, name: "Thing", price: 3, onHand: 1_000_000 })
      }
      for (let order = 0; order < 20_000; order += 200) {
        const lines = [
          { productId: "hot", quantity: 2 },
          { productId: "mild", quantity: 1 },
        ]
        const inputs = accounts.map(({ accountId }) => ({ accountId, lines }))
        shop.batch(placeCall, inputs)
      }
      expect(wrong(yield* audit(shop))).toEqual({})
      shop.rows.movement.take(["hot", 20_001])
      shop.records.product.alter(["hot"], ({ onHand }) => ({ onHand: units(onHand + 2), revision: 20_000 }))
      const report = yield* audit(shop, { maxStatements: 300 })
      expect(wrong(report)).toMatchObject({ "order-sales": [{ expected: { change: -2 }, found: null }] })
      expect(report.checks.find(({ id }) => id === "order-sales")?.checked).toBe(39_999)
    }),
  )

  it.effect("shows the first violations and counts all of them", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      for (let index = 0; index < 50; index++) {
        shop.do(registerCall, { productId: `product-${index}`, name: "Thing", price: 1, onHand: 5 })
        shop.records.product.alter([`product-${index}`], () => ({ onHand: units(4) }))
      }
      const report = yield* audit(shop, { maxExamples: 3 })
      const check = report.checks.find(({ id }) => id === "product-on-hand")
      expect(check).toMatchObject({ checked: 52, violations: 50 })
      expect(check?.examples).toHaveLength(3)
    }),
  )

  it.effect("fails as its source does, and only then", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      const source: AuditSource<"lost"> = { scan: shop.scan, scanLog: () => Effect.fail("lost") }
      expect(yield* Effect.flip(runAudit(source))).toBe("lost")
    }),
  )

  it.effect("waits until what was admitted before is settled", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      let read = false
      shop.beforePage = () => {
        read = true
      }
      const settled = Effect.sync(() => expect(read).toBe(false))
      expect((yield* audit(shop, { settled })).ok).toBe(true)
      expect(read).toBe(true)
    }),
  )
})
