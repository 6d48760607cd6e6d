import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { describe, expect, it, onTestFinished } from "vitest"
import { privateRedis, privateRedisCluster } from "../src/index.ts"

/** What `redis-cli` says, as a cluster's client where it is sent elsewhere. */
const say = async (url: string, ...words: ReadonlyArray<string>): Promise<string> =>
  (await promisify(execFile)("redis-cli", ["-c", "-u", url, ...words])).stdout.trim()

describe("a private Redis", () => {
  it("given a server that was killed → the next one answers on the same address, and has nothing of the old one", async (context) => {
    const redis = await privateRedis("a Redis that is killed")
    if (redis === undefined) return context.skip("no Redis here")
    onTestFinished(redis.stop)
    expect(await say(redis.url, "set", "pen", "1")).toBe("OK")
    await redis.kill()
    await expect(say(redis.url, "get", "pen")).rejects.toThrow("Connection refused")
    await redis.restart()
    expect(await say(redis.url, "get", "pen")).toBe("")
  })

  it("given little memory → refuses what does not fit, and evicts nothing", async (context) => {
    const redis = await privateRedis("a Redis with little memory", { maxmemory: "2mb" })
    if (redis === undefined) return context.skip("no Redis here")
    onTestFinished(redis.stop)
    await say(redis.url, "set", "kept", "1")
    const filled = await say(
      redis.url,
      "eval",
      "return redis.pcall('set', 'big', string.rep('x', 4 * 1024 * 1024))",
      "1",
      "big",
    )
    expect(await say(redis.url, "set", "more", "1"), filled).toMatch(/^OOM/)
    expect(await say(redis.url, "get", "kept")).toBe("1")
  })

  it("given a cluster → every server knows of all six, and a key is found from any of them", async (context) => {
    const cluster = await privateRedisCluster("a Redis cluster")
    if (cluster === undefined) return context.skip("no Redis here")
    onTestFinished(cluster.stop)
    const [first, ...others] = cluster.servers
    expect(cluster.servers.length).toBe(6)
    await say(first?.url ?? "", "set", "pen", "1")
    for (const { url } of others) expect(await say(url, "get", "pen")).toBe("1")
    const nodes = await say(first?.url ?? "", "cluster", "nodes")
    expect(nodes.match(/ slave /g)?.length).toBe(3)
  })
})
