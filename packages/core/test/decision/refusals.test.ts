import { describe, expect, it } from "vitest"
import { messageOf } from "../../src/codeOf.ts"
import type { Decision } from "../../src/decision/Command.ts"
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
import { changePriceCall, registerCall, restockCall, retireCall } from "../../src/decision/stockCalls.ts"
import { admissionOf } from "../../src/engine/admission.ts"
import { type Refusal, type RefusalTag, refusals } from "../../src/refusals.ts"
import { testAt, testScope } from "../../src/testing/suites/commands.ts"
import { maxAmount } from "../../src/values.ts"
import { furnished, line, noOrder, orderOf, place, refusalOf, type World } from "./world.ts"

const flat = { type: "flat", amount: 30, minTotal: 200 } as const
const spring = { campaignId: "spring", name: "Spring", discount: flat, limit: 9 }
const withCoupon = (): World => furnished({ discount: flat })

/** One situation for each refusal, and the whole of its answer. */
const examples: {
  readonly [Tag in Exclude<RefusalTag, "AlreadySubscribed" | "RequestNotFound" | "RequestsNotOffered">]: () => [
    Decision | Refusal,
    Omit<Refusal<Tag>, "_tag">,
  ]
} = {
  InvalidInput: () => {
    const admit = admissionOf(chargeCall, {
      now: () => testAt,
      nextId: () => "c" as never,
      deadlineMillis: 1,
      scope: testScope,
      settings: { accounts: "opened-on-purpose" },
    })
    const refused = admit({ accountId: "ada", amount: -1, key: "k" })
    if (!("_tag" in refused)) throw new Error("It was admitted.")
    return [
      refused,
      { issues: [{ pointer: "/amount", message: `must be a whole number from 1 to ${maxAmount}` }] },
    ] as never
  },
  IdempotencyKeyReused: () => {
    const world = furnished()
    world.call(chargeCall, { accountId: "ada", amount: 1, key: "k" })
    return [
      world.call(chargeCall, { accountId: "ada", amount: 2, key: "k" }),
      { operation: "points.charge", key: "k" },
    ] as never
  },
  AccountNotFound: () => [furnished().call(chargeCall, { accountId: "eve", amount: 1 }), { accountId: "eve" }] as never,
  AccountNotOpen: () => {
    const world = furnished()
    world.call(suspendCall, { accountId: "ada" })
    return [world.call(chargeCall, { accountId: "ada", amount: 1 }), { accountId: "ada", state: "suspended" }] as never
  },
  AccountAlreadyExists: () => {
    const world = furnished()
    world.call(suspendCall, { accountId: "ada" })
    return [
      world.call(openCall, { accountId: "ada", balanceLimit: 5 }),
      { existing: { accountId: "ada", balanceLimit: maxAmount, state: "suspended" } },
    ] as never
  },
  AccountNotEmpty: () =>
    [furnished().call(closeCall, { accountId: "ada" }), { accountId: "ada", balance: 10_000 }] as never,
  OrderNotFound: () => [furnished().call(completeCall, { orderId: noOrder }), { orderId: noOrder }] as never,
  OrderAlreadyCompleted: () => {
    const world = furnished()
    const { orderId } = orderOf(place(world, [line("tea", 1)]))
    world.call(completeCall, { orderId })
    return [world.decide(world.cancel("ada", orderId)), { orderId }] as never
  },
  OrderAlreadyCancelled: () => {
    const world = furnished()
    const { orderId } = orderOf(place(world, [line("tea", 1)]))
    world.decide(world.cancel("ada", orderId))
    return [world.call(completeCall, { orderId }), { orderId }] as never
  },
  ProductNotFound: () =>
    [place(furnished(), [line("b", 1), line("tea", 1), line("a", 1)]), { productIds: ["a", "b"] }] as never,
  ProductRetired: () => {
    const world = furnished({ products: { tea: [1, 1], cup: [1, 1] } })
    for (const productId of ["tea", "cup"]) world.call(retireCall, { productId })
    return [place(world, [line("tea", 1), line("cup", 1)]), { productIds: ["cup", "tea"] }] as never
  },
  ProductAlreadyExists: () =>
    [
      furnished().call(registerCall, { productId: "tea", name: "Chai", price: 100, onHand: 10 }),
      { existing: { productId: "tea", name: "tea", price: 100, onHand: 10 } },
    ] as never,
  PriceChanged: () => {
    const world = furnished({ products: { tea: [100, 9], cup: [7, 9], pot: [5, 9] } })
    return [
      place(world, [line("tea", 1, 99), line("pot", 1, 5), line("cup", 2, 8)], { expectedPaid: 120 }),
      {
        lines: [
          { productId: "cup", stated: 8, current: 7 },
          { productId: "tea", stated: 99, current: 100 },
        ],
        paid: { stated: 120, current: 119 },
      },
    ] as never
  },
  AmountTooLarge: () => {
    const world = furnished({ products: { tea: [1, maxAmount] } })
    return [world.call(restockCall, { productId: "tea", quantity: 1 }), { what: "on hand" }] as never
  },
  OutOfStock: () => {
    const world = furnished({ products: { tea: [1, 2], cup: [1, 5], pot: [1, 0] } })
    return [
      place(world, [line("tea", 3), line("cup", 5), line("pot", 1)]),
      {
        lines: [
          { productId: "pot", requested: 1, available: 0 },
          { productId: "tea", requested: 3, available: 2 },
        ],
      },
    ] as never
  },
  CampaignNotFound: () =>
    [furnished().call(issueCall, { campaignId: "spring", accountId: "ada" }), { campaignId: "spring" }] as never,
  CampaignAlreadyExists: () => {
    const world = withCoupon()
    world.call(changeLimitCall, { campaignId: "spring", limit: 10 })
    world.call(pauseCampaignCall, { campaignId: "spring" })
    return [
      world.call(createCampaignCall, { ...spring, limit: 10 }),
      { existing: { ...spring, opensAt: undefined, closesAt: undefined, validDays: 30, state: "open" } },
    ] as never
  },
  CouponAlreadyIssued: () =>
    [
      withCoupon().call(issueCall, { campaignId: "spring", accountId: "ada" }),
      {
        coupon: {
          campaignId: "spring",
          accountId: "ada",
          ticket: 1,
          discount: flat,
          issuedAt: new Date(testAt),
          expiresAt: new Date(testAt + 30 * 86_400_000),
        },
      },
    ] as never,
  CampaignNotOpen: () => {
    const world = withCoupon()
    world.call(openCall, { accountId: "bob" })
    world.call(pauseCampaignCall, { campaignId: "spring" })
    return [
      world.call(issueCall, { campaignId: "spring", accountId: "bob" }),
      { campaignId: "spring", state: "paused" },
    ] as never
  },
  OutsideIssueWindow: () => {
    const world = furnished()
    const [opensAt, closesAt] = [new Date(testAt + 1), new Date(testAt + 2)]
    world.call(createCampaignCall, { ...spring, opensAt, closesAt })
    return [
      world.call(issueCall, { campaignId: "spring", accountId: "ada" }),
      { campaignId: "spring", opensAt, closesAt },
    ] as never
  },
  CouponsSoldOut: () => {
    const world = furnished()
    world.call(openCall, { accountId: "bob" })
    world.call(createCampaignCall, { ...spring, limit: 1 })
    world.call(issueCall, { campaignId: "spring", accountId: "ada" })
    return [
      world.call(issueCall, { campaignId: "spring", accountId: "bob" }),
      { campaignId: "spring", limit: 1 },
    ] as never
  },
  LimitBelowIssued: () => {
    const world = withCoupon()
    world.call(openCall, { accountId: "bob" })
    world.call(issueCall, { campaignId: "spring", accountId: "bob" })
    return [
      world.call(changeLimitCall, { campaignId: "spring", limit: 1 }),
      { campaignId: "spring", requested: 1, issued: 2 },
    ] as never
  },
  CouponNotFound: () =>
    [
      furnished().call(revokeCall, { campaignId: "spring", accountId: "ada" }),
      { campaignId: "spring", accountId: "ada" },
    ] as never,
  CouponNotUsable: () => {
    const world = withCoupon()
    place(world, [line("tea", 2)], { campaignId: "spring" })
    return [
      place(world, [line("tea", 2)], { campaignId: "spring" }),
      { campaignId: "spring", accountId: "ada", state: "redeemed" },
    ] as never
  },
  CouponExpired: () => {
    const world = withCoupon()
    const expiredAt = new Date(testAt + 30 * 86_400_000)
    const at = expiredAt.getTime()
    const late = world.make(placeCall, { accountId: "ada", lines: [line("tea", 2)], campaignId: "spring" }, { at })
    return [world.decide(late, at), { campaignId: "spring", accountId: "ada", expiredAt }] as never
  },
  CouponMinimumNotMet: () =>
    [
      place(withCoupon(), [line("tea", 1)], { campaignId: "spring" }),
      { campaignId: "spring", minTotal: 200, total: 100 },
    ] as never,
  PointsNotEnough: () =>
    [place(furnished({ points: 99 }), [line("tea", 1)]), { accountId: "ada", required: 100, available: 99 }] as never,
  BalanceLimitExceeded: () => {
    const world = furnished()
    world.call(openCall, { accountId: "bob", balanceLimit: 10 })
    world.call(chargeCall, { accountId: "bob", amount: 7 })
    return [
      world.call(chargeCall, { accountId: "bob", amount: 4 }),
      { accountId: "bob", balance: 7, amount: 4, limit: 10 },
    ] as never
  },
}

const tags = Object.keys(refusals) as ReadonlyArray<RefusalTag>

describe("every refusal", () => {
  it("of the table has an example here; those of subscriptions and of requests are made outside of decisions", () => {
    expect([...Object.keys(examples), "AlreadySubscribed", "RequestNotFound", "RequestsNotOffered"].sort()).toEqual(
      tags.toSorted(),
    )
  })

  it.each(Object.entries(examples))(
    "%s is reached, and answered with all its numbers and no others",
    (tag, example) => {
      const [ended, fields] = example()
      const refusal = ended._tag === "Refused" ? refusalOf(ended as Decision) : (ended as Refusal)
      const { _tag, ...found } = refusal
      expect(_tag).toBe(tag)
      expect(found).toEqual(fields)
      expect(Object.keys(found).sort()).toEqual(Object.keys(refusals[_tag].fields).sort())
    },
  )

  it.each(Object.entries(examples))("%s has a sentence that names its numbers", (_, example) => {
    const [ended, fields] = example()
    const message = messageOf(ended._tag === "Refused" ? refusalOf(ended as Decision) : (ended as Refusal))
    expect(message).toMatch(/^[A-Z"].*\.$/)
    const numbers = JSON.stringify(fields).match(/(?<=:)\d+/g) ?? []
    // Numbers of definitions that are carried whole are not repeated in the sentence.
    if (!("existing" in fields) && !("coupon" in fields))
      for (const number of numbers) expect(message).toContain(number)
  })

  it("carries the definition that a repeat would have had to give, whatever changed since", () => {
    const world = withCoupon()
    world.call(changeLimitCall, { campaignId: "spring", limit: 10 })
    world.call(pauseCampaignCall, { campaignId: "spring" })
    const campaign = refusalOf(world.call(createCampaignCall, { ...spring, limit: 10 }))
    if (campaign._tag !== "CampaignAlreadyExists") throw new Error(campaign._tag)
    const { opensAt, closesAt, ...definition } = campaign.existing
    expect([opensAt, closesAt]).toEqual([undefined, undefined])
    expect(world.call(createCampaignCall, definition)._tag).toBe("Repeated")
    world.call(changePriceCall, { productId: "tea", price: 101 })
    const product = refusalOf(world.call(registerCall, { productId: "tea", name: "tea", price: 101 }))
    if (product._tag !== "ProductAlreadyExists") throw new Error(product._tag)
    expect(world.call(registerCall, product.existing)._tag).toBe("Repeated")
  })

  it("is a plain value: no stack is captured for a no", () => {
    const refusal = refusalOf(place(furnished(), [line("tea", 11)]))
    expect(refusal).not.toBeInstanceOf(Error)
    expect(Object.getPrototypeOf(refusal)).toBe(Object.prototype)
  })

  it("changes nothing: no record, no row, no event, no receipt", () => {
    for (const tag of ["OutOfStock", "CouponNotUsable", "CampaignNotOpen", "LimitBelowIssued"] as const) {
      const world = withCoupon()
      const before = structuredClone(world.loaded)
      world.call(closeCampaignCall, { campaignId: "nowhere" })
      place(world, [line("tea", 11)], { key: tag })
      expect(world.loaded).toEqual(before)
    }
  })
})
