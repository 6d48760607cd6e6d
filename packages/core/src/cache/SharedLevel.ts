/**
 * The second level of the read cache: one read serves every process that shares the cache.
 *
 * Ages travel as durations, each measured by one clock: a value carries for how long it was good, the cache says for how
 * long it still is, and the difference is its age. So clocks of different machines need not agree.
 */
import { Effect, Exit } from "effect"
import type { Held, SharedCacheShape } from "../ports/index.ts"
import { type Key, keyText } from "../values.ts"

/** How a value travels. */
export interface Codec<A> {
  readonly encode: (value: A) => Uint8Array
  /** Undefined where these are not the bytes of a value. */
  readonly decode: (bytes: Uint8Array) => A | undefined
}

/** How long another process may be the only one to read a key. */
const leaseMillis = 1_000
/** How long its read is waited for before this process reads the store itself. */
const mostWaitMillis = 200
const askAgainMillis = 20
/** How long a change waits, before it is answered, until what it made old has ended in the cache. */
const mostForgetMillis = 200
/** Of how many keys it is known that this process has asked for them. */
const mostAsked = 100

/** Something that was read, and when that read began. */
interface Read {
  readonly value: unknown
  readonly bornAt: number
}

export class SharedLevel {
  readonly #cache: SharedCacheShape
  readonly #now: () => number
  readonly #limit: number
  /** When this process forgot a key, or all that begin with a part: what was read before is not believed, even where the cache did not hear of it. */
  readonly #forgottenAt = new Map<string, number>()
  /** The same of every key that is no longer in the map. */
  #allForgottenAt = Number.NEGATIVE_INFINITY
  /** The keys that were asked for last. */
  readonly #asked = new Map<string, Key>()
  /** Values that were taken from the cache. */
  taken = 0
  /** Calls of the cache that failed. */
  faults = 0

  constructor(cache: SharedCacheShape, now: () => number, limit: number) {
    this.#cache = cache
    this.#now = now
    this.#limit = limit
  }

  /**
   * Takes the value from the cache, or reads it. `land` gets what there is before anything is put: nobody waits for that.
   */
  through<A, E>(
    key: Key,
    codec: Codec<A>,
    maxAgeMillis: number,
    read: Effect.Effect<Read, E>,
    land: (exit: Exit.Exit<Read, E>) => Effect.Effect<void>,
  ): Effect.Effect<void> {
    const alone = Effect.flatMap(Effect.exit(read), land)
    const ask = (until: number, hasEnded = false): Effect.Effect<void> =>
      Effect.suspend(() => {
        const sentAt = this.#now()
        this.#remember(key)
        return Effect.flatMap(this.#counted(this.#cache.get(key, leaseMillis)), (held) => {
          if (held === undefined) return alone
          switch (held._tag) {
            case "Value": {
              const found = this.#believed(key, codec, held, sentAt, maxAgeMillis)
              // Else it would keep everybody who allows less from sharing, for as long as it is good for others.
              if (found === undefined) {
                return hasEnded ? alone : Effect.andThen(this.#end([key]), ask(until, true))
              }
              this.taken++
              return land(Exit.succeed(found))
            }
            case "Awaited":
              // By the clock: a cache that is slow to say so is part of the wait.
              return this.#now() >= until ? alone : Effect.andThen(Effect.sleep(askAgainMillis), ask(until, hasEnded))
            case "Yours":
              return Effect.flatMap(Effect.exit(read), (exit) =>
                Effect.andThen(land(exit), this.#put(key, codec, held.lease, maxAgeMillis, exit)),
              )
          }
        })
      })
    return Effect.suspend(() => ask(this.#now() + mostWaitMillis))
  }

  get sharesProducts(): boolean {
    return this.#cache.guarantees.products
  }

  get isLeftAlone(): boolean {
    return this.#cache.isLeftAlone?.() ?? false
  }

  /** From now on this process believes nothing older of a key. What it answers ends it in the cache. */
  drop(key: Key): Effect.Effect<void> {
    this.#forgetBefore(keyText(key))
    return this.#end([key])
  }

  /** The same of every key that begins with this part; in the cache, of those that this process has asked for. */
  dropAll(first: string): Effect.Effect<void> {
    this.#forgetBefore(first)
    const asked = Array.from(this.#asked.values()).filter((key) => key[0] === first)
    return this.#end(asked)
  }

  // All at once: one after the other, a hundred keys of a cache that is far away cost a change eight seconds. What is not
  // ended in time others may see until its age is over; this process believes none of it.
  #end(keys: ReadonlyArray<Key>): Effect.Effect<void> {
    const ended = Effect.forEach(keys, (key) => this.#counted(this.#cache.forget(key)), {
      concurrency: "unbounded",
      discard: true,
    })
    return Effect.timeoutOrElse(ended, {
      duration: mostForgetMillis,
      orElse: () =>
        Effect.sync(() => {
          this.faults++
        }),
    })
  }

  #forgetBefore(name: string): void {
    this.#forgottenAt.delete(name)
    this.#forgottenAt.set(name, this.#now())
    for (const [oldest, at] of this.#forgottenAt) {
      if (this.#forgottenAt.size <= this.#limit) break
      this.#forgottenAt.delete(oldest)
      this.#allForgottenAt = Math.max(this.#allForgottenAt, at)
    }
  }

  #remember(key: Key): void {
    const name = keyText(key)
    this.#asked.delete(name)
    this.#asked.set(name, key)
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= mostAsked) break
      this.#asked.delete(oldest)
    }
  }

  #believed<A>(
    key: Key,
    codec: Codec<A>,
    { bytes, forMillis }: Extract<Held, { readonly _tag: "Value" }>,
    sentAt: number,
    maxAgeMillis: number,
  ): Read | undefined {
    const lifeMillis = lifeOf(bytes)
    // Good for longer than it ever was, as after a failover to a clock that is behind: it would be born in the future.
    if (lifeMillis === undefined || !(forMillis > 0 && forMillis <= lifeMillis)) return undefined
    const bornAt = sentAt + forMillis - lifeMillis
    const forgottenAt = Math.max(
      this.#allForgottenAt,
      ...[keyText(key), String(key[0])].map((name) => this.#forgottenAt.get(name) ?? this.#allForgottenAt),
    )
    if (this.#now() - bornAt > maxAgeMillis || bornAt <= forgottenAt) return undefined
    const value = codec.decode(bytes.subarray(headerBytes))
    return value === undefined ? undefined : { value, bornAt }
  }

  // A refusal or a fault gives the lease back, so that the next asker reads at once.
  #put<A, E>(key: Key, codec: Codec<A>, lease: string, lifeMillis: number, exit: Exit.Exit<Read, E>) {
    if (!Exit.isSuccess(exit)) return Effect.asVoid(this.#counted(this.#cache.put(key, lease, new Uint8Array(), 0)))
    const forMillis = Math.floor(lifeMillis - (this.#now() - exit.value.bornAt))
    // biome-ignore lint/plugin/casts: the read of this very key found it
    const bytes = withLife(lifeMillis, codec.encode(exit.value.value as A))
    return Effect.asVoid(this.#counted(this.#cache.put(key, lease, bytes, Math.max(0, forMillis))))
  }

  /** Undefined for a fault. Nobody but the metrics hears of it. */
  #counted<A, E>(call: Effect.Effect<A, E>): Effect.Effect<A | undefined> {
    return Effect.catchCause(call, () =>
      Effect.sync(() => {
        this.faults++
        return undefined
      }),
    )
  }
}

/** For how long a value was good when it was read, before its bytes. */
const headerBytes = 4

const withLife = (lifeMillis: number, value: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + value.length)
  new DataView(bytes.buffer).setUint32(0, Math.ceil(lifeMillis))
  bytes.set(value, headerBytes)
  return bytes
}

const lifeOf = (bytes: Uint8Array): number | undefined =>
  bytes.length < headerBytes ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
