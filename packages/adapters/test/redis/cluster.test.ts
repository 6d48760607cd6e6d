import { redis } from "@holdfast/adapters/redis"
import { cacheConformance } from "@holdfast/core/testing"
import { privateRedisCluster } from "@holdfast/test-services"
import { Effect } from "effect"
import { Cluster } from "ioredis"
import { expect, it, onTestFinished } from "vitest"
import { bytes, cacheOf } from "../support/redis.ts"

it("given a cluster of three and three → keeps the laws, and goes on when a replica takes over", async (context) => {
  const cluster = await privateRedisCluster(context.task.name)
  if (cluster === undefined) return context.skip("no Redis here")
  onTestFinished(cluster.stop)
  const urls = cluster.servers.map(({ url }) => url)
  const client = new Cluster(urls)
  onTestFinished(() => client.disconnect())
  client.on("error", () => {})
  for (const [name, way] of Object.entries({ client: { client }, url: { url: urls } })) {
    const layer = redis({ ...way, prefix: `${name}:`, timeoutMillis: 5_000 }).layer
    const { laws } = await Effect.runPromise(cacheConformance({ name, layer }, { trials: 3 }))
    expect(laws.filter(({ verdict }) => verdict !== "holds")).toEqual([])
  }

  const cache = await cacheOf({ client })
  const keys = Array.from({ length: 24 }, (_, n) => ["product", `p-${n}`] as const)
  const answered = () =>
    Promise.all(
      keys.map((key) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const held = yield* cache.get(key, 50)
            if (held._tag === "Yours") yield* cache.put(key, held.lease, bytes("tee"), 60_000)
            return held._tag !== "Awaited"
          }).pipe(Effect.orElseSucceed(() => false)),
        ),
      ),
    )
  await expect.poll(async () => (await answered()).every(Boolean)).toBe(true)
  await cluster.servers[0]?.kill()
  // Calls for its slots fail until its replica has taken over; all of them end, and then all of them work.
  await expect.poll(async () => (await answered()).every(Boolean)).toBe(true)
})
