/**
 * Broken caches, and processes that use a good one badly: each dies by one law, and so shows that the law can fail.
 */
import { Effect, Layer } from "effect"
import type { Aged, ReadCache } from "../../cache/ReadCache.ts"
import { makeMemoryCache } from "../../memory/MemoryCache.ts"
import { SharedCache, type SharedCacheShape } from "../../ports/index.ts"
import { type Key, keyText } from "../../values.ts"
import type { CacheAdapter } from "./cacheConformance.ts"
import type { ReadTampering } from "./readTrial.ts"

export interface CacheMutant extends CacheAdapter {
  /** What is wrong with it. */
  readonly about: string
  /** The law that it breaks. */
  readonly diesBy: string
}

const mutant = (
  diesBy: string,
  name: string,
  about: string,
  how: {
    readonly wrap?: (cache: SharedCacheShape) => Partial<SharedCacheShape>
    readonly tampering?: ReadTampering
  },
): CacheMutant => ({
  name,
  about,
  diesBy,
  tampering: how.tampering,
  layer: Layer.effect(
    SharedCache,
    Effect.map(makeMemoryCache(), (cache) => ({ ...cache, ...how.wrap?.(cache) })),
  ),
})

export const cacheMutants: ReadonlyArray<CacheMutant> = [
  mutant("CACHE-01", "values that never end", "What is put stays until it is forgotten.", {
    wrap: (cache) => ({ put: (key, lease, bytes) => cache.put(key, lease, bytes, 3_600_000) }),
  }),
  mutant(
    "CACHE-01",
    "a clock that is behind",
    "After a failover what is held is good for a minute longer than it was put.",
    {
      wrap: (cache) => ({
        get: (key, leaseMillis) =>
          Effect.map(cache.get(key, leaseMillis), (held) =>
            held._tag === "Value" ? { ...held, forMillis: held.forMillis + 60_000 } : held,
          ),
      }),
    },
  ),
  mutant("CACHE-01", "age counted from the last hit", "Every answer is said to be as young as on its first day.", {
    wrap: (cache) => {
      const lives = new Map<string, number>()
      return {
        put: (key, lease, bytes, forMillis) => {
          lives.set(keyText(key), forMillis)
          return cache.put(key, lease, bytes, forMillis > 0 ? forMillis + 400 : 0)
        },
        get: (key, leaseMillis) =>
          Effect.map(cache.get(key, leaseMillis), (held) =>
            held._tag === "Value" ? { ...held, forMillis: lives.get(keyText(key)) ?? held.forMillis } : held,
          ),
      }
    },
  }),
  mutant("CACHE-01", "large values cut off", "Of a value what one page of the server holds is kept.", {
    wrap: (cache) => ({
      put: (key, lease, bytes, forMillis) => cache.put(key, lease, bytes.slice(0, 65_536), forMillis),
    }),
  }),
  mutant("CACHE-01", "the caller's own bytes", "A value is what its caller makes of it later.", {
    wrap: (cache) => {
      const given = new Map<string, Uint8Array>()
      return {
        put: (key, lease, bytes, forMillis) => {
          given.set(keyText(key), bytes)
          return cache.put(key, lease, bytes, forMillis)
        },
        get: (key, leaseMillis) =>
          Effect.map(cache.get(key, leaseMillis), (held) =>
            held._tag === "Value" ? { ...held, bytes: given.get(keyText(key)) ?? held.bytes } : held,
          ),
      }
    },
  }),
  mutant("CACHE-02", "refusals are kept", "What was not there once is not there for a while.", {
    tampering: keepingRefusals,
  }),
  mutant("CACHE-03", "own changes not forgotten", "A change leaves what its own process keeps as it was.", {
    tampering: (cache) => ({ ...cache, forget: () => Effect.void }),
  }),
  mutant("CACHE-04", "leases without an end", "Whoever died while it read is waited for.", {
    wrap: (cache) => ({ get: (key) => cache.get(key, 3_600_000) }),
  }),
  mutant("CACHE-04", "leases for everybody", "Every asker is told to read, whoever reads already.", {
    wrap: (cache) => {
      let leases = 0
      return {
        get: (key, leaseMillis) =>
          Effect.map(cache.get(key, leaseMillis), (held) =>
            held._tag === "Awaited" ? { _tag: "Yours", lease: `${++leases} more` } : held,
          ),
      }
    },
  }),
  mutant("CACHE-04", "keys joined", "Two keys whose parts are joined to the same text are one.", {
    wrap: keyed((key) => [key.join(":")]),
  }),
  mutant("CACHE-04", "keys without case", "Two keys are one that differ in case.", {
    wrap: keyed((key) => [keyText(key).toLowerCase()]),
  }),
  mutant("CACHE-04", "leases of a moment", "A lease ends long before its time.", {
    wrap: (cache) => ({ get: (key, leaseMillis) => cache.get(key, Math.min(leaseMillis, 2)) }),
  }),
  mutant("CACHE-05", "a lease for several puts", "Whoever has put may put again, whoever has done so since.", {
    wrap: (cache) => {
      const used = new Set<string>()
      return {
        put: Effect.fnUntraced(function* (key, lease, bytes, forMillis) {
          const name = `${keyText(key)} ${lease}`
          if (used.has(name)) yield* cache.forget(key)
          used.add(name)
          const held = yield* cache.get(key, forMillis)
          return yield* cache.put(key, held._tag === "Yours" ? held.lease : lease, bytes, forMillis)
        }),
      }
    },
  }),
  mutant("CACHE-05", "put without looking at the lease", "Whoever comes last wins.", {
    wrap: (cache) => ({
      put: (key, _, bytes, forMillis) =>
        Effect.gen(function* () {
          yield* cache.forget(key)
          const held = yield* cache.get(key, 1_000)
          return held._tag === "Yours" ? yield* cache.put(key, held.lease, bytes, forMillis) : false
        }),
    }),
  }),
  mutant("CACHE-05", "forget that leaves leases alone", "Only values are forgotten.", {
    wrap: (cache) => ({
      forget: (key) =>
        Effect.flatMap(cache.get(key, 1), (held) => (held._tag === "Value" ? cache.forget(key) : Effect.void)),
    }),
  }),
  mutant("CACHE-06", "faults thrown at readers", "A cache that is away is told as if the store were.", {
    tampering: (cache) => ({
      ...cache,
      read: (asked, maxAgeMillis) =>
        Effect.flatMap(cache.read(asked, maxAgeMillis), (answer) =>
          cache.metrics().faults > 0 ? Effect.die(new Error("the cache is away")) : Effect.succeed(answer),
        ),
    }),
  }),
  mutant("CACHE-06", "calls that never end", "A frozen server is waited for.", {
    wrap: (cache) => {
      let calls = 0
      return { get: (key, leaseMillis) => (++calls % 20 === 0 ? Effect.never : cache.get(key, leaseMillis)) }
    },
  }),
]

function keyed(as: (key: Key) => Key): (cache: SharedCacheShape) => Partial<SharedCacheShape> {
  return (cache) => ({
    get: (key, leaseMillis) => cache.get(as(key), leaseMillis),
    put: (key, ...asked) => cache.put(as(key), ...asked),
    forget: (key) => cache.forget(as(key)),
  })
}

function keepingRefusals(cache: ReadCache): ReadCache {
  const refused = new Map<string, unknown>()
  return {
    ...cache,
    read: <A, E>(asked: Parameters<typeof cache.read<A, E>>[0], maxAgeMillis: number): Effect.Effect<Aged<A>, E> => {
      const name = keyText(asked.key)
      // biome-ignore lint/plugin/casts: what was kept under this key is the refusal of this very read
      if (refused.has(name)) return Effect.fail(refused.get(name) as E)
      return Effect.tapError(cache.read(asked, maxAgeMillis), (refusal) =>
        Effect.sync(() => {
          refused.set(name, refusal)
        }),
      )
    },
  }
}
