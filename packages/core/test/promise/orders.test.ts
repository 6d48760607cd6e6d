import { describe, expect, it } from "vitest"
import { endOf, furnishedShop, memoryStore, tallyOf } from "../support/shop.ts"

type Shop = Awaited<ReturnType<typeof furnishedShop>>

const buy = (shop: Shop, quantity: number, more: object = {}) =>
  shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity }], key: "cart", ...more })

describe("orders and points", () => {
  it.each([
    ["a flat discount above the total", { type: "flat", amount: 5_000 }],
    ["a discount of the whole total", { type: "flat", amount: 300 }],
    ["100 percent", { type: "rate", percent: 100 }],
  ] as const)("SB-22: an order with %s costs nothing and is accepted", async (_, discount) => {
    const shop = await furnishedShop()
    await shop.coupons.createCampaign({ campaignId: "gift", name: "Gift", discount, limit: 1 })
    await shop.coupons.issue({ campaignId: "gift", accountId: "ada" })
    const order = await buy(shop, 3, { campaignId: "gift" })
    expect(order).toMatchObject({ total: 300, discount: 300, paid: 0, state: "placed" })
    expect(await shop.points.balance("ada")).toBe(10_000)
    expect((await shop.stock.product("tea")).onHand).toBe(7)
  })

  it("SB-23: two lines of one product are decided as one: refused with the sum, or taken together", async () => {
    const shop = await furnishedShop({ products: { tea: { price: 100, onHand: 3 } } })
    const lines = [
      { productId: "tea", quantity: 2 },
      { productId: "tea", quantity: 2 },
    ]
    expect(await endOf(shop.orders.place({ accountId: "ada", lines, key: "cart" }))).toEqual({
      _tag: "OutOfStock",
      lines: [{ productId: "tea", requested: 4, available: 3 }],
    })
    await shop.stock.restock({ productId: "tea", quantity: 1, key: "delivery" })
    const order = await shop.orders.place({ accountId: "ada", lines, key: "cart" })
    expect(order.lines).toMatchObject([{ productId: "tea", quantity: 4, paid: 400 }])
    expect((await shop.stock.product("tea")).onHand).toBe(0)
  })

  it.each([
    ["no line", 0],
    ["101 lines", 101],
  ])("SB-24: an order of %s is refused for its lines, and nothing is written", async (_, count) => {
    const shop = await furnishedShop()
    const before = await shop.dump()
    const lines = Array.from({ length: count }, (_, index) => ({ productId: `p${index}`, quantity: 1 }))
    expect(await endOf(shop.orders.place({ accountId: "ada", lines, key: "cart" }))).toMatchObject({
      _tag: "InvalidInput",
      issues: [{ pointer: "/lines" }],
    })
    expect(await shop.dump()).toEqual(before)
  })

  it("SB-25: a retry under the same key is the same order and the same charge; another intention is refused", async () => {
    const shop = await furnishedShop()
    const first = await buy(shop, 1)
    const retries = await Promise.all([buy(shop, 1), buy(shop, 1)])
    expect(retries).toEqual([1, 2].map(() => ({ ...first, replayed: true })))
    expect(await endOf(buy(shop, 2))).toEqual({ _tag: "IdempotencyKeyReused", operation: "orders.place", key: "cart" })
    const charges = [1, 2, 3].map(() => shop.points.charge({ accountId: "ada", amount: 5, key: "top-up" }))
    expect(await tallyOf(charges)).toEqual({ accepted: 1, replayed: 2 })
    expect(await shop.points.balance("ada")).toBe(10_000 - 100 + 5)
  })

  it("SB-26: nothing after the commit changes the answer: handlers, error hooks and loggers may all fail", async () => {
    const angry = () => {
      throw new Error("Redis is down")
    }
    const shop = await furnishedShop({}, { onEventError: angry, logger: angry })
    await shop.events.subscribe("ranking", angry, { attempts: 1 })
    const order = await buy(shop, 1)
    expect(order).toMatchObject({ paid: 100, replayed: false })
    await shop.events.settled("ranking")
    expect(await buy(shop, 1)).toEqual({ ...order, replayed: true })
    expect(await shop.points.balance("ada")).toBe(9_900)
    await shop.stop()
  })

  it("SB-28: a handler that never ends holds up no order and no reader", async () => {
    const shop = await furnishedShop({ accounts: { ada: 10_000 }, products: { tea: { price: 1, onHand: 1_000 } } })
    let heard = 0
    await shop.events.subscribe("broker", () => {
      heard += 1
      return new Promise(() => {})
    })
    const orders = Array.from({ length: 100 }, (_, index) => buy(shop, 1, { key: `cart-${index}` }))
    expect(await tallyOf(orders)).toEqual({ accepted: 100 })
    expect((await shop.stock.product("tea")).onHand).toBe(900)
    await expect.poll(() => heard).toBe(1)
    expect(await shop.events.depth("broker")).toMatchObject({ waiting: 100 })
    await shop.stop({ drainMillis: 100 })
  })

  it.each([
    ["the largest 64-bit number", Number(9_223_372_036_854_775_807n)],
    ["a fraction", 0.5],
    ["a negative amount", -1],
    ["nothing", 0],
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
  ])("SB-36: charging %s is refused and the balance stays", async (_, amount) => {
    const shop = await furnishedShop()
    const refused = await endOf(shop.points.charge({ accountId: "ada", amount, key: "odd" }))
    expect(refused).toMatchObject({ _tag: "InvalidInput", issues: [{ pointer: "/amount" }] })
    expect(await shop.points.balance("ada")).toBe(10_000)
  })

  it("SB-36: a balance never wraps: the charge that would pass 2^53 − 1 is refused with its numbers", async () => {
    const shop = await furnishedShop()
    const amount = Number.MAX_SAFE_INTEGER
    expect(await endOf(shop.points.charge({ accountId: "ada", amount, key: "all" }))).toEqual({
      _tag: "BalanceLimitExceeded",
      accountId: "ada",
      balance: 10_000,
      amount,
      limit: amount,
    })
    await shop.points.charge({ accountId: "ada", amount: amount - 10_000, key: "rest" })
    expect(await shop.points.balance("ada")).toBe(amount)
  })

  it("SB-43: a refused order has written nothing, whatever it was refused for", async () => {
    const shop = await furnishedShop({
      accounts: { ada: 500, sue: 500 },
      products: { tea: { price: 100, onHand: 10 }, cup: { price: 1, onHand: 1 }, old: { price: 1, onHand: 1 } },
    })
    await shop.points.suspend({ accountId: "sue" })
    await shop.stock.retire({ productId: "old" })
    const discount = { type: "flat", amount: 1, minTotal: 400 } as const
    await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit: 1 })
    await shop.coupons.issue({ campaignId: "spring", accountId: "ada" })
    const before = await shop.dump()
    const orders = [
      buy(shop, 1, { accountId: "nobody", key: "1" }),
      buy(shop, 1, { accountId: "sue", key: "2" }),
      buy(shop, 1, { lines: [{ productId: "tee", quantity: 1 }], key: "3" }),
      buy(shop, 1, { lines: [{ productId: "old", quantity: 1 }], key: "4" }),
      buy(shop, 1, { expectedPaid: 99, key: "5" }),
      buy(shop, 11, { key: "6" }),
      buy(shop, 1, { campaignId: "summer", key: "7" }),
      buy(shop, 1, { campaignId: "spring", key: "8" }),
      buy(shop, 6, { key: "9" }),
    ]
    expect(await tallyOf(orders)).toEqual({
      AccountNotFound: 1,
      AccountNotOpen: 1,
      ProductNotFound: 1,
      ProductRetired: 1,
      PriceChanged: 1,
      OutOfStock: 1,
      CouponNotFound: 1,
      CouponMinimumNotMet: 1,
      PointsNotEnough: 1,
    })
    expect(await shop.dump()).toEqual(before)
  })

  it("SB-45: a retired product is refused on every path that sells or changes it, and still takes returns", async () => {
    const shop = await furnishedShop()
    const order = await buy(shop, 4)
    await shop.stock.retire({ productId: "tea" })
    const paths = [
      buy(shop, 1, { key: "another" }),
      shop.stock.restock({ productId: "tea", quantity: 1, key: "delivery" }),
      shop.stock.changePrice({ productId: "tea", price: 1 }),
      shop.stock.rename({ productId: "tea", name: "Chai" }),
    ]
    for (const end of await Promise.all(paths.map(endOf))) {
      expect(end).toEqual({ _tag: "ProductRetired", productIds: ["tea"] })
    }
    expect((await shop.popularity.top()).products).toEqual([])
    expect(await shop.stock.product("tea")).toMatchObject({ retired: true, onHand: 6 })
    await shop.orders.cancel({ accountId: "ada", orderId: order.orderId, key: "cancel" })
    expect(await shop.stock.product("tea")).toMatchObject({ retired: true, onHand: 10 })
  })

  it("SB-46: every movement of points names its cause and the balance after it, and they add up", async () => {
    const shop = await furnishedShop()
    const order = await buy(shop, 2)
    await shop.orders.cancel({ accountId: "ada", orderId: order.orderId, key: "cancel" })
    await shop.points.adjust({ accountId: "ada", change: -7, reason: "miscounted", key: "adjust" })
    const { items } = await shop.points.entries({ accountId: "ada", order: "oldest-first" })
    const { orderId } = order
    expect(items).toMatchObject([
      { seq: 1, type: "charge", change: 10_000, balance: 10_000 },
      { seq: 2, type: "spend", change: -200, balance: 9_800, orderId },
      { seq: 3, type: "refund", change: 200, balance: 10_000, orderId },
      { seq: 4, type: "adjust", change: -7, balance: 9_993, reason: "miscounted" },
    ])
    expect(items.reduce((sum, { change }) => sum + change, 0)).toBe(await shop.points.balance("ada"))
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("SB-26: an answered order is there when the store is opened again after a crash", async () => {
    const store = memoryStore()
    const shop = await furnishedShop({}, {}, store)
    const order = await buy(shop, 1)
    // The first process is gone without a word; another one opens the same store.
    const next = await furnishedShop({}, {}, store)
    expect(await buy(next, 1)).toEqual({ ...order, replayed: true })
    expect(await next.orders.get(order.orderId)).toMatchObject({ paid: 100 })
  })
})
