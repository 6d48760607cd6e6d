/**
 * The reference of the `SharedCache` port: in this process, one synchronous step a call.
 *
 * Two shops of one process may share it, as tests do. Alone it gains a shop nothing: each keeps its own answers anyway.
 */
import { Clock, Effect, Layer } from "effect"
import { elapsedMillisOf } from "../elapsed.ts"
import * as Options from "../options.ts"
import { type CacheGuarantees, type Held, SharedCache, type SharedCacheShape } from "../ports/index.ts"
import { type Key, keyText } from "../values.ts"

const guarantees: CacheGuarantees = {
  name: "memory",
  scope: "one process",
  timeoutMillis: 100,
  products: true,
}

export interface MemoryCacheOptions {
  /** The most keys; above it the oldest are dropped. Default 10,000. */
  readonly keys?: number | undefined
}

const defaultKeys = 10_000

type Entry =
  | { readonly _tag: "Lease"; readonly lease: string; readonly until: number }
  | { readonly _tag: "Value"; readonly bytes: Uint8Array; readonly until: number }

/** A cache of its own, which may outlive the shops that are built on it: `Layer.succeed(SharedCache, cache)`. */
export const makeMemoryCache = ({ keys = defaultKeys }: MemoryCacheOptions = {}): Effect.Effect<SharedCacheShape> =>
  Effect.map(Clock.Clock, (clock) => {
    const now = (): number => elapsedMillisOf(clock)
    const entries = new Map<string, Entry>()
    let leases = 0

    const current = (name: string): Entry | undefined => {
      const entry = entries.get(name)
      if (entry === undefined || now() < entry.until) return entry
      entries.delete(name)
      return undefined
    }
    const keep = (name: string, entry: Entry): void => {
      entries.delete(name)
      entries.set(name, entry)
      for (const oldest of entries.keys()) {
        if (entries.size <= keys) break
        entries.delete(oldest)
      }
    }

    return {
      guarantees,
      get: (key: Key, leaseMillis: number) =>
        Effect.sync((): Held => {
          const name = keyText(key)
          const entry = current(name)
          if (entry?._tag === "Value") return { _tag: "Value", bytes: entry.bytes, forMillis: entry.until - now() }
          if (entry !== undefined) return { _tag: "Awaited" }
          const lease = `${++leases}`
          keep(name, { _tag: "Lease", lease, until: now() + leaseMillis })
          return { _tag: "Yours", lease }
        }),
      put: (key: Key, lease: string, bytes: Uint8Array, forMillis: number) =>
        Effect.sync(() => {
          const name = keyText(key)
          const entry = current(name)
          if (entry?._tag !== "Lease" || entry.lease !== lease) return false
          if (forMillis > 0) keep(name, { _tag: "Value", bytes: bytes.slice(), until: now() + forMillis })
          else entries.delete(name)
          return true
        }),
      forget: (key: Key) => Effect.sync(() => void entries.delete(keyText(key))),
    }
  })

/** The memory cache as an option of a shop. Each call is a cache of its own. */
export const memoryCache = (
  options: MemoryCacheOptions = {},
): { readonly name: string; readonly layer: Layer.Layer<SharedCache> } => {
  Options.check<MemoryCacheOptions>(options, { keys: Options.wholeNumber(1, 10_000_000) })
  return { name: guarantees.name, layer: Layer.effect(SharedCache, makeMemoryCache(options)) }
}
