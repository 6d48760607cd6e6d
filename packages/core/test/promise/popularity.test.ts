import { describe, expect, it } from "@effect/vitest"
import { days, furnishedShop, hours, memoryStore, openShop, type TestShop } from "../support/shop.ts"

const products = {
  tea: { price: 1, onHand: 1_000 },
  cup: { price: 1, onHand: 1_000 },
  pot: { price: 1, onHand: 1_000 },
}

let carts = 0
const buy = (shop: TestShop, productId: string, quantity: number) => {
  carts += 1
  return shop.orders.place({ accountId: "ada", lines: [{ productId, quantity }], key: `cart-${carts}` })
}

const topOf = async (shop: TestShop, input: Parameters<TestShop["popularity"]["top"]>[0] = {}) =>
  (await shop.popularity.top(input)).products.map(({ productId, sold }) => [productId, sold])

/** The list added up afresh from the orders, by the definition in the docs. */
const recount = async (shop: TestShop, windowDays: number) => {
  const from = (Math.floor(shop.time.now / hours(1)) + 1 - 24 * windowDays) * hours(1)
  const sold = new Map<string, number>()
  const { items } = await shop.orders.ofAccount({ accountId: "ada", limit: 1_000 })
  for (const order of items) {
    if (order.state === "cancelled" || order.placedAt.getTime() < from) continue
    for (const { productId, quantity } of order.lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
  }
  return Array.from(sold).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}

describe("the list of popular products", () => {
  it("SB-49: an empty list is true only while nothing was sold: the first order is in the next answer", async () => {
    const shop = await furnishedShop({ products })
    expect(await topOf(shop)).toEqual([])
    await buy(shop, "tea", 2)
    expect(await topOf(shop)).toEqual([["tea", 2]])
  })

  it("SB-50: each answer is for its own arguments, whatever was asked before", async () => {
    const shop = await furnishedShop({ products })
    for (const [productId, quantity] of [
      ["tea", 3],
      ["cup", 2],
      ["pot", 1],
    ] as const)
      await buy(shop, productId, quantity)
    expect((await topOf(shop, { limit: 1 })).length).toBe(1)
    expect((await topOf(shop, { limit: 2 })).length).toBe(2)
    expect(await topOf(shop, { limit: 5 })).toEqual([
      ["tea", 3],
      ["cup", 2],
      ["pot", 1],
    ])
    shop.time.now += days(2)
    expect(await topOf(shop, { limit: 5, days: 1 })).toEqual([])
    expect((await topOf(shop, { limit: 5, days: 3 })).length).toBe(3)
  })

  it("SB-51: no run can be missed: after days without a process the list is what the orders say", async () => {
    const store = memoryStore()
    const shop = await furnishedShop({ products }, {}, store)
    await buy(shop, "tea", 5)
    shop.time.now += hours(30)
    await buy(shop, "cup", 2)
    const { orderId } = await buy(shop, "tea", 4)
    await shop.orders.cancel({ accountId: "ada", orderId, key: "cancel" })
    await shop.stop()
    const next = openShop({}, store)
    next.time.now = shop.time.now + hours(30)
    expect(await topOf(next)).toEqual([
      ["tea", 5],
      ["cup", 2],
    ])
    expect(await topOf(next)).toEqual(await recount(next, 3))
    next.time.now += hours(13)
    expect(await topOf(next)).toEqual([["cup", 2]])
    expect(await topOf(next)).toEqual(await recount(next, 3))
  })

  it("SB-52: an order of the last millisecond of a day counts in that day, on the shop's one clock", async () => {
    const shop = await furnishedShop({ products })
    const midnightInSeoul = Date.parse("2023-11-16T00:00:00+09:00")
    shop.time.now = midnightInSeoul - 1
    await buy(shop, "tea", 1)
    expect(await topOf(shop, { days: 1, zone: "Asia/Seoul" })).toEqual([["tea", 1]])
    shop.time.now = midnightInSeoul
    expect(await topOf(shop, { days: 1, zone: "Asia/Seoul" })).toEqual([])
    await buy(shop, "cup", 1)
    expect(await topOf(shop, { days: 1, zone: "Asia/Seoul" })).toEqual([["cup", 1]])
    expect(await topOf(shop, { days: 2, zone: "Asia/Seoul" })).toEqual([
      ["cup", 1],
      ["tea", 1],
    ])
    // The same moment is the middle of a day elsewhere: both orders are of today.
    expect(await topOf(shop, { days: 1, zone: "UTC" })).toEqual([
      ["cup", 1],
      ["tea", 1],
    ])
  })

  it("SB-52: an order is counted at the moment that it carries itself", async () => {
    const shop = await furnishedShop({ products })
    shop.time.now += 59 * 60_000 + 59_999
    const order = await buy(shop, "tea", 1)
    expect(order.placedAt.getTime()).toBe(shop.time.now)
    const { from, asOf } = await shop.popularity.top({ days: 1 })
    expect(asOf.getTime()).toBe(shop.time.now)
    shop.time.now = from.getTime() + days(1) + hours(22) + 59 * 60_000
    expect(await topOf(shop, { days: 1 })).toEqual([["tea", 1]])
    shop.time.now += 60_000
    expect(await topOf(shop, { days: 1 })).toEqual([])
  })
})
