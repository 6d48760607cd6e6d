/**
 * The way to a Redis out of what the host gave: its own client, an address, or a function that sends.
 */
import { HoldfastError } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { type Connection, connectionOver, defaultTimeoutMillis } from "./Connection.ts"
import type { CommonOptions } from "./options.ts"

/** Opens a connection until the scope closes. Nothing waits for it: a shop starts as well while its Redis is away. */
export const openRedis = (options: CommonOptions): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { client, url, send, timeoutMillis = defaultTimeoutMillis } = options
    if (send !== undefined) return connectionOver(send, timeoutMillis)
    if (client !== undefined) {
      return connectionOver((_, [name = "", ...args]) => client.call(name, ...args), timeoutMillis)
    }
    return Effect.flatMap(openUrl(typeof url === "string" ? [url] : (url ?? [])), (opened) =>
      connectionOver((_, [name = "", ...args]) => opened.call(name, ...args), timeoutMillis),
    )
  })

const openUrl = Effect.fnUntraced(function* (urls: ReadonlyArray<string>) {
  const { Redis, Cluster } = yield* Effect.tryPromise({
    try: () => import("ioredis"),
    catch: () => notInstalled(),
  }).pipe(Effect.orDie)
  const opened = Effect.sync(() => {
    const [only, ...others] = urls
    const redisOptions = { connectTimeout: 2_000, maxRetriesPerRequest: 0 } as const
    const client =
      only !== undefined && others.length === 0
        ? new Redis(only, { ...redisOptions, retryStrategy: pauseBefore, reconnectOnError: isReadOnly })
        : new Cluster(Array.from(urls), { redisOptions, clusterRetryStrategy: pauseBefore })
    // What fails is told by the call that fails. Without a listener the process would end.
    client.on("error", () => {})
    return client
  })
  return yield* Effect.acquireRelease(opened, (client) => Effect.sync(() => client.disconnect()))
})

/** Before the next try to connect. */
const pauseBefore = (tries: number): number => Math.min(50 * tries, 1_000)

/** A primary that became a replica: whoever took over is found by connecting again. */
const isReadOnly = (error: Error): boolean => error.message.startsWith("READONLY")

const notInstalled = () =>
  new HoldfastError({
    _tag: "InvalidInput",
    issues: [
      {
        pointer: "/cache",
        message: "needs the package ioredis for a url, which is not installed; a client of yours works without",
      },
    ],
  })
