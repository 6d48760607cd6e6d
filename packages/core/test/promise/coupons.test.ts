import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { createCampaignCall, issueCall } from "../../src/decision/couponCalls.ts"
import { openCall } from "../../src/decision/pointsCalls.ts"
import { InterleavingStore } from "../../src/memory/index.ts"
import { commandMaker, transact } from "../../src/testing/suites/commands.ts"
import { AccountId, CampaignId } from "../../src/values.ts"
import { days, endOf, furnishedShop, hours, tallyOf } from "../support/shop.ts"

const buyers = Array.from({ length: 12 }, (_, index) => `buyer-${index}`)
const campaign = { campaignId: "spring", name: "Spring", discount: { type: "flat", amount: 30 }, limit: 5 } as const

const couponShop = async (limit = 5) => {
  const shop = await furnishedShop({ accounts: Object.fromEntries(buyers.map((buyer) => [buyer, 1_000])) })
  await shop.coupons.createCampaign({ ...campaign, limit })
  return shop
}

const issueTo = (shop: Awaited<ReturnType<typeof couponShop>>, accountId: string) =>
  shop.coupons.issue({ campaignId: "spring", accountId })

describe("coupons", () => {
  it("SB-01: a campaign issues its whole limit from the moment it is created; nothing else has to be seeded", async () => {
    const shop = await couponShop(5)
    expect(await tallyOf(buyers.map((buyer) => issueTo(shop, buyer)))).toEqual({ accepted: 5, CouponsSoldOut: 7 })
    await shop.coupons.changeLimit({ campaignId: "spring", limit: 7 })
    expect(await tallyOf(buyers.slice(5).map((buyer) => issueTo(shop, buyer)))).toEqual({
      accepted: 2,
      CouponsSoldOut: 5,
    })
    expect((await shop.coupons.campaign("spring")).issued).toBe(7)
  })

  it.effect(
    "SB-02: an issue that is cut off at any step is there as a whole or not at all, and can be asked for again",
    () =>
      Effect.gen(function* () {
        const ends = new Set<string>()
        for (let steps = 0; steps < 60; steps++) {
          const make = commandMaker(`s${steps}-`)
          const store = yield* InterleavingStore.make()
          yield* transact(store, [
            make(openCall, { accountId: "ada" }),
            make(createCampaignCall, { ...campaign, limit: 1 }),
          ])
          const issue = () => transact(store, [make(issueCall, { campaignId: "spring", accountId: "ada" })])
          const cut = yield* Effect.forkChild(issue(), { startImmediately: true })
          for (let step = 0; step < steps; step++) yield* Effect.yieldNow
          yield* Fiber.interrupt(cut)
          const issued = (yield* store.reads.campaign(CampaignId.make("spring")))?.issued
          const coupon = yield* store.reads.coupon(CampaignId.make("spring"), AccountId.make("ada"))
          expect(issued).toBe(coupon === undefined ? 0 : 1)
          const [again] = yield* issue()
          ends.add(again?._tag === "Refused" ? again.refusal._tag : String(again?._tag))
          expect((yield* store.reads.campaign(CampaignId.make("spring")))?.issued).toBe(1)
        }
        // Both kinds were met: cut off before the commit, and too late to be cut off.
        expect(ends).toEqual(new Set(["Accepted", "CouponAlreadyIssued"]))
      }),
  )

  it("SB-14: an answered issue is decided for good: pausing the campaign a moment later takes no coupon back", async () => {
    const shop = await couponShop(100)
    const before = buyers.slice(0, 6).map((buyer) => issueTo(shop, buyer))
    const pause = shop.coupons.pauseCampaign({ campaignId: "spring" })
    const after = buyers.slice(6).map((buyer) => issueTo(shop, buyer))
    await pause
    const [early, late] = [await tallyOf(before), await tallyOf(after)]
    const accepted = (early.accepted ?? 0) + (late.accepted ?? 0)
    expect(accepted + (early.CampaignNotOpen ?? 0) + (late.CampaignNotOpen ?? 0)).toBe(12)
    const winners = await shop.coupons.ofCampaign({ campaignId: "spring", limit: 100 })
    expect(winners.items.length).toBe(accepted)
    expect(winners.items.every(({ state }) => state === "issued")).toBe(true)
    // And what is owned can be used while the campaign issues no more.
    const [winner] = winners.items
    const order = await shop.orders.place({
      accountId: String(winner?.accountId),
      lines: [{ productId: "tea", quantity: 1 }],
      campaignId: "spring",
      key: "cart",
    })
    expect(order).toMatchObject({ total: 100, discount: 30, paid: 70 })
  })

  it("SB-15: the answer says what was issued, and an account can ask what it owns", async () => {
    const shop = await couponShop()
    const issued = await issueTo(shop, "buyer-3")
    expect(issued).toMatchObject({ campaignId: "spring", accountId: "buyer-3", ticket: 1, replayed: false })
    const { replayed: _, ...coupon } = issued
    const owned = await shop.coupons.ofAccount({ accountId: "buyer-3" })
    expect(owned.items).toEqual([{ ...coupon, state: "issued", orderId: undefined }])
    expect(await shop.coupons.coupon({ campaignId: "spring", accountId: "buyer-3" })).toEqual(owned.items[0])
  })

  it("SB-16: an unknown campaign is refused as such and leaves nothing behind", async () => {
    const shop = await couponShop()
    const before = await shop.dump()
    const refused = await endOf(shop.coupons.issue({ campaignId: "sprnig", accountId: "buyer-0" }))
    expect(refused).toEqual({ _tag: "CampaignNotFound", campaignId: "sprnig" })
    expect(await shop.dump()).toEqual(before)
  })

  it("SB-16: 'already issued' is only ever said of a coupon that exists, however fast a customer clicks", async () => {
    const shop = await couponShop(1)
    const clicks = buyers
      .slice(0, 4)
      .flatMap((buyer) => [issueTo(shop, buyer), issueTo(shop, buyer), issueTo(shop, buyer)])
    for (const end of await Promise.all(clicks.map(endOf))) {
      const { coupon } = end as { readonly coupon?: { readonly accountId: string; readonly ticket: number } }
      if (coupon === undefined) continue
      const { accountId } = coupon
      expect(await shop.coupons.coupon({ campaignId: "spring", accountId })).toMatchObject({ ticket: coupon.ticket })
    }
    expect(await tallyOf(clicks)).toEqual({ accepted: 1, CouponAlreadyIssued: 2, CouponsSoldOut: 9 })
  })

  it("SB-17: an account that may not have a coupon takes no place: the last coupon goes to the first one that may", async () => {
    const shop = await couponShop(1)
    await shop.points.suspend({ accountId: "buyer-0" })
    const ends = await Promise.all(
      [issueTo(shop, "nobody"), issueTo(shop, "buyer-0"), issueTo(shop, "buyer-1"), issueTo(shop, "buyer-2")].map(
        endOf,
      ),
    )
    expect(ends).toMatchObject([
      { _tag: "AccountNotFound", accountId: "nobody" },
      { _tag: "AccountNotOpen", accountId: "buyer-0", state: "suspended" },
      { accountId: "buyer-1", ticket: 1 },
      { _tag: "CouponsSoldOut", limit: 1 },
    ])
  })

  it("SB-20: a coupon is good until its last millisecond and not one longer", async () => {
    const shop = await couponShop()
    const { expiresAt, issuedAt } = await issueTo(shop, "buyer-0")
    expect(expiresAt.getTime() - issuedAt.getTime()).toBe(days(30))
    await issueTo(shop, "buyer-1")
    const buy = (accountId: string) =>
      endOf(
        shop.orders.place({
          accountId,
          lines: [{ productId: "tea", quantity: 1 }],
          campaignId: "spring",
          key: `cart-${accountId}`,
        }),
      )
    shop.time.now = expiresAt.getTime() - 1
    expect(await buy("buyer-0")).toMatchObject({ discount: 30 })
    shop.time.now = expiresAt.getTime()
    expect(await buy("buyer-1")).toEqual({
      _tag: "CouponExpired",
      campaignId: "spring",
      accountId: "buyer-1",
      expiredAt: expiresAt,
    })
    // Nobody had to sweep: whoever looks sees it expired.
    const owned = await shop.coupons.ofAccount({ accountId: "buyer-1" })
    expect(owned.items).toMatchObject([{ state: "expired" }])
  })

  it.each([
    ["a rate of 150 percent", { type: "rate", percent: 150 }],
    ["a rate of 0 percent", { type: "rate", percent: 0 }],
    ["half a percent", { type: "rate", percent: 0.5 }],
    ["an amount of −10", { type: "flat", amount: -10 }],
    ["an amount of 0", { type: "flat", amount: 0 }],
    ["a negative maximum", { type: "rate", percent: 10, max: -1 }],
    ["another kind", { type: "free" }],
  ])("SB-21: a campaign with %s is refused, and nothing is created", async (_, discount) => {
    const shop = await couponShop()
    const before = await shop.dump()
    const refused = await endOf(
      shop.coupons.createCampaign({ ...campaign, campaignId: "odd", discount: discount as typeof campaign.discount }),
    )
    expect(refused).toMatchObject({ _tag: "InvalidInput" })
    expect(JSON.stringify(refused)).toContain("/discount")
    expect(await shop.dump()).toEqual(before)
  })

  it("SB-21: a campaign issues inside its window only: from the first millisecond, and not at the last", async () => {
    const shop = await couponShop()
    const [opensAt, closesAt] = [new Date(shop.time.now + hours(1)), new Date(shop.time.now + hours(2))]
    await shop.coupons.createCampaign({ ...campaign, campaignId: "flash", opensAt, closesAt })
    const at = async (millis: number, accountId: string) => {
      shop.time.now = millis
      return endOf(shop.coupons.issue({ campaignId: "flash", accountId }))
    }
    const outside = { _tag: "OutsideIssueWindow", campaignId: "flash", opensAt, closesAt }
    expect(await at(opensAt.getTime() - 1, "buyer-0")).toEqual(outside)
    expect(await at(opensAt.getTime(), "buyer-0")).toMatchObject({ ticket: 1 })
    expect(await at(closesAt.getTime() - 1, "buyer-1")).toMatchObject({ ticket: 2 })
    expect(await at(closesAt.getTime(), "buyer-2")).toEqual(outside)
  })
})
