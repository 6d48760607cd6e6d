import { describe, expect, it } from "vitest"
import { furnishedShop, type TestShop } from "../support/shop.ts"

interface OnePage {
  readonly items: ReadonlyArray<unknown>
  readonly nextCursor: string | undefined
}
type List = (page: {
  readonly limit?: number
  readonly cursor?: string
  readonly order?: "newest-first" | "oldest-first"
}) => Promise<OnePage>

/** A shop with 23 of everything that is listed. */
const fullShop = async () => {
  const names = Array.from({ length: 23 }, (_, index) => `n${index}`)
  const shop = await furnishedShop({
    accounts: { ada: 1_000_000, ...Object.fromEntries(names.map((name) => [name, 0])) },
    products: {
      tea: { price: 1, onHand: 0 },
      ...Object.fromEntries(names.map((name) => [name, { price: 1, onHand: 1 }])),
    },
  })
  const discount = { type: "flat", amount: 1 } as const
  await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit: 99 })
  for (const name of names) {
    await shop.stock.restock({ productId: "tea", quantity: 5, key: name })
    shop.time.now += name === "n11" ? 0 : 1
    await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], reference: "r", key: name })
    await shop.coupons.issue({ campaignId: "spring", accountId: name })
    await shop.coupons.createCampaign({ campaignId: name, name, discount, limit: 9 })
    await shop.coupons.issue({ campaignId: name, accountId: "ada" })
  }
  return shop
}

const lists: ReadonlyArray<readonly [name: string, count: number, of: (shop: TestShop) => List, ordered: boolean]> = [
  ["points.entries", 24, (shop) => (page) => shop.points.entries({ accountId: "ada", ...page }), true],
  ["stock.movements", 46, (shop) => (page) => shop.stock.movements({ productId: "tea", ...page }), true],
  ["orders.ofAccount", 23, (shop) => (page) => shop.orders.ofAccount({ accountId: "ada", ...page }), true],
  ["orders.byReference", 23, (shop) => (page) => shop.orders.byReference({ reference: "r", ...page }), true],
  ["stock.products", 24, (shop) => (page) => shop.stock.products(page), false],
  ["coupons.ofCampaign", 23, (shop) => (page) => shop.coupons.ofCampaign({ campaignId: "spring", ...page }), false],
  ["coupons.ofAccount", 23, (shop) => (page) => shop.coupons.ofAccount({ accountId: "ada", ...page }), false],
]

const walk = async (list: List, page: Parameters<List>[0]): Promise<ReadonlyArray<unknown>> => {
  const all: Array<unknown> = []
  let cursor: string | undefined
  do {
    const { items, nextCursor }: OnePage = await list({ ...page, ...(cursor === undefined ? {} : { cursor }) })
    expect(items.length).toBeLessThanOrEqual(page.limit ?? 20)
    all.push(...items)
    cursor = nextCursor
  } while (cursor !== undefined)
  return all
}

describe("a list", () => {
  it.each(lists)(
    "%s is walked page by page without gaps or repeats, whatever the size",
    async (_, count, of, ordered) => {
      const list = of(await fullShop())
      const whole = (await list({ limit: 1_000, ...(ordered ? { order: "oldest-first" } : {}) })).items
      expect(whole.length).toBe(count)
      expect(new Set(whole.map((item) => JSON.stringify(item))).size).toBe(count)
      for (const limit of [1, 7, count - 1, count, count + 1]) {
        if (!ordered) expect(await walk(list, { limit })).toEqual(whole)
        else {
          expect(await walk(list, { limit, order: "oldest-first" })).toEqual(whole)
          expect(await walk(list, { limit, order: "newest-first" })).toEqual(whole.toReversed())
        }
      }
      expect(await walk(list, {})).toEqual(ordered ? whole.toReversed() : whole)
    },
  )

  it.each(lists)("%s has twenty items on a page, and says whether there are more", async (_, count, of) => {
    const list = of(await fullShop())
    const { items, nextCursor } = await list({})
    expect(items.length).toBe(20)
    expect(nextCursor).toBeTypeOf("string")
    expect((await list({ limit: count })).nextCursor).toBeUndefined()
  })

  it("that grows while somebody walks it repeats nothing and loses nothing", async () => {
    const shop = await fullShop()
    const first = await shop.orders.ofAccount({ accountId: "ada", limit: 10 })
    await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "meanwhile" })
    const rest = await walk((page) => shop.orders.ofAccount({ accountId: "ada", ...page }), {
      limit: 10,
      cursor: String(first.nextCursor),
    })
    const ids = [...first.items, ...rest].map((order) => (order as { readonly orderId: string }).orderId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it("is in the order of bytes where it is ordered by ids", async () => {
    const ids = ["B", "a", "é", "\uffee", "😀", "z"]
    const shop = await furnishedShop({ products: Object.fromEntries(ids.map((id) => [id, { price: 1, onHand: 1 }])) })
    const { items } = await shop.stock.products()
    const sorted = ids.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    expect(items.map(({ productId }) => productId)).toEqual(sorted)
  })
})
