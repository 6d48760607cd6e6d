/**
 * The audit of a shop that goes on selling: before every page, commands are committed. A commit between two pages is
 * never an offence, and an offence is found all the same.
 */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import { type AuditOptions, runAudit } from "../../src/audit/runAudit.ts"
import { createCampaignCall, issueCall, revokeCall } from "../../src/decision/couponCalls.ts"
import { completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, openCall } from "../../src/decision/pointsCalls.ts"
import { registerCall, restockCall } from "../../src/decision/stockCalls.ts"
import { hourOf } from "../../src/popularity/SalesBucket.ts"
import { Amount, Quantity } from "../../src/values.ts"
import { healthyShop, Shop } from "./support/shop.ts"

/** A linear congruential generator: every run of a seed is the same. */
const seeded = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}

const accounts = Array.from({ length: 12 }, (_, index) => `account-${index}`)
const products = Array.from({ length: 5 }, (_, index) => `product-${index}`)

/** Does one thing at random. Refusals are as good as anything else: they change nothing. */
const act = (shop: Shop, random: (below: number) => number, at: number): void => {
  const accountId = accounts[random(accounts.length)] ?? "account-0"
  const productId = products[random(products.length)] ?? "product-0"
  const orders = shop.records.order.all()
  const orderId = orders[random(orders.length)]?.orderId ?? "none"
  const campaignId = random(2) === 0 ? "few" : "many"
  switch (random(12)) {
    case 0:
      return void shop.try(openCall, { accountId: `late-${random(1_000)}` }, { at })
    case 1: {
      const settings = { accounts: "open-on-first-charge" } as const
      return void shop.try(chargeCall, { accountId: `first-${random(1_000)}`, amount: 5 }, { at, settings })
    }
    case 2:
      return void shop.try(
        registerCall,
        { productId: `late-${random(1_000)}`, name: "Late", price: 1, onHand: 2 },
        { at },
      )
    case 3:
      return void shop.try(restockCall, { productId, quantity: 5 }, { at })
    case 4:
    case 5:
      return void shop.try(issueCall, { campaignId, accountId }, { at })
    case 6:
      return void shop.try(revokeCall, { campaignId, accountId }, { at })
    case 7:
    case 8:
      return void shop.cancel(orderId, { at, restock: random(2) === 0 })
    case 9:
      return void shop.try(completeCall, { orderId }, { at })
    case 10:
      return void shop.try(chargeCall, { accountId, amount: 100 + random(900) }, { at })
    default: {
      const lines = products.slice(random(3), 3 + random(3)).map((id) => ({ productId: id, quantity: 1 + random(3) }))
      const coupon = shop.records.coupon.get(campaignId, accountId)?.state === "issued" ? { campaignId } : {}
      return void shop.try(placeCall, { accountId, lines, ...coupon }, { at })
    }
  }
}

const busyShop = (random: (below: number) => number): Shop => {
  const shop = new Shop()
  for (const accountId of accounts) {
    shop.do(openCall, { accountId })
    shop.do(chargeCall, { accountId, amount: 50_000 })
  }
  for (const productId of products) shop.do(registerCall, { productId, name: "Thing", price: 7, onHand: 500 })
  const discount = { type: "rate", percent: 30 } as const
  shop.do(createCampaignCall, { campaignId: "few", name: "Few", discount, limit: 4 })
  shop.do(createCampaignCall, { campaignId: "many", name: "Many", discount, limit: 400 })
  for (let index = 0; index < 200; index++) act(shop, random, shop.now)
  return shop
}

const violationsOf = (shop: Shop, options: AuditOptions) =>
  Effect.map(runAudit(shop, { maxExamples: 100, ...options }), ({ checks }) =>
    checks.flatMap(({ id, examples }) => examples.map((example) => ({ id, ...example }))),
  )

/**
 * Commits before every page, the more the larger pages are, with admission times around the start of the audit. It ends
 * some day, after several readings, because an audit of single rows cannot overtake a shop that is faster.
 */
const goOnSelling = (shop: Shop, random: (below: number) => number, pageSize: number, start: number): void => {
  let left = 1_500
  shop.beforePage = () => {
    const most = pageSize < 10 ? random(2) : Math.ceil(Math.sqrt(pageSize))
    for (let some = random(most + 1); some > 0 && left > 0; some--, left--) {
      // Commands of other processes may be admitted earlier and committed only now.
      act(shop, random, start - 5_000 + random(10_000))
    }
  }
}

describe("a shop that goes on selling", () => {
  // 310 and 579: sales and cancels brought a bucket's sums back to where they were between two readings.
  for (const seed of [...Array.from({ length: 24 }, (_, index) => index + 1), 310, 579]) {
    it.effect(`gives no false alarm, seed ${seed}`, () =>
      Effect.gen(function* () {
        const random = seeded(seed)
        const shop = busyShop(random)
        const start = shop.now
        yield* TestClock.setTime(start)
        const pageSize = [1, 3, 17, 500][seed % 4] ?? 1
        goOnSelling(shop, random, pageSize, start)
        const report = yield* runAudit(shop, { pageSize, maxStatements: seed % 3 === 0 ? 20 : 200_000 })
        expect(report.checks.filter(({ violations }) => violations > 0)).toEqual([])
        // Nothing was left open by mistake either: once it is quiet, everything is settled.
        shop.beforePage = () => undefined
        yield* TestClock.setTime(shop.now)
        const quiet = yield* runAudit(shop, { pageSize })
        expect(quiet.checks.filter(({ violations, unsettled }) => violations + unsettled > 0)).toEqual([])
      }),
    )
  }

  for (let seed = 1; seed <= 10; seed++) {
    it.effect(`still finds what is broken, and only that, seed ${seed}`, () =>
      Effect.gen(function* () {
        const random = seeded(seed)
        const shop = busyShop(random)
        const start = shop.now
        shop.do(openCall, { accountId: "zoe" })
        shop.do(chargeCall, { accountId: "zoe", amount: 40 }, { id: "charge-lost" })
        shop.rows.entry.take(["zoe", 1])
        shop.records.account.alter(["zoe"], () => ({ balance: Amount.make(0), seq: 0 }))
        // Completed, so that nothing that happens to it meanwhile can mend or hide what is broken.
        shop.do(openCall, { accountId: "yan" })
        shop.do(chargeCall, { accountId: "yan", amount: 40 })
        shop.do(registerCall, { productId: "rare", name: "Rare", price: 40, onHand: 1 })
        const lines = [{ productId: "rare", quantity: 1 }]
        shop.do(placeCall, { accountId: "yan", lines }, { id: "order-lost" })
        shop.do(completeCall, { orderId: "order-lost" })
        const hour = hourOf(shop.records.order.get("order-lost")?.placedAt ?? 0)
        shop.records.bucket.alter(["rare", hour], () => ({ sold: Quantity.make(2) }))
        shop.records.receipt.take(["test", "orders.place", "order-lost"])
        yield* TestClock.setTime(shop.now)
        goOnSelling(shop, random, 5, start)
        const violations = yield* violationsOf(shop, { pageSize: 5 })
        expect(violations.map(({ id, key }) => [id, key])).toEqual([
          ["sales-buckets", ["rare", hour]],
          ["entry-receipts", ["charge-lost"]],
          ["order-receipts", ["order-lost"]],
        ])
      }),
    )
  }

  it.effect("does not read again for the sake of commands that were admitted after it began", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      yield* TestClock.setTime(shop.now)
      const start = shop.now
      shop.beforePage = () => {
        shop.do(chargeCall, { accountId: "ada", amount: 1 }, { at: start + 1 })
      }
      expect((yield* runAudit(shop)).ok).toBe(true)
      const accounts = shop.pages.get("account") ?? 0
      shop.pages.clear()
      // The same in the millisecond of the start: compared, and so read again where a page came in between.
      yield* TestClock.setTime(shop.now)
      const now = shop.now
      shop.beforePage = () => {
        shop.do(chargeCall, { accountId: "ada", amount: 1 }, { at: now })
      }
      expect((yield* runAudit(shop)).ok).toBe(true)
      expect(shop.pages.get("account")).toBeGreaterThan(accounts)
    }),
  )

  it.effect("a bucket that never stands still is unsettled and no violation", () =>
    Effect.gen(function* () {
      const shop = healthyShop()
      yield* TestClock.setTime(shop.now)
      shop.beforePage = (name) => {
        if (name !== "bucket") return
        const lines = [{ productId: "pen", quantity: 1 }]
        shop.do(placeCall, { accountId: "ada", lines }, { at: shop.now })
      }
      const report = yield* runAudit(shop)
      expect(report.ok).toBe(true)
      expect(report.checks.find(({ id }) => id === "sales-buckets")).toMatchObject({ violations: 0, unsettled: 1 })
    }),
  )
})
