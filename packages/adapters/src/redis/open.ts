/**
 * The way to a Redis out of what the host gave: its own client, an address, or a function that sends.
 */
import { HoldfastError } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { addressOf, keepToDatabase } from "./address.ts"
import { type Connection, connectionOver, defaultTimeoutMillis } from "./Connection.ts"
import type { CommonOptions, RedisClient } from "./options.ts"

/** Opens a connection until the scope closes. Nothing waits for it: a shop starts as well while its Redis is away. */
export const openRedis = (options: CommonOptions): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { client, url, send, timeoutMillis = defaultTimeoutMillis } = options
    if (send !== undefined) return connectionOver(send, timeoutMillis)
    if (client !== undefined) {
      return connectionOver((_, [name = "", ...args]) => client.call(name, ...args), timeoutMillis)
    }
    return Effect.flatMap(openUrl(typeof url === "string" ? [url] : (url ?? [])), (opened) =>
      connectionOver((_, [name = "", ...args]) => opened(name, ...args), timeoutMillis),
    )
  })

interface Opened {
  readonly client: RedisClient & { readonly disconnect: () => void }
  /** Why the server does not take the connection, where that is why there is none. */
  readonly refused: () => Error | undefined
}

const openUrl = Effect.fnUntraced(function* (urls: ReadonlyArray<string>) {
  const { Redis, Cluster } = yield* Effect.tryPromise({
    try: () => import("ioredis"),
    catch: () => notInstalled(),
  }).pipe(Effect.orDie)
  const opened = Effect.sync((): Opened => {
    const [only, ...others] = urls
    const redisOptions = { connectTimeout: 2_000, maxRetriesPerRequest: 0 } as const
    if (only === undefined || others.length > 0) {
      const client = new Cluster(Array.from(urls), { redisOptions, clusterRetryStrategy: pauseBefore })
      // What fails is told by the call that fails. Without a listener the process would end.
      client.on("error", () => {})
      return { client, refused: () => undefined }
    }
    const { url, database: db } = addressOf(only)
    const client = new Redis(url, { ...redisOptions, db, retryStrategy: pauseBefore, reconnectOnError: isReadOnly })
    return { client, refused: keepToDatabase(client) }
  })
  const { client, refused } = yield* Effect.acquireRelease(opened, (each) =>
    Effect.sync(() => each.client.disconnect()),
  )
  return (name: string, ...args: ReadonlyArray<string>): Promise<unknown> =>
    client.call(name, ...args).catch((error) => {
      throw refused() ?? error
    })
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
        pointer: "/url",
        message: "needs the package ioredis, which is not installed: npm install ioredis, or pass a client of yours",
      },
    ],
  })
