// The sale on a real shop, and on shops that lie about what they hold: the recount has to notice.

import { createHoldfast, type Shop } from "@holdfast/core"
import { describe, expect, test } from "vitest"
import { Patience } from "../src/patience.ts"
import { planOf } from "../src/plan.ts"
import { promisesOf } from "../src/promises.ts"
import { EventIds, recountShop } from "../src/recount.ts"
import { Sale } from "../src/sale.ts"
import { type StoreName, storeOf } from "../src/stores.ts"

/** Holds a sale and recounts it from what `read` shows of the shop. */
const hold = async (
  size: { buyers: number; stock: number; coupons: number },
  read = (shop: Shop): Shop => shop,
  store: StoreName = "memory",
) => {
  const plan = planOf({ ...size, seed: 11, run: "test" })
  await using shop = createHoldfast({ store: await storeOf(store, undefined) })
  const events = new EventIds()
  await shop.events.subscribe(plan.subscription, events.hear)
  const sale = new Sale(shop, plan, 11)
  await sale.prepare()
  await sale.run()
  const recount = await recountShop(read(shop), plan, events)
  const promises = promisesOf(recount, { ...sale.answers, gaveUp: sale.patience.gaveUp })
  return { recount, sale, broken: promises.flatMap(({ name, held }) => (held ? [] : [name])) }
}

describe("a sale", () => {
  test.each([
    { buyers: 400, stock: 20, coupons: 30 },
    { buyers: 1, stock: 100, coupons: 100 },
    { buyers: 50, stock: 0, coupons: 5 },
    { buyers: 50, stock: 5, coupons: 0 },
    { buyers: 40, stock: 40, coupons: 1 },
  ])("keeps every promise with $buyers buyers, $stock units and $coupons coupons", async (size) => {
    const { broken, recount } = await hold(size)
    expect(broken).toEqual([])
    expect(recount.coupons.issued).toBe(Math.min(size.buyers, size.coupons))
  })

  test("keeps every promise on the embedded PostgreSQL", async () => {
    const { broken, recount } = await hold({ buyers: 300, stock: 20, coupons: 30 }, (shop) => shop, "pglite")
    expect(broken).toEqual([])
    expect(recount.orders.units).toBe(24)
    expect(recount.coupons.issued).toBe(30)
  })

  test("ends sold out, with cancelled and delivered units sold to those who waited", async () => {
    const { recount, sale } = await hold({ buyers: 400, stock: 20, coupons: 30 })
    expect(recount.stock.supplied).toBe(24)
    expect(recount.orders.units).toBe(24)
    expect(recount.orders.cancelled).toBeGreaterThan(0)
    expect(sale.answers.doubleClicks).toBeGreaterThan(0)
    expect(sale.answers.replayed).toBe(sale.answers.doubleClicks)
  })
})

describe("a shop that lies", () => {
  const size = { buyers: 100, stock: 10, coupons: 10 }

  test("about one movement", async () => {
    const { broken } = await hold(size, (shop) => ({
      ...shop,
      stock: {
        ...shop.stock,
        movements: async (input) => {
          const page = await shop.stock.movements(input)
          return { ...page, items: page.items.slice(0, -1) }
        },
      },
    }))
    expect(broken).toContain("units sold by the stock ledger and by the orders")
    expect(broken).toContain("units on hand by the stock ledger and by the product")
  })

  test("about one balance", async () => {
    const { broken } = await hold(size, (shop) => ({
      ...shop,
      points: { ...shop.points, balance: async () => 1 as Awaited<ReturnType<Shop["points"]["balance"]>> },
    }))
    expect(broken).toEqual(["accounts whose entries do not add up"])
  })
})

describe("a polite client", () => {
  test("comes back with the same call when the shop is too busy, and counts it", async () => {
    // One place in the queue, and 12 callers at the same moment.
    await using shop = createHoldfast({ store: await storeOf("memory", undefined), queueLimit: 1 })
    await shop.start()
    const patience = new Patience(() => 0)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        patience.insist(() => shop.safe.points.open({ accountId: `buyer-${index}`, key: `open-${index}` })),
      ),
    )
    expect(answers.every(({ ok }) => ok)).toBe(true)
    expect(patience.overloads).toBeGreaterThan(0)
    expect(patience.retries).toBe(patience.overloads)
    expect(patience.gaveUp).toBe(0)
  })
})
