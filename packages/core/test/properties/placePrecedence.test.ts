/**
 * Where several things are wrong with an order at once, the answer is always the refusal that stands first in the table,
 * and it names everything of its own kind. Asked through the shop, as a host does.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Refusal, RefusalTag } from "../../src/refusals.ts"
import { days, endOf, openShop, type TestShop } from "../support/shop.ts"
import { check } from "./support/check.ts"
import { first, key, mostly, nameOf, seldom, when } from "./support/precedence.ts"

describe("orders.place", () => {
  const product = fc.record({
    is: mostly("sold", "unknown", "retired"),
    price: mostly("as it was", "raised", "huge"),
    stated: fc.boolean(),
    short: seldom,
  })
  const situation = fc.record({
    malformed: seldom,
    key,
    account: mostly("open", "missing", "suspended", "closed"),
    cup: product,
    tea: product,
    expects: seldom,
    coupon: fc.oneof(
      mostly("none", "fine"),
      fc.constantFrom("CouponNotFound", "revoked", "redeemed", "CouponExpired", "CouponMinimumNotMet"),
    ),
    poor: seldom,
  })
  type Situation = typeof situation extends fc.Arbitrary<infer S> ? S : never

  const quantity = 10_000
  const prices = { cup: 10, tea: 20 }
  const huge = 1_000_000_000_000
  const discount = 100
  const names = ["cup", "tea"] as const
  const campaigns: Record<string, string> = { CouponNotFound: "unissued", CouponMinimumNotMet: "strict" }

  const idOf = (name: (typeof names)[number], { is }: Situation["cup"]): string =>
    is === "unknown" ? `no ${name}` : name

  const inputOf = (situation: Situation) => {
    const { account, coupon, expects } = situation
    return {
      accountId: account === "missing" ? "ghost" : "ann",
      lines: names.map((name) => ({
        productId: idOf(name, situation[name]),
        quantity,
        ...(situation[name].stated ? { unitPrice: prices[name] } : {}),
      })),
      ...(coupon === "none" ? {} : { campaignId: campaigns[coupon] ?? "spring" }),
      // What the order would have cost at first.
      ...(expects ? { expectedPaid: 30 * quantity - (coupon === "none" ? 0 : discount) } : {}),
      key: "k",
    }
  }

  /** Only what could have been accepted at first can be a replay. */
  const canReplay = ({ account, cup, tea, coupon }: Situation): boolean =>
    account !== "missing" && cup.is !== "unknown" && tea.is !== "unknown" && campaigns[coupon] === undefined

  const furnished = async (): Promise<TestShop> => {
    const shop = openShop()
    await shop.points.open({ accountId: "ann" })
    await shop.points.charge({ accountId: "ann", amount: 1_000_000, key: "furnish" })
    for (const productId of [...names, "pin"]) {
      await shop.stock.register({ productId, name: productId, price: productId === "cup" ? 10 : 20, onHand: 50_000 })
    }
    for (const campaignId of ["spring", "strict", "unissued"]) {
      const minTotal = campaignId === "strict" ? { minTotal: huge } : {}
      const flat = { type: "flat", amount: discount, ...minTotal } as const
      await shop.coupons.createCampaign({ campaignId, name: campaignId, discount: flat, limit: 9, validDays: 1 })
      if (campaignId !== "unissued") await shop.coupons.issue({ campaignId, accountId: "ann" })
    }
    return shop
  }

  /** Makes everything wrong that the situation asks for. */
  const breakIt = async (shop: TestShop, situation: Situation, replays: boolean): Promise<void> => {
    const { account, coupon, poor } = situation
    if (coupon === "redeemed" && !replays) {
      const lines = [{ productId: "pin", quantity: 10 }]
      await shop.orders.place({ accountId: "ann", lines, campaignId: "spring", key: "other" })
    }
    if (coupon === "revoked") await shop.coupons.revoke({ campaignId: "spring", accountId: "ann" })
    if (coupon === "CouponExpired") shop.time.now += days(2)
    for (const name of names) {
      const { price, is, short } = situation[name]
      if (price !== "as it was") {
        await shop.stock.changePrice({ productId: name, price: price === "huge" ? huge : prices[name] + 1 })
      }
      const { onHand } = await shop.stock.product(name)
      if (short) await shop.stock.adjust({ productId: name, change: 1 - onHand, key: `short ${name}` })
      if (is === "retired") await shop.stock.retire({ productId: name })
    }
    const balance = await shop.points.balance("ann")
    if (account === "closed") await shop.points.adjust({ accountId: "ann", change: -balance, key: "empty" })
    else if (poor) await shop.points.adjust({ accountId: "ann", change: 1 - balance, key: "poor" })
    if (account === "closed") await shop.points.close({ accountId: "ann" })
    if (account === "suspended") await shop.points.suspend({ accountId: "ann" })
  }

  const priceNow = (name: (typeof names)[number], { price }: Situation["cup"]): number =>
    price === "huge" ? huge : prices[name] + (price === "raised" ? 1 : 0)

  const expectedEnds = (situation: Situation): ReadonlyArray<RefusalTag | "replayed"> => {
    const { account, coupon, expects, poor } = situation
    const any = (holds: (each: Situation["cup"]) => boolean): boolean => names.some((name) => holds(situation[name]))
    const total = names.reduce((sum, name) => sum + priceNow(name, situation[name]) * quantity, 0)
    const couponRefusal = coupon === "revoked" || coupon === "redeemed" ? "CouponNotUsable" : coupon
    const usable = couponRefusal === "none" || couponRefusal === "fine"
    const tooLarge = total > Number.MAX_SAFE_INTEGER
    const repriced = any(({ stated, price }) => stated && price !== "as it was")
    return [
      ...when(situation.malformed, "InvalidInput" as const),
      ...when(situation.key === "reuse", "IdempotencyKeyReused" as const),
      ...when(situation.key === "replay", "replayed" as const),
      ...when(account === "missing", "AccountNotFound" as const),
      ...when(account === "suspended" || account === "closed", "AccountNotOpen" as const),
      ...when(
        any(({ is }) => is === "unknown"),
        "ProductNotFound" as const,
      ),
      ...when(
        any(({ is }) => is === "retired"),
        "ProductRetired" as const,
      ),
      // What is to pay is known only where the coupon may be used and the total can be counted.
      ...when(repriced || (expects && usable && !tooLarge && total !== 30 * quantity), "PriceChanged" as const),
      ...when(tooLarge, "AmountTooLarge" as const),
      ...when(
        any(({ short }) => short),
        "OutOfStock" as const,
      ),
      ...when(!usable, couponRefusal as RefusalTag),
      ...when(poor || account === "closed", "PointsNotEnough" as const),
    ]
  }

  /** Each refusal names all that is wrong of its kind. */
  const namesAll = (situation: Situation, refusal: Refusal): void => {
    const those = (holds: (each: Situation["cup"]) => boolean) => names.filter((name) => holds(situation[name]))
    const ids = (holds: (each: Situation["cup"]) => boolean) => those(holds).map((name) => idOf(name, situation[name]))
    if (refusal._tag === "ProductNotFound") expect(refusal.productIds).toEqual(ids(({ is }) => is === "unknown"))
    if (refusal._tag === "ProductRetired") expect(refusal.productIds).toEqual(ids(({ is }) => is === "retired"))
    if (refusal._tag === "PriceChanged") {
      const changed = those(({ stated, price }) => stated && price !== "as it was")
      expect(refusal.lines).toEqual(
        changed.map((name) => ({ productId: name, stated: prices[name], current: priceNow(name, situation[name]) })),
      )
    }
    if (refusal._tag === "OutOfStock") {
      const lines = those(({ short }) => short).map((productId) => ({ productId, requested: quantity, available: 1 }))
      expect(refusal.lines).toEqual(lines)
    }
  }

  it("is refused with the earliest reason, which names all that is wrong of its kind", async () => {
    const reached = new Set<string>()
    await check(
      600,
      fc.asyncProperty(fc.noBias(situation), async (drawn) => {
        const situation = drawn.key === "replay" && !canReplay(drawn) ? { ...drawn, key: "reuse" } : drawn
        const shop = await furnished()
        const input = inputOf(situation)
        const replays = situation.key === "replay"
        if (replays) await shop.orders.place(input)
        if (situation.key === "reuse") {
          await shop.orders.place({ accountId: "ann", lines: [{ productId: "pin", quantity: 1 }], key: "k" })
        }
        await breakIt(shop, situation, replays)
        const before = await shop.dump()
        const end = await endOf(shop.orders.place({ ...input, ...(situation.malformed ? { colour: "red" } : {}) }))
        expect(nameOf(end)).toBe(first(expectedEnds(situation)))
        reached.add(nameOf(end))
        if (typeof end === "object" && end !== null && "_tag" in end) namesAll(situation, end as Refusal)
        if (nameOf(end) !== "accepted") expect(await shop.dump()).toEqual(before)
        await shop.stop()
      }),
    )
    if (process.env.HOLDFAST_PATH === undefined) expect(reached.size).toBe(16)
  })
})
