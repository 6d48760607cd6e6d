/**
 * Redis for tests of the adapter: what a test needs of a private server, and how a cache is used once.
 */
import { redis } from "@holdfast/adapters/redis"
import { SharedCache, type SharedCacheShape } from "@holdfast/core/ports"
import { privateRedis, type RedisOptions, type RedisServer } from "@holdfast/test-services"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Redis } from "ioredis"
import { onTestFinished, type TestContext } from "vitest"

/** A server of the test's own; skips the test where there is none. */
export const redisFor = async (context: TestContext, options?: RedisOptions): Promise<RedisServer> => {
  const server = await privateRedis(context.task.name, options)
  if (server === undefined) return context.skip("no Redis here")
  onTestFinished(server.stop)
  return server
}

/** A client that the test closes. */
export const clientOf = (url: string, options: object = {}): Redis => {
  const client = new Redis(url, { maxRetriesPerRequest: 0, ...options })
  client.on("error", () => {})
  onTestFinished(() => client.disconnect())
  return client
}

/** A cache that lives as long as the test. */
export const cacheOf = async (options: Parameters<typeof redis>[0]): Promise<SharedCacheShape> => {
  const scope = Effect.runSync(Scope.make())
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const context = await Effect.runPromise(Layer.buildWithScope(redis(options).layer, scope))
  return Context.get(context, SharedCache)
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
