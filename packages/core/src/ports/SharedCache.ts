/**
 * The `SharedCache` port: bytes that several processes keep together, to spare the store work that one of them has done.
 *
 * It may be wiped at any moment, and nothing but speed is lost. Nothing is ever granted or refused because of what it
 * holds: answers come from it only to callers who said how old an answer may be, and seals out of it are checked against
 * the store.
 */
import { Context, type Effect } from "effect"
import type { Key } from "../values.ts"

/** The cache did not answer as it should, in time or at all. The store is asked instead. */
export interface CacheFault {
  readonly _tag: "CacheFault"
  readonly reason: string
  readonly cause?: unknown
}

/** What is known of a key. */
export type Held =
  /** It may still be served for so long. */
  | { readonly _tag: "Value"; readonly bytes: Uint8Array; readonly forMillis: number }
  /** Nobody has it: read the store, then `put` under this lease. */
  | { readonly _tag: "Yours"; readonly lease: string }
  /** Another asker reads it: ask again soon, or read the store yourself. */
  | { readonly _tag: "Awaited" }

export interface CacheGuarantees {
  /** What the cache is called in messages. */
  readonly name: string
  /** Who may use the same cache at once. */
  readonly scope: "one process" | "many machines"
  /** No call takes longer than this. */
  readonly timeoutMillis: number
  /** Whether single products are worth a call. Lists and seals are, in every cache. */
  readonly products: boolean
}

/** What a cache does: see {@link SharedCache}. */
export interface SharedCacheShape {
  readonly guarantees: CacheGuarantees
  /** Whether it is asked nothing for the moment, after several faults: for dashboards. Absent where that never is. */
  readonly isLeftAlone?: (() => boolean) | undefined
  /** Answers the value of a key, or gives its lease for so long. */
  readonly get: (key: Key, leaseMillis: number) => Effect.Effect<Held, CacheFault>
  /** Keeps a value for so long at most, counted from this call however late it arrives. False where the lease has ended: then nothing is kept. */
  readonly put: (key: Key, lease: string, bytes: Uint8Array, forMillis: number) => Effect.Effect<boolean, CacheFault>
  /** Drops the value of a key, and ends its lease. */
  readonly forget: (key: Key) => Effect.Effect<void, CacheFault>
}

/**
 * A cache with leases, as in "Scaling Memcache at Facebook" (NSDI 2013).
 *
 * **Atomicity.** One key at a time.
 *
 * **Isolation.** One asker holds the lease of a key. It ends with its time, by `put` or by `forget`.
 *
 * **Idempotency.** All calls may be repeated.
 *
 * **Order.** None between keys. Of one key: what is put under a lease that `forget` ended is not kept, so nothing older
 * than a `forget` comes back.
 *
 * **Failure.** It may forget at any time, all or some. A fault means: ask the store. No call waits longer than
 * `guarantees.timeoutMillis`.
 */
export class SharedCache extends Context.Service<SharedCache, SharedCacheShape>()("@holdfast/core/SharedCache") {}
