import { redisRanking } from "@holdfast/adapters/redis"
import { isHoldfastError } from "@holdfast/core"
import { Ranking, type RankingShape } from "@holdfast/core/ports"
import { rankingConformance } from "@holdfast/core/testing"
import { freePort, privateRedisCluster } from "@holdfast/test-services"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Cluster, type Redis } from "ioredis"
import { describe, expect, it, onTestFinished } from "vitest"
import { clientOf, redisFor } from "../support/redis.ts"

type Sales = Parameters<RankingShape["put"]>[2]

const until = 500_000
const window = { fromHour: until - 72, untilHour: until }
const tag = "{holdfast:rank}:"

const sold = (units: Readonly<Record<string, number>>): Sales =>
  Object.entries(units).map(([productId, count]) => ({ productId, sold: count })) as unknown as Sales

/** A ranking that lives as long as the test. */
const rankingOf = async (options: Parameters<typeof redisRanking>[0]): Promise<RankingShape> => {
  const scope = Effect.runSync(Scope.make())
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Context.get(await Effect.runPromise(Layer.buildWithScope(redisRanking(options).layer, scope)), Ranking)
}

/** Fills it as a feeder does; answers how to go on. */
const fill = async (ranking: RankingShape, feeder = "f") => {
  let number = 0
  const next = () => ({ feeder, number: number + 1, after: number++ })
  await Effect.runPromise(ranking.begin(feeder, until))
  const steps = {
    put: (hour: number, units: Readonly<Record<string, number>>) =>
      Effect.runPromise(ranking.put(next(), hour, sold(units))),
    roll: (untilHour: number) => Effect.runPromise(ranking.roll(next(), untilHour)),
    vouch: async () =>
      (await Effect.runPromise(ranking.mark(next()))) && (await Effect.runPromise(ranking.vouch(next()))),
  }
  expect(await steps.put(until - 1, { tea: 2, cup: 3 })).toBe(true)
  expect(await steps.put(until - 50, { tea: 5 })).toBe(true)
  expect(await steps.vouch()).toBe(true)
  expect(await idsOf(ranking)).toEqual(["tea", "cup"])
  return steps
}

const idsOf = async (ranking: RankingShape) =>
  (await Effect.runPromise(ranking.top(window, 10)))?.sales.map(({ productId }) => String(productId))

describe("the ranking on Redis", () => {
  it("keeps the laws of the port, through a client, an address and a function", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const ways = {
      client: { client },
      url: { url: server.url },
      send: { send: (_: string, [name = "", ...args]: ReadonlyArray<string>) => client.call(name, ...args) },
    }
    for (const [name, way] of Object.entries(ways)) {
      const { layer } = redisRanking({ ...way, days: [2, 1], prefix: `${name}:`, timeoutMillis: 5_000 })
      const { laws } = await Effect.runPromise(rankingConformance({ name, layer }, { trials: 4 }))
      expect(laws.filter(({ verdict }) => verdict !== "holds")).toMatchObject([{ id: "RANK-05", verdict: "untested" }])
    }
  })

  it("keeps them on a cluster", async (context) => {
    const cluster = await privateRedisCluster(context.task.name)
    if (cluster === undefined) return context.skip("no Redis here")
    onTestFinished(cluster.stop)
    const client = new Cluster(cluster.servers.map(({ url }) => url))
    onTestFinished(() => client.disconnect())
    client.on("error", () => {})
    const { layer } = redisRanking({ client, days: [2, 1], timeoutMillis: 5_000 })
    const { laws } = await Effect.runPromise(rankingConformance({ name: "cluster", layer }, { trials: 2 }))
    expect(laws.filter(({ verdict }) => verdict !== "holds")).toMatchObject([{ id: "RANK-05", verdict: "untested" }])
  })

  // Each loses something else, as evictions, flushes and failovers do.
  it.for([
    ["everything", (client: Redis) => client.flushall()],
    ["what it knows of its feeder", (client: Redis) => client.del(`${tag}m`)],
    ["the feeder's word", (client: Redis) => client.del(`${tag}f`)],
    ["a window", (client: Redis) => client.del(`${tag}w:3`)],
    ["a product of a window", (client: Redis) => client.zrem(`${tag}w:3`, "cup")],
  ] as const)("given one that lost %s → answers nothing", async ([, lose], context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const ranking = await rankingOf({ client, timeoutMillis: 5_000 })
    await fill(ranking)
    await lose(client)
    expect(await idsOf(ranking)).toBeUndefined()
  })

  it("given a bucket that was evicted → refuses what is put to it or leaves with it, and answers nothing from then on", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const ranking = await rankingOf({ client, timeoutMillis: 5_000 })
    const first = await fill(ranking)
    await client.del(`${tag}b:${until - 1}`)
    expect(await first.put(until - 1, { tea: 3 })).toBe(false)
    expect(await idsOf(ranking)).toBeUndefined()
    const second = await fill(ranking, "g")
    expect(await second.put(until - 72, { pot: 1 })).toBe(true)
    await client.del(`${tag}b:${until - 72}`)
    expect(await second.roll(until + 1)).toBe(false)
    expect(await idsOf(ranking)).toBeUndefined()
  })

  it("given processes that keep different windows → answers none that the feeder does not keep", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const [short, long] = await Promise.all(
      [[3] as const, [3, 7] as const].map((days) => rankingOf({ client, days, timeoutMillis: 5_000 })),
    )
    if (short === undefined || long === undefined) return expect.unreachable()
    const week = { fromHour: until - 7 * 24, untilHour: until }
    const ofWeek = (ranking: RankingShape) => Effect.runPromise(ranking.top(week, 10))
    await fill(short, "s")
    expect(await ofWeek(long)).toBeUndefined()
    expect(await idsOf(long)).toEqual(["tea", "cup"])
    const steps = await fill(long, "l")
    expect(await steps.put(until - 100, { pot: 9 })).toBe(true)
    expect((await ofWeek(long))?.sales.map(({ productId }) => String(productId))).toEqual(["pot", "tea", "cup"])
    // Back again: what the longer window has left behind is in nobody's way.
    const again = await fill(short, "t")
    expect(await ofWeek(long)).toBeUndefined()
    expect(await again.put(until - 100, { pot: 8 })).toBe(true)
    expect(await idsOf(short)).toEqual(["tea", "cup"])
  })

  it("given a window in which nothing was sold → answers an empty list, for that is what it is", async (context) => {
    const server = await redisFor(context)
    const ranking = await rankingOf({ client: clientOf(server.url), timeoutMillis: 5_000 })
    await Effect.runPromise(ranking.begin("f", until))
    await Effect.runPromise(ranking.mark({ feeder: "f", number: 1, after: 0 }))
    await Effect.runPromise(ranking.vouch({ feeder: "f", number: 2, after: 1 }))
    expect(await idsOf(ranking)).toEqual([])
  })

  it("given a server that is rolled back, as by a failover → refuses to go on from what it has forgotten", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const ranking = await rankingOf({ client, timeoutMillis: 5_000 })
    const steps = await fill(ranking)
    const names = await client.keys(`${tag}*`)
    const before = await Promise.all(names.map(async (name) => [name, await client.dumpBuffer(name)] as const))
    expect(await steps.put(until - 1, { pot: 9 })).toBe(true)
    await client.flushall()
    for (const [name, value] of before) await client.restore(name, 60_000, value)
    // What it has now is what its feeder had vouched for, and is as old as it says; the next step finds out.
    expect(await idsOf(ranking)).toEqual(["tea", "cup"])
    expect(await steps.vouch()).toBe(false)
    expect(await idsOf(ranking)).toBeUndefined()
  })

  it("given a frozen server → a word that arrives late is as old as its moment", async (context) => {
    const server = await redisFor(context)
    if (server.freeze === undefined) return context.skip("a local server only")
    const ranking = await rankingOf({ client: clientOf(server.url), timeoutMillis: 1_000 })
    await fill(ranking)
    const feeder = { feeder: "f" }
    await Effect.runPromise(ranking.mark({ ...feeder, number: 100, after: 4 }))
    const markedAt = performance.now()
    server.freeze()
    const late = Effect.runPromise(Effect.flip(ranking.vouch({ ...feeder, number: 101, after: 100 })))
    expect(await late).toMatchObject({ _tag: "CacheFault" })
    server.thaw?.()
    const read = () => Effect.runPromise(Effect.orElseSucceed(ranking.top(window, 10), () => undefined))
    await expect.poll(async () => (await read())?.sales.length).toBe(2)
    const askedAt = performance.now()
    const ranked = await read()
    expect(ranked?.ageMillis).toBeGreaterThanOrEqual(Math.floor(askedAt - markedAt) - 1)
  })

  it("given a server that says its feeder's word is good for longer than any is → answers nothing", async () => {
    let left = 59_000
    const ranking = await rankingOf({ send: async () => [left, "tea", "-5"] })
    expect(await idsOf(ranking)).toEqual(["tea"])
    for (left of [60_001, 120_000, Number.NaN, 0, -1]) expect(await idsOf(ranking)).toBeUndefined()
    left = 60_000
    expect(await idsOf(ranking)).toEqual(["tea"])
  })

  it("given a killed server, and none at all → every call is a fault, or nothing is answered", async (context) => {
    const server = await redisFor(context)
    const ranking = await rankingOf({ url: server.url, timeoutMillis: 1_000 })
    await fill(ranking)
    await server.kill()
    await Effect.runPromise(Effect.flip(ranking.top(window, 10)))
    await server.restart()
    await expect.poll(() => idsOf(ranking).catch(() => "a fault")).toBeUndefined()
    const nowhere = await rankingOf({ url: `redis://127.0.0.1:${await freePort()}` })
    expect(await Effect.runPromise(Effect.flip(nowhere.top(window, 1)))).toMatchObject({ _tag: "CacheFault" })
  })

  it("given a server that evicts → never answers but what was put", async (context) => {
    const server = await redisFor(context, { maxmemory: "2500kb", settings: ["maxmemory-policy allkeys-random"] })
    const client = clientOf(server.url)
    const ranking = await rankingOf({ client, timeoutMillis: 5_000 })
    const outcomes = new Set<string>()
    for (let round = 0; round < 40; round++) {
      const feeder = `f${round}`
      let number = 0
      const next = () => ({ feeder, number: number + 1, after: number++ })
      await Effect.runPromise(ranking.begin(feeder, until))
      let isWhole = true
      for (let hour = until - 8; hour < until && isWhole; hour++) {
        const units = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`product-${n}`, 1 + ((n * hour) % 9)]))
        isWhole = await Effect.runPromise(Effect.orElseSucceed(ranking.put(next(), hour, sold(units)), () => false))
      }
      const answered = isWhole && (await Effect.runPromise(Effect.orElseSucceed(ranking.mark(next()), () => false)))
      if (answered) await Effect.runPromise(Effect.ignore(ranking.vouch(next())))
      await client.set(`junk-${round}`, "x".repeat(200_000)).catch(() => undefined)
      const ranked = await Effect.runPromise(Effect.orElseSucceed(ranking.top(window, 1_000), () => undefined))
      outcomes.add(ranked === undefined ? "nothing" : "a list")
      if (ranked === undefined) continue
      const expected = Array.from({ length: 400 }, (_, n) => {
        let sum = 0
        for (let hour = until - 8; hour < until; hour++) sum += 1 + ((n * hour) % 9)
        return [`product-${n}`, sum] as const
      }).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      expect(ranked.sales.map((sale) => [sale.productId, sale.sold])).toEqual(expected)
    }
    expect([...outcomes].sort()).toEqual(["a list", "nothing"])
  })

  it.each([
    [{}, "", "pass one of `client`, `url` and `send`"],
    [{ url: "redis://a", days: [] }, "/days", "must be 1 to 4 different whole numbers from 1 to 31"],
    [{ url: "redis://a", days: [3, 3] }, "/days", "must be 1 to 4 different whole numbers from 1 to 31"],
    [{ url: "redis://a", products: true }, "/products", "is not an option; there are"],
  ])("refuses %j", (options, pointer, message) => {
    try {
      Reflect.apply(redisRanking, undefined, [options])
      expect.unreachable()
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      expect(error.refusal).toMatchObject({ issues: [{ pointer, message: expect.stringContaining(message) }] })
    }
  })
})
