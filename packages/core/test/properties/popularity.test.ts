/**
 * The list of popular products is exact: it is what a recount of the orders gives, at any moment and for any window.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Order } from "../../src/orders/Order.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { compareBytes } from "../../src/values.ts"
import { furnishedShop, memoryStore } from "../support/shop.ts"
import { check } from "./support/check.ts"
import { look } from "./support/look.ts"
import { play } from "./support/play.ts"
import { anyStep, hourMillis } from "./support/steps.ts"

const steps = fc.noBias(fc.array(anyStep, { minLength: 1, maxLength: 90, size: "max" }))
const firstHour = testAt / hourMillis

interface Sold {
  readonly productId: string
  readonly sold: number
}

/** By definition: units of orders that are not cancelled, of products that are not retired, most first. */
const recount = (orders: ReadonlyArray<Order>, counts: (order: Order) => boolean, retired: ReadonlySet<string>) => {
  const sums = new Map<string, number>()
  for (const order of orders) {
    if (order.state === "cancelled" || !counts(order)) continue
    for (const { productId, quantity } of order.lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  }
  return Array.from(sums, ([productId, sold]): Sold => ({ productId, sold }))
    .filter(({ productId }) => !retired.has(productId))
    .sort((left, right) => right.sold - left.sold || compareBytes(left.productId, right.productId))
}

describe("the most popular products", () => {
  it("are a recount of the orders, for any window, with cancels and retired products", async () => {
    let told = 0
    const window = fc.record({
      from: fc.integer({ min: -3, max: 32 }),
      hours: fc.oneof(fc.integer({ min: 0, max: 32 }), fc.constant(1_000_000)),
      limit: fc.integer({ min: 1, max: 4 }),
    })
    await check(
      200,
      fc.property(steps, fc.array(window, { minLength: 1, maxLength: 8 }), (each, windows) => {
        const { store } = play(each)
        const { orders, products } = Effect.runSync(look(store))
        const retired = new Set<string>(products.filter((product) => product.retired).map(({ productId }) => productId))
        for (const { from, hours, limit } of windows) {
          const [fromHour, untilHour] = [firstHour + from, firstHour + from + hours]
          const inWindow = ({ placedAt }: Order) =>
            placedAt >= fromHour * hourMillis && placedAt < untilHour * hourMillis
          const expected = recount(orders, inWindow, retired).slice(0, limit)
          expect(Effect.runSync(store.reads.top({ fromHour, untilHour, limit }))).toEqual(expected)
          told += expected.length
        }
      }),
    )
    expect(told).toBeGreaterThan(20)
  })

  it("of the last days, or of calendar days in any whole-hour zone, are those that an almanac would count", async () => {
    const sale = fc.record({
      productId: fc.constantFrom("cup", "mug", "tea"),
      quantity: fc.integer({ min: 1, max: 3 }),
      minutesLater: fc.integer({ min: 0, max: 1_000 }),
      cancelled: fc.boolean(),
    })
    // Around both ends of summer time, when days of New York have 23 and 25 hours.
    const start = fc.constantFrom("2024-03-07T12:00Z", "2024-11-01T03:30Z", "2023-12-30T18:00Z").map(Date.parse)
    // So many days, and the list is asked for that long after the first sale, give or take an hour: at the window's edge.
    const span = fc.record({ days: fc.integer({ min: 1, max: 5 }), edge: fc.integer({ min: -1, max: 1 }) })
    const zone = fc.constantFrom(undefined, "UTC", "Asia/Seoul", "America/New_York", "+09:00")
    await check(
      120,
      fc.asyncProperty(
        start,
        fc.array(sale, { minLength: 1, maxLength: 6 }),
        span,
        zone,
        async (at, sales, { days: last, edge }, tz) => {
          const store = memoryStore()
          const product = { price: 1, onHand: 100 }
          const shop = await furnishedShop(
            { accounts: { ada: 100 }, products: { cup: product, mug: product, tea: product } },
            {},
            store,
          )
          shop.time.now = at
          for (const [index, { productId, quantity, minutesLater, cancelled }] of sales.entries()) {
            shop.time.now += minutesLater * 60_000
            const lines = [{ productId, quantity }]
            const { orderId } = await shop.orders.place({ accountId: "ada", lines, key: `sale-${index}` })
            if (cancelled) await shop.orders.cancel({ accountId: "ada", orderId, key: `cancel-${index}` })
          }
          const firstSaleAt = at + (sales[0]?.minutesLater ?? 0) * 60_000
          const now = Math.max(shop.time.now, firstSaleAt + (24 * last + edge) * hourMillis)
          shop.time.now = now
          const top = await shop.popularity.top({ days: last, ...(tz === undefined ? {} : { zone: tz }) })
          const counts = tz === undefined ? withinHours(now, 24 * last) : withinDates(now, last, tz)
          const orders = await Effect.runPromise(store.shape.scan("order", undefined, 1_000))
          const listed = top.products.map(({ productId, sold }) => ({
            productId: String(productId),
            sold: Number(sold),
          }))
          expect(listed).toEqual(recount(orders, counts, new Set()))
          await shop.stop()
        },
      ),
    )
  })
})

/** The last so many hours on the clock, the one that has begun included. */
const withinHours =
  (now: number, hours: number) =>
  ({ placedAt }: Order): boolean =>
    Math.floor(now / hourMillis) - Math.floor(placedAt / hourMillis) < hours

/** The last so many dates on the calendar of a zone, today included. */
const withinDates = (now: number, days: number, timeZone: string) => {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" })
  const today = Date.parse(format.format(now))
  return ({ placedAt }: Order): boolean => (today - Date.parse(format.format(placedAt))) / (24 * hourMillis) < days
}
