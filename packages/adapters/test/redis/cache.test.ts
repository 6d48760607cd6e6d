import { redis } from "@holdfast/adapters/redis"
import { isHoldfastError } from "@holdfast/core"
import type { SharedCacheShape } from "@holdfast/core/ports"
import { cacheConformance } from "@holdfast/core/testing"
import { freePort } from "@holdfast/test-services"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { bytes, cacheOf, clientOf, redisFor } from "../support/redis.ts"

const key = ["product", "tee"] as const

/** Reads a key as a process does that may put what it read. */
const lease = async (
  cache: SharedCacheShape,
  of: readonly [string, ...ReadonlyArray<string>] = key,
): Promise<string> => {
  const held = await Effect.runPromise(cache.get(of, 10_000))
  if (held._tag !== "Yours") throw new Error(`The key is ${held._tag}.`)
  return held.lease
}

const put = async (cache: SharedCacheShape, text: string): Promise<boolean> =>
  Effect.runPromise(cache.put(key, await lease(cache), bytes(text), 60_000))

const read = async (cache: SharedCacheShape): Promise<string> => {
  const held = await Effect.runPromise(cache.get(key, 10))
  return held._tag === "Value" ? new TextDecoder().decode(held.bytes) : held._tag
}

describe("the cache on Redis", () => {
  it("keeps the laws of the port, through a client, an address and a function", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const ways = {
      client: { client },
      url: { url: server.url },
      send: {
        send: (_: string, [name = "", ...args]: ReadonlyArray<string>) => client.call(name, ...args),
      },
    }
    for (const [name, way] of Object.entries(ways)) {
      const report = await Effect.runPromise(
        cacheConformance(
          { name, layer: redis({ ...way, prefix: `${name}:`, timeoutMillis: 5_000 }).layer },
          { trials: 4 },
        ),
      )
      expect(report.laws.filter(({ verdict }) => verdict !== "holds")).toEqual([])
    }
  })

  it("given a server that forgot its scripts → tells them again, and nothing is noticed", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const cache = await cacheOf({ client, timeoutMillis: 5_000 })
    const held = await lease(cache)
    await client.script("FLUSH", "SYNC")
    expect(await Effect.runPromise(cache.put(key, held, bytes("tee"), 60_000))).toBe(true)
    await client.script("FLUSH", "SYNC")
    expect(await read(cache)).toBe("tee")
  })

  it("given a server that was flushed while a lease was held → keeps nothing of what is put under it", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const cache = await cacheOf({ client, timeoutMillis: 5_000 })
    const held = await lease(cache)
    await client.flushall()
    expect(await Effect.runPromise(cache.put(key, held, bytes("old"), 60_000))).toBe(false)
    expect(await put(cache, "new")).toBe(true)
    expect(await read(cache)).toBe("new")
  })

  it("given two prefixes, and parts that would meet → keeps all of them apart", async (context) => {
    const server = await redisFor(context)
    const client = clientOf(server.url)
    const [left, right] = [
      await cacheOf({ client, timeoutMillis: 5_000, prefix: "left:" }),
      await cacheOf({ client, timeoutMillis: 5_000, prefix: "right:" }),
    ]
    await put(left, "left")
    await put(right, "right")
    expect([await read(left), await read(right)]).toEqual(["left", "right"])
    await lease(left, ["a:b", "c"])
    await lease(left, ["a", "b:c"])
    await lease(left, ["가격", "{tag}"])
  })

  it("given little memory and eviction → forgets what it has no room for, and takes what comes", async (context) => {
    const server = await redisFor(context, { maxmemory: "3mb", settings: ["maxmemory-policy allkeys-lru"] })
    const cache = await cacheOf({ client: clientOf(server.url), timeoutMillis: 5_000 })
    const large = new Uint8Array(100_000)
    for (let n = 0; n < 60; n++) {
      const of = ["large", `${n}`] as const
      // A lease may be what is forgotten; whoever asks again gets another one.
      await expect.poll(async () => Effect.runPromise(cache.put(of, await lease(cache, of), large, 60_000))).toBe(true)
    }
    const held = await Promise.all(
      Array.from({ length: 60 }, (_, n) => Effect.runPromise(cache.get(["large", `${n}`], 10))),
    )
    expect(held.some(({ _tag }) => _tag === "Yours")).toBe(true)
  })

  it("given a server that is full and evicts nothing → is a fault, and told why", async (context) => {
    const server = await redisFor(context, { maxmemory: "2mb" })
    const client = clientOf(server.url)
    const cache = await cacheOf({ client, timeoutMillis: 5_000 })
    await client.eval("return redis.pcall('set', 'big', string.rep('x', 4 * 1024 * 1024))", 1, "big")
    const fault = await Effect.runPromise(Effect.flip(cache.get(key, 10)))
    expect(fault).toMatchObject({ _tag: "CacheFault", reason: expect.stringContaining("OOM") })
  })

  it("SB-54: given a frozen server → each call ends in its time, then Redis is left alone, and is found again", async (context) => {
    const server = await redisFor(context)
    if (server.freeze === undefined) return context.skip("a local server only")
    const cache = await cacheOf({ url: server.url, timeoutMillis: 1_000 })
    expect(await put(cache, "tee")).toBe(true)
    server.freeze()
    const reasons: Array<string> = []
    for (let call = 0; call < 7; call++) {
      const { reason } = await Effect.runPromise(Effect.flip(cache.get(key, 10)))
      reasons.push(reason)
    }
    expect(reasons.slice(0, 5)).toEqual(reasons.slice(0, 5).map(() => "Redis did not answer within 1000 ms."))
    expect(reasons.at(-1)).toContain("left alone")
    expect(cache.isLeftAlone?.()).toBe(true)
    server.thaw?.()
    await expect.poll(() => read(cache).catch(() => "a fault")).toBe("tee")
    expect(cache.isLeftAlone?.()).toBe(false)
  })

  it("given a put that arrives late → keeps the value for so much less", async (context) => {
    const server = await redisFor(context)
    if (server.freeze === undefined) return context.skip("a local server only")
    const cache = await cacheOf({ client: clientOf(server.url), timeoutMillis: 500 })
    const held = await lease(cache)
    const sentAt = performance.now()
    server.freeze()
    await Effect.runPromise(Effect.flip(cache.put(key, held, bytes("tee"), 60_000)))
    server.thaw?.()
    await expect.poll(() => read(cache).catch(() => "a fault")).toBe("tee")
    const found = await Effect.runPromise(cache.get(key, 10))
    if (found._tag !== "Value") throw new Error(`The key is ${found._tag}.`)
    expect(found.forMillis).toBeLessThanOrEqual(60_000 - 400)
    expect(performance.now() - sentAt).toBeGreaterThan(400)
  })

  it("given a server that is killed and started again → goes on without anybody's help", async (context) => {
    const server = await redisFor(context)
    const cache = await cacheOf({ url: server.url, timeoutMillis: 1_000 })
    expect(await put(cache, "tee")).toBe(true)
    await server.kill()
    await Effect.runPromise(Effect.flip(cache.get(key, 10)))
    await server.restart()
    await expect.poll(() => put(cache, "new").catch(() => "a fault")).toBe(true)
    expect(await read(cache)).toBe("new")
  })

  it("given no server at all → opens all the same, and every call is a fault", async () => {
    const cache = await cacheOf({ url: `redis://127.0.0.1:${await freePort()}` })
    for (const call of [cache.get(key, 10), cache.put(key, "mine", bytes(""), 10), cache.forget(key)]) {
      expect(await Effect.runPromise(Effect.flip(call))).toMatchObject({ _tag: "CacheFault" })
    }
  })

  it("given a database that the server has, by path or parameter → is there and nowhere else", async (context) => {
    const { url } = await redisFor(context)
    for (const [at, database] of [
      ["/5", 5],
      ["?db=6", 6],
    ] as const) {
      const cache = await cacheOf({ url: `${url}${at}`, timeoutMillis: 5_000 })
      expect(await put(cache, "tee")).toBe(true)
      expect(await clientOf(url, { db: database }).dbsize()).toBe(1)
    }
    expect(await clientOf(url).dbsize()).toBe(0)
  })

  it("given a database that the server does not have → every call is a fault, and nothing goes to database 0", async (context) => {
    const { url } = await redisFor(context)
    const cache = await cacheOf({ url: `${url}/99`, timeoutMillis: 2_000 })
    expect(await Effect.runPromise(Effect.flip(cache.get(key, 10)))).toMatchObject({
      reason: expect.stringContaining("DB index is out of range"),
    })
    // While it connects again and again.
    for (const call of [cache.put(key, "mine", bytes(""), 10), cache.forget(key), cache.get(key, 10)]) {
      expect(await Effect.runPromise(Effect.flip(call))).toMatchObject({ _tag: "CacheFault" })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const inDatabase0 = clientOf(url)
    expect(await inDatabase0.dbsize()).toBe(0)
    expect(await inDatabase0.info("commandstats")).not.toMatch(/cmdstat_eval/)
  })

  it.each([
    "redis://",
    "redis://u:se/cret@h:1",
    "redis://u:%zz@h:1",
    "redis://h:99999",
    "redis://h:0",
    "redis://h:port",
    "redis://h/abc",
    "redis://h/%20",
    "redis://h/-1",
    "redis://h/1/2",
    "redis://h?db=abc",
    ["redis://a:1", "redis://b:1/2"],
  ])("refuses the url %j, and repeats nothing of it", (url) => {
    try {
      redis({ url })
      expect.unreachable()
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      const message = expect.stringMatching(/^must (be like redis:|name)/)
      expect(error.refusal).toEqual({ _tag: "InvalidInput", issues: [{ pointer: "/url", message }] })
      expect(error.message).not.toContain("cret")
    }
  })

  it.each([
    [{}, "", "pass one of `client`, `url` and `send`"],
    [{ url: "redis://a", send: async () => 1 }, "/send", "pass one of `client`, `url` and `send`"],
    [{ url: "http://127.0.0.1" }, "/url", "must begin with redis:// or rediss://"],
    [{ url: [] }, "/url", "must begin with redis:// or rediss://"],
    [{ client: {} }, "/client", "must be an ioredis client, which has call()"],
    [{ url: "redis://a", prefix: "{a}" }, "/prefix", "must be 1 to 64 printable characters without { or }"],
    [{ url: "redis://a", timeoutMillis: 1 }, "/timeoutMillis", "must be a whole number from 10 to 5000"],
    [{ url: "redis://a", prefixes: "a" }, "/prefixes", 'is not an option; did you mean "prefix"?'],
  ])("refuses %j", (options, pointer, message) => {
    try {
      Reflect.apply(redis, undefined, [options])
      expect.unreachable()
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      expect(error.refusal).toEqual({ _tag: "InvalidInput", issues: [{ pointer, message }] })
    }
  })
})
