/**
 * A shop with a ranking: lists that may have an age come out of it where it is whole, and are the store's own.
 */
import { each, type Furniture, furnish } from "@holdfast/test-services/furnish"
import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { createHoldfast, measurementsOf, type Shop } from "../../src/index.ts"
import { MemoryStore, makeMemoryRanking } from "../../src/memory/index.ts"
import { Ranking, type RankingShape, Store, type StoreShape } from "../../src/ports/index.ts"

const hourMillis = 3_600_000
const aged = { maxAgeMillis: 30_000 }

/** What a fleet shares, and its time. */
const fleetOf = () => {
  const inner = Effect.runSync(MemoryStore.make)
  const ranking = Effect.runSync(makeMemoryRanking({ days: [1, 3] }))
  const fleet = {
    tops: 0,
    ranked: 0,
    begun: 0,
    now: 500_000 * hourMillis,
    ranking,
    away: false,
    storeAway: false,
    open,
  }
  const away = <A, E>(call: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | typeof fault> => (fleet.away ? Effect.fail(fault) : call))
  const shared: RankingShape = {
    guarantees: ranking.guarantees,
    begin: (...asked) => Effect.tap(away(ranking.begin(...asked)), () => Effect.sync(() => fleet.begun++)),
    put: (...asked) => away(ranking.put(...asked)),
    roll: (...asked) => away(ranking.roll(...asked)),
    mark: (...asked) => away(ranking.mark(...asked)),
    vouch: (...asked) => away(ranking.vouch(...asked)),
    top: (...asked) => Effect.tap(away(ranking.top(...asked)), (ranked) => Effect.sync(() => ranked && fleet.ranked++)),
    clear: ranking.clear,
  }
  const reach: StoreShape["outbox"]["reach"] = (...asked) =>
    fleet.storeAway ? Effect.fail(storeLost) : (inner.outbox.reach?.(...asked) ?? Effect.die("no ranking here"))
  const store: StoreShape = {
    ...inner,
    outbox: { ...inner.outbox, reach },
    reads: {
      ...inner.reads,
      top: (window) =>
        Effect.suspend(() => {
          fleet.tops++
          return inner.reads.top(window)
        }),
    },
  }
  function open(workers = true): Shop {
    const shop = createHoldfast({
      store: { name: "counted", layer: Layer.succeed(Store, store) },
      ranking: { name: "shared", layer: Layer.succeed(Ranking, shared) },
      clock: () => fleet.now,
      workers,
    })
    onTestFinished(() => shop.stop())
    return shop
  }
  return fleet
}

const storeLost = { _tag: "Lost", reason: "away" } as const

const fault = { _tag: "CacheFault", reason: "away" } as const

const furniture: Furniture = {
  accounts: { ann: 1_000_000 },
  products: each(["tea", "cup", "pot", "tin"], { price: 1, onHand: 100_000 }),
}

let orders = 0
const buy = (shop: Shop, lines: Readonly<Record<string, number>>) =>
  shop.orders.place({
    accountId: "ann",
    lines: Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity })),
    key: `order-${orders++}`,
  })

/** Waits until a list comes out of the ranking that is what the store says. */
const comesFromRanking = async (fleet: { readonly ranked: number }, shop: Shop, days = 3): Promise<void> => {
  const exact = (await shop.popularity.top({ days, limit: 100 })).products
  let limit = 0
  const fromRanking = async () => {
    const before = fleet.ranked
    // Another limit each time, so that no list of before answers; and none is kept for long, for there are not that many.
    limit = 1 + (limit % 100)
    const { products } = await shop.popularity.top({ days, limit }, { maxAgeMillis: 2_000 })
    return fleet.ranked > before && JSON.stringify(products) === JSON.stringify(exact.slice(0, limit))
  }
  await expect.poll(fromRanking).toBe(true)
}

describe("a shop with a ranking", () => {
  it("answers lists out of it that are the store's own, whatever was sold, cancelled and retired", async () => {
    const fleet = fleetOf()
    const [shop, reader] = [fleet.open(), fleet.open(false)]
    await furnish(shop, furniture)
    await buy(shop, { tea: 3, cup: 3, pot: 1 })
    fleet.now += 20 * hourMillis
    const { orderId } = await buy(shop, { pot: 9, cup: 1 })
    await buy(shop, { tin: 2 })
    for (const days of [1, 3]) await comesFromRanking(fleet, reader, days)
    await shop.orders.cancel({ accountId: "ann", orderId, key: "cancel" })
    await shop.stock.retire({ productId: "tea" })
    for (const days of [1, 3]) await comesFromRanking(fleet, reader, days)
    fleet.now += 5 * hourMillis
    await comesFromRanking(fleet, fleet.open(false), 1)
    const before = fleet.tops
    await shop.popularity.top()
    await shop.popularity.top({ days: 2 }, aged)
    expect(fleet.tops - before).toBe(2)
  })

  it("SB-27: a process that dies between a commit and the ranking leaves nothing out: the next one has every order in it", async () => {
    const fleet = fleetOf()
    const first = fleet.open()
    await furnish(first, furniture)
    await buy(first, { tea: 2, cup: 1 })
    await comesFromRanking(fleet, fleet.open(false))
    // From here on nothing that the first process does reaches the ranking.
    fleet.away = true
    await buy(first, { pot: 7 })
    await first.stop()
    fleet.away = false
    const second = fleet.open()
    await buy(second, { tea: 1 })
    const reader = fleet.open(false)
    await comesFromRanking(fleet, reader)
    expect((await reader.popularity.top({}, aged)).products.map(({ productId, sold }) => [productId, sold])).toEqual([
      ["pot", 7],
      ["tea", 3],
      ["cup", 1],
    ])
  })

  it("asks the store while it is away or empty, and uses it again when it is whole", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    await buy(shop, { tea: 2 })
    await comesFromRanking(fleet, fleet.open(false))
    fleet.away = true
    await buy(shop, { cup: 5 })
    const during = await fleet.open(false).popularity.top({}, aged)
    expect(during.products.map(({ productId }) => productId)).toEqual(["cup", "tea"])
    fleet.away = false
    await comesFromRanking(fleet, fleet.open(false))
    await Effect.runPromise(fleet.ranking.clear)
    const emptied = await fleet.open(false).popularity.top({}, aged)
    expect(emptied.products.map(({ productId }) => productId)).toEqual(["cup", "tea"])
    await comesFromRanking(fleet, fleet.open(false))
  })

  /** What a list says that may have an age, and what is true. */
  const bothOf = async (shop: Shop, limit: number) => {
    const lists = [await shop.popularity.top({ limit }, { maxAgeMillis: 1_000 }), await shop.popularity.top({ limit })]
    return lists.map(({ products }) => products.map(({ productId, sold }) => [productId, sold]))
  }

  it("given that another process forgets its durable name → is vouched for no more", async () => {
    const fleet = fleetOf()
    const [shop, other] = [fleet.open(), fleet.open(false)]
    await furnish(shop, furniture)
    await buy(shop, { tea: 1 })
    await comesFromRanking(fleet, other)
    await other.events.unregister("holdfast-ranking")
    await buy(other, { cup: 2 })
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const [said, exact] = await bothOf(other, 2)
    expect(said).toEqual(exact)
  })

  it("given something sold by a clock that is ahead, and a ranking that was wiped since → has it when its hour comes", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    await buy(shop, { tea: 1 })
    for (const hours of [1, 5]) {
      fleet.now += hours * hourMillis
      await buy(shop, { cup: hours })
      fleet.now -= hours * hourMillis
    }
    await expect.poll(async () => (await shop.events.depth("holdfast-ranking")).waiting).toBe(0)
    await Effect.runPromise(fleet.ranking.clear)
    await comesFromRanking(fleet, fleet.open(false))
    for (let hours = 0; hours < 5; hours++) {
      fleet.now += hourMillis
      await comesFromRanking(fleet, fleet.open(false))
    }
  })

  it("given a process whose clock is hours ahead → still answers the others", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    await comesFromRanking(fleet, fleet.open(false))
    fleet.now += 9 * hourMillis
    await buy(shop, { tea: 1 })
    fleet.now -= 9 * hourMillis
    await buy(shop, { cup: 1 })
    await comesFromRanking(fleet, fleet.open(false))
  })

  it("given a feeder that cannot ask the store → empties nothing", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    await comesFromRanking(fleet, fleet.open(false))
    const { begun } = fleet
    fleet.storeAway = true
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(fleet.begun).toBe(begun)
    fleet.storeAway = false
    await comesFromRanking(fleet, fleet.open(false))
  })

  it("stays young while more is sold all the time", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    let isSelling = true
    const selling = Array.from({ length: 4 }, async () => {
      while (isSelling) await buy(shop, { tea: 1 })
    })
    const seen = new Set<number>()
    const window = { fromHour: 500_001 - 72, untilHour: 500_001 }
    const soldNow = () => {
      const ranked = Effect.runSync(fleet.ranking.top(window, 1))
      if (ranked !== undefined && ranked.ageMillis < 5_000) seen.add(ranked.sales[0]?.sold ?? 0)
      return seen.size
    }
    await expect.poll(soldNow).toBeGreaterThan(10)
    isSelling = false
    await Promise.all(selling)
    await comesFromRanking(fleet, fleet.open(false))
  })

  it("never says that a list is younger than what it holds", async () => {
    const fleet = fleetOf()
    const [writer, reader] = [fleet.open(), fleet.open(false)]
    await furnish(writer, furniture)
    await buy(writer, { tea: 1 })
    await comesFromRanking(fleet, reader)
    const bought: Array<{ readonly at: number; readonly sold: number }> = [{ at: performance.now(), sold: 1 }]
    for (let n = 0; n < 60; n++) {
      await buy(writer, { tea: 1 })
      bought.push({ at: performance.now(), sold: n + 2 })
      // The age is told of a moment between the call and its answer.
      const askedAt = performance.now()
      let since = 0
      const onAge = (age: number): void => {
        since = askedAt - age
      }
      const { products } = await reader.popularity.top({ limit: 1 + (n % 90) }, { maxAgeMillis: 5_000, onAge })
      const least = bought.filter(({ at }) => at < since - 1).at(-1)?.sold ?? 0
      expect(products[0]?.sold ?? 0).toBeGreaterThanOrEqual(least)
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
  })

  it("counts where answers came from, and says when nothing is asked for a moment", async () => {
    const fleet = fleetOf()
    const shop = fleet.open()
    await furnish(shop, furniture)
    await buy(shop, { tea: 1 })
    await comesFromRanking(fleet, shop)
    for (let n = 0; n < 2; n++) await shop.stock.product("tea", aged)
    const report = await shop.health()
    expect(report.reads).toMatchObject({ hits: 1, faults: 0, leftAlone: undefined, rankingLeftAlone: false })
    expect(report.reads.ranked).toBeGreaterThan(0)
    const [reads, , leftAlone] = measurementsOf(report).filter(({ name }) =>
      /aged_reads|cache_faults|left_alone/.test(name),
    )
    expect(reads?.samples).toContainEqual({ labels: { from: "process" }, value: 1 })
    expect(leftAlone?.samples).toEqual([{ labels: { of: "ranking" }, value: 0 }])
  })

  it("refuses what is no ranking", () => {
    expect(() => Reflect.apply(createHoldfast, undefined, [{ ranking: {} }])).toThrow(
      "such as redisRanking({ client })",
    )
  })
})
