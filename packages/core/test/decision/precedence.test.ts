import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  pauseCampaignCall,
  revokeCall,
} from "../../src/decision/couponCalls.ts"
import { completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, closeCall, openCall, suspendCall } from "../../src/decision/pointsCalls.ts"
import { restockCall, retireCall } from "../../src/decision/stockCalls.ts"
import { hourOf } from "../../src/popularity/SalesBucket.ts"
import { type RefusalTag, refusals } from "../../src/refusals.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { maxAmount, ProductId, Quantity } from "../../src/values.ts"
import { furnished, line, orderOf, place, refusalOf, World } from "./world.ts"
import "../support/random.ts"

const rank = Object.fromEntries(Object.keys(refusals).map((tag, index) => [tag, index])) as Record<RefusalTag, number>

/** What must be answered: of all that is wrong, what stands first in the table. */
const firstOf = (wrong: ReadonlyArray<RefusalTag>): RefusalTag | undefined =>
  wrong.toSorted((left, right) => rank[left] - rank[right])[0]

const subsetOf = <T extends string>(...names: ReadonlyArray<T>) => fc.subarray([...names])

const tagOf = (decision: ReturnType<World["decide"]>): string =>
  decision._tag === "Refused" ? decision.refusal._tag : decision._tag

describe("where several things are wrong at once, the table's first one is the answer", () => {
  const wrongOrders = subsetOf(
    "IdempotencyKeyReused",
    "AccountNotFound",
    "AccountNotOpen",
    "ProductNotFound",
    "ProductRetired",
    "PriceChanged",
    "AmountTooLarge",
    "OutOfStock",
    "PointsNotEnough",
  )
  const wrongCoupons = fc.constantFrom(
    undefined,
    "CouponNotFound",
    "CouponNotUsable",
    "CouponExpired",
    "CouponMinimumNotMet",
  )

  /** An order with just these things wrong. */
  const order = (wrong: ReadonlyArray<string>, coupon: string | undefined) => {
    const has = (tag: string) => wrong.includes(tag)
    const discount = { type: "flat", amount: 1, minTotal: coupon === "CouponMinimumNotMet" ? 10_000 : 0 } as const
    const world = furnished({
      points: 1_000,
      products: { tea: [100, 10], old: [1, 9], many: [1, 9] },
      ...(coupon === "CouponNotFound" ? {} : { discount }),
    })
    if (coupon === "CouponNotUsable") world.call(revokeCall, { campaignId: "spring", accountId: "ada" })
    if (coupon === "CouponExpired") world.alter("coupon", ["spring", "ada"], { expiresAt: testAt })
    world.call(retireCall, { productId: "old" })
    if (has("IdempotencyKeyReused")) world.call(placeCall, { accountId: "ada", lines: [line("tea", 1)], key: "cart" })
    if (has("AccountNotOpen")) world.call(suspendCall, { accountId: "ada" })
    if (has("AmountTooLarge")) {
      const bucket = { productId: ProductId.make("many"), hour: hourOf(testAt), sold: Quantity.make(maxAmount) }
      world.put("bucket", bucket)
    }
    const lines = [
      line("tea", has("OutOfStock") ? 11 : has("PointsNotEnough") ? 10 : 2, has("PriceChanged") ? 99 : 100),
      ...(has("ProductNotFound") ? [line("none", 1)] : []),
      ...(has("ProductRetired") ? [line("old", 1)] : []),
      ...(has("AmountTooLarge") ? [line("many", 1)] : []),
    ]
    if (has("PointsNotEnough")) world.alter("account", ["ada"], { balance: 1 as never })
    return world.call(placeCall, {
      accountId: has("AccountNotFound") ? "eve" : "ada",
      lines,
      key: "cart",
      ...(coupon === undefined ? {} : { campaignId: "spring" }),
    })
  }

  it("when an order is placed", () => {
    fc.assert(
      fc.property(wrongOrders, wrongCoupons, (wrong, coupon) => {
        const all = [...wrong, ...(coupon === undefined ? [] : [coupon])] as ReadonlyArray<RefusalTag>
        // Of two states of one account only one can be; an unknown one has none.
        expect(tagOf(order(wrong, coupon))).toBe(firstOf(all) ?? "Accepted")
      }),
      { numRuns: 500 },
    )
  })

  it("when an order is placed with each pair of wrongs, every one of them exactly once", () => {
    const tags = [
      "AccountNotOpen",
      "ProductNotFound",
      "ProductRetired",
      "PriceChanged",
      "AmountTooLarge",
      "OutOfStock",
      "PointsNotEnough",
    ] as const
    for (const left of tags) {
      for (const right of tags) expect(tagOf(order([left, right], undefined))).toBe(firstOf([left, right]))
      for (const coupon of ["CouponNotFound", "CouponNotUsable", "CouponExpired", "CouponMinimumNotMet"] as const) {
        expect(tagOf(order([left], coupon)), `${left} and ${coupon}`).toBe(firstOf([left, coupon]))
      }
    }
  })

  it("when an order's total is too large to count", () => {
    const world = furnished({ products: { gold: [10 ** 12, 5], tea: [1, 1] } })
    const lines = [line("gold", 1_000_000), line("tea", 2)]
    expect(refusalOf(place(world, lines))).toEqual({ _tag: "AmountTooLarge", what: "order total" })
    expect(refusalOf(place(world, [line("gold", 1_000_000, 5), line("tea", 2)]))).toMatchObject({
      _tag: "PriceChanged",
    })
  })

  it("when a coupon is issued", () => {
    const wrongs = subsetOf(
      "IdempotencyKeyReused",
      "AccountNotFound",
      "AccountNotOpen",
      "CampaignNotFound",
      "CouponAlreadyIssued",
      "CampaignNotOpen",
      "OutsideIssueWindow",
      "CouponsSoldOut",
    )
    fc.assert(
      fc.property(wrongs, (wrong) => {
        const has = (tag: RefusalTag) => (wrong as ReadonlyArray<RefusalTag>).includes(tag)
        const world = furnished()
        world.call(openCall, { accountId: "bob" })
        world.call(createCampaignCall, {
          campaignId: "spring",
          name: "Spring",
          discount: { type: "flat", amount: 1 },
          limit: 1,
          closesAt: new Date(testAt + 100),
        })
        if (has("CouponAlreadyIssued")) world.call(issueCall, { campaignId: "spring", accountId: "ada" })
        else if (has("CouponsSoldOut")) world.call(issueCall, { campaignId: "spring", accountId: "bob" })
        if (has("CouponsSoldOut") && has("CouponAlreadyIssued"))
          world.alter("campaign", ["spring"], { limit: 1 as never })
        if (has("CampaignNotOpen")) world.call(pauseCampaignCall, { campaignId: "spring" })
        if (has("AccountNotOpen")) world.call(suspendCall, { accountId: "ada" })
        if (has("IdempotencyKeyReused")) {
          world.call(openCall, { accountId: "cleo" })
          world.call(createCampaignCall, {
            campaignId: "gift",
            name: "Gift",
            discount: { type: "flat", amount: 1 },
            limit: 1,
          })
          world.call(issueCall, { campaignId: "gift", accountId: "cleo", key: "k" })
        }
        // An unknown account or campaign owns nothing and has issued nothing.
        const input = {
          accountId: has("AccountNotFound") ? "eve" : "ada",
          campaignId: has("CampaignNotFound") ? "fall" : "spring",
          key: "k",
        }
        const command = world.make(issueCall, input, { at: testAt + (has("OutsideIssueWindow") ? 100 : 0) })
        const applicable = (wrong as ReadonlyArray<RefusalTag>).filter(
          (tag) => !(tag === "CouponAlreadyIssued" && (has("AccountNotFound") || has("CampaignNotFound"))),
        )
        expect(tagOf(world.decide(command))).toBe(firstOf(applicable) ?? "Accepted")
      }),
      { numRuns: 300 },
    )
  })

  it("when points are charged, accounts closed, limits changed, products restocked and orders ended", () => {
    const world = new World()
    world.call(openCall, { accountId: "ada", balanceLimit: 5 })
    world.call(chargeCall, { accountId: "ada", amount: 5, key: "k" })
    expect(tagOf(world.call(chargeCall, { accountId: "ada", amount: 1 }))).toBe("BalanceLimitExceeded")
    world.call(suspendCall, { accountId: "ada" })
    expect(tagOf(world.call(chargeCall, { accountId: "ada", amount: 1 }))).toBe("AccountNotOpen")
    expect(tagOf(world.call(chargeCall, { accountId: "ada", amount: 1, key: "k" }))).toBe("IdempotencyKeyReused")
    expect(tagOf(world.call(closeCall, { accountId: "ada" }))).toBe("AccountNotEmpty")

    const shop = furnished({ discount: { type: "flat", amount: 1 } })
    shop.call(closeCampaignCall, { campaignId: "spring" })
    shop.alter("campaign", ["spring"], { issued: 5 as never })
    expect(tagOf(shop.call(changeLimitCall, { campaignId: "spring", limit: 1 }))).toBe("CampaignNotOpen")

    shop.alter("product", ["tea"], { onHand: maxAmount as never })
    expect(tagOf(shop.call(restockCall, { productId: "tea", quantity: 1 }))).toBe("AmountTooLarge")
    shop.call(retireCall, { productId: "tea" })
    expect(tagOf(shop.call(restockCall, { productId: "tea", quantity: 1 }))).toBe("ProductRetired")

    const done = furnished()
    const { orderId } = orderOf(place(done, [line("tea", 1)]))
    done.call(completeCall, { orderId })
    done.alter("account", ["ada"], { balance: maxAmount as never })
    expect(tagOf(done.decide(done.cancel("eve", orderId)))).toBe("OrderNotFound")
    expect(tagOf(done.decide(done.cancel("ada", orderId)))).toBe("OrderAlreadyCompleted")
  })

  it("a replay stands before all of them", () => {
    const world = furnished({ discount: { type: "flat", amount: 1 } })
    const first = orderOf(place(world, [line("tea", 1)], { campaignId: "spring", key: "cart" }))
    world.call(suspendCall, { accountId: "ada" })
    world.call(retireCall, { productId: "tea" })
    const again = place(world, [line("tea", 1)], { campaignId: "spring", key: "cart" })
    expect(again).toMatchObject({ _tag: "Recalled", own: false, receipt: { answer: { orderId: first.orderId } } })
  })
})
