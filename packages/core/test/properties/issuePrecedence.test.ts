/**
 * Where several things stand against a coupon at once, the answer is always the refusal that stands first in the table.
 * Asked through the shop, as a host does.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { days, endOf, openShop } from "../support/shop.ts"
import { check } from "./support/check.ts"
import { first, key, mostly, nameOf, seldom, when } from "./support/precedence.ts"

describe("coupons.issue", () => {
  const situation = fc.record({
    malformed: seldom,
    key,
    account: mostly("open", "missing", "suspended"),
    campaign: mostly("open", "missing", "paused", "closed"),
    window: mostly("within", "before", "after"),
    owned: seldom,
    soldOut: seldom,
  })

  it("is refused with the earliest reason", async () => {
    const reached = new Set<string>()
    await check(
      400,
      fc.asyncProperty(fc.noBias(situation), async (drawn) => {
        const missing = drawn.account === "missing" || drawn.campaign === "missing"
        const situation = drawn.key === "replay" && missing ? { ...drawn, key: "reuse" } : drawn
        const { account, campaign, window, soldOut } = situation
        const shop = openShop()
        for (const accountId of ["ann", "bob", "cid"]) await shop.points.open({ accountId })
        const start = shop.time.now
        const discount = { type: "flat", amount: 1 } as const
        const dates = { opensAt: new Date(start), closesAt: new Date(start + days(2)) }
        await shop.coupons.createCampaign({ campaignId: "spring", name: "S", discount, limit: 2, ...dates })
        await shop.coupons.createCampaign({ campaignId: "fall", name: "F", discount, limit: 2 })
        const accountId = account === "missing" ? "ghost" : "ann"
        const campaignId = campaign === "missing" ? "winter" : "spring"
        const input = { accountId, campaignId, key: "k" }
        const owned = (situation.owned && !missing) || situation.key === "replay"
        if (situation.key === "reuse") await shop.coupons.issue({ accountId: "cid", campaignId: "fall", key: "k" })
        if (situation.key === "replay") await shop.coupons.issue(input)
        else if (owned) await shop.coupons.issue({ accountId, campaignId })
        if (soldOut) {
          await shop.coupons.issue({ accountId: "bob", campaignId: "spring" })
          if (!owned) await shop.coupons.issue({ accountId: "cid", campaignId: "spring" })
        }
        if (account === "suspended") await shop.points.suspend({ accountId: "ann" })
        if (campaign === "paused") await shop.coupons.pauseCampaign({ campaignId: "spring" })
        if (campaign === "closed") await shop.coupons.closeCampaign({ campaignId: "spring" })
        if (window !== "within") shop.time.now += window === "before" ? -1 : days(2)

        const end = await endOf(shop.coupons.issue({ ...input, ...(situation.malformed ? { accountId: "" } : {}) }))
        const expected = first([
          ...when(situation.malformed, "InvalidInput" as const),
          ...when(situation.key === "reuse", "IdempotencyKeyReused" as const),
          ...when(situation.key === "replay", "replayed" as const),
          ...when(account === "missing", "AccountNotFound" as const),
          ...when(account === "suspended", "AccountNotOpen" as const),
          ...when(campaign === "missing", "CampaignNotFound" as const),
          ...when(campaign === "paused" || campaign === "closed", "CampaignNotOpen" as const),
          ...when(window !== "within", "OutsideIssueWindow" as const),
          ...when(owned, "CouponAlreadyIssued" as const),
          ...when(soldOut, "CouponsSoldOut" as const),
        ])
        expect(nameOf(end)).toBe(expected)
        reached.add(expected)
        await shop.stop()
      }),
    )
    if (process.env.HOLDFAST_PATH === undefined) expect(reached.size).toBe(11)
  })
})
