/**
 * The `SharedCache` on Redis: three calls of one key each, and nothing that a flush, a failover or an eviction could break.
 *
 * Values travel as base64, so that clients which answer text need no setting. Keys are the prefix and the parts, each
 * percent-encoded, so that no two of them meet.
 */
import {
  type CacheFault,
  type CacheGuarantees,
  type Held,
  type Key,
  SharedCache,
  type SharedCacheShape,
} from "@holdfast/core/ports"
import { Clock, Effect, Layer, Random } from "effect"
import { type Connection, defaultTimeoutMillis } from "./Connection.ts"
import { openRedis } from "./open.ts"
import { defaultPrefix, type RedisOptions } from "./options.ts"
import { getScript, putScript } from "./scripts.ts"

export const redisCacheLayer = (options: RedisOptions): Layer.Layer<SharedCache> =>
  Layer.effect(
    SharedCache,
    Effect.gen(function* () {
      const connection = yield* openRedis(options)
      const random = yield* Random.Random
      // Leases of different processes must differ, and so must those of one.
      const own = `${Math.floor(random.nextDoubleUnsafe() * 2 ** 52).toString(36)}-`
      let leases = 0
      const clock = yield* Clock.Clock
      const now = (): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
      return cacheOn(connection, options, () => `${own}${leases++}`, now)
    }),
  )

/** A lease is given out with its length and the moment when it was answered: `put` tells from them how late it comes. */
const cacheOn = (
  connection: Connection,
  options: RedisOptions,
  nextLease: () => string,
  now: () => number,
): SharedCacheShape => {
  const guarantees: CacheGuarantees = {
    name: "redis",
    scope: "many machines",
    timeoutMillis: options.timeoutMillis ?? defaultTimeoutMillis,
    products: options.products ?? false,
  }
  const prefix = `${options.prefix ?? defaultPrefix}cache:`
  const nameOf = (key: Key): string => prefix + key.map((part) => encodeURIComponent(part)).join(":")
  return {
    guarantees,
    isLeftAlone: connection.isLeftAlone,
    get: (key, leaseMillis) =>
      Effect.suspend(() => {
        const lease = nextLease()
        const asked = connection.run(getScript, [nameOf(key)], [lease, millis(leaseMillis)])
        return Effect.flatMap(asked, (answer) => heldOf(answer, [lease, millis(leaseMillis), now()].join(" ")))
      }),
    put: (key, lease, bytes, forMillis) =>
      Effect.suspend(() => {
        const [name = "", leaseMillis = "0", answeredAt = "0"] = lease.split(" ")
        const value = Buffer.from(bytes).toString("base64")
        // Both moments are cut to whole milliseconds, so one may be too many.
        const passed = Math.max(0, now() - Number(answeredAt) - 1)
        const args = [name, value, forMillis > 0 ? millis(forMillis) : "0", leaseMillis, String(passed)]
        return Effect.map(connection.run(putScript, [nameOf(key)], args), (kept) => Number(kept) === 1)
      }),
    forget: (key) => {
      const name = nameOf(key)
      return Effect.asVoid(connection.command(name, ["DEL", name]))
    },
  }
}

const heldOf = (answer: unknown, lease: string): Effect.Effect<Held, CacheFault> => {
  const [tag, value, left]: ReadonlyArray<unknown> = Array.isArray(answer) ? answer : []
  switch (Number(tag)) {
    case 0:
      return Effect.succeed({
        _tag: "Value",
        bytes: new Uint8Array(Buffer.from(String(value), "base64")),
        forMillis: Math.max(0, Number(left)),
      })
    case 1:
      return Effect.succeed({ _tag: "Yours", lease })
    case 2:
      return Effect.succeed({ _tag: "Awaited" })
    default:
      return Effect.fail({ _tag: "CacheFault", reason: `Redis answered what its script does not.`, cause: answer })
  }
}

const millis = (value: number): string => String(Math.max(1, Math.floor(value)))
