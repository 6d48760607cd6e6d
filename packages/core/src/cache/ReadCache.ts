/**
 * Reads that say how old they may be: answers kept in this process, and in a shared cache where one read serves a fleet.
 *
 * An answer's age counts from before its read began. Only what a read found is kept: a refusal or a fault never is. What
 * this process changes it forgets before it answers the change; what others change is bounded by the age alone.
 */
import { Clock, Deferred, Effect, Exit, type Scope } from "effect"
import { elapsedMillisOf } from "../elapsed.ts"
import type { SharedCacheShape } from "../ports/index.ts"
import { type Key, keyText } from "../values.ts"
import { type Codec, SharedLevel } from "./SharedLevel.ts"

/** Something that may be read again and again. */
export interface CachedRead<A, E> {
  /** Names it: the same key always means the same read. */
  readonly key: Key
  readonly source: Effect.Effect<A, E>
  /** A quicker way to an answer that may be older, and says how old. Undefined where there is none now. */
  readonly quicker?: Effect.Effect<Aged<A> | undefined> | undefined
  /** How it travels between processes. Absent where it is kept in this process alone. */
  readonly codec?: Codec<A> | undefined
}

/** An answer, and how long before now its read began at most. */
export interface Aged<A> {
  readonly value: A
  readonly ageMillis: number
}

export interface ReadCache {
  /** Answers something that is no older than `maxAgeMillis`, or what a read finds that begins after the call. */
  readonly read: <A, E>(asked: CachedRead<A, E>, maxAgeMillis: number) => Effect.Effect<Aged<A>, E>
  /** What is kept of a key in this process and no older than that, while it is too early to read it anew. */
  readonly kept: <A>(key: Key, maxAgeMillis: number) => Aged<A> | undefined
  /** Ends what is kept of a key, everywhere that this process can reach, and what is being read of it. Never fails. */
  readonly forget: (key: Key) => Effect.Effect<void>
  /** The same in this process, at once; answers what is left to do where other processes share it. */
  readonly drop: (key: Key) => Effect.Effect<void> | undefined
  /** The same of every key that begins with this part. */
  readonly dropAll: (first: string) => Effect.Effect<void> | undefined
  /** Whether single products are shared between processes, and not only lists. */
  readonly sharesProducts: boolean
  /** What came of the reads so far. */
  readonly metrics: () => ReadCacheMetrics
}

/** Counted since the start. */
export interface ReadCacheMetrics {
  /** Answered from this process's memory. */
  readonly hits: number
  /** Reads of the store. */
  readonly misses: number
  /** Answered with a read that another caller had begun. */
  readonly joined: number
  /** Taken from the shared cache. */
  readonly shared: number
  /** Taken from a quicker way than the store's: from the ranking. */
  readonly ranked: number
  /** Calls of the shared cache that failed. */
  readonly faults: number
  /** Whether the shared cache is asked nothing for the moment, after several faults. Undefined where there is none. */
  readonly leftAlone: boolean | undefined
}

/** The most keys that a process keeps; above it the oldest are dropped. */
const defaultLimit = 10_000
/** From this share of the age on, one caller's call begins the next read while all are still answered. */
const refreshShare = 0.8

export const makeReadCache = (
  shared?: SharedCacheShape,
  limit: number = defaultLimit,
): Effect.Effect<ReadCache, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = (): number => elapsedMillisOf(clock)
    const scope = yield* Effect.scope
    return new RunningCache(now, limit, scope, shared && new SharedLevel(shared, now, limit))
  })

/** Something that was read. */
interface Read {
  readonly value: unknown
  readonly bornAt: number
}

/** What is dropped together: all that begins with the same part of a key, from one `dropAll` to the next. */
interface Group {
  isDropped: boolean
}

interface Kept extends Read {
  readonly group: Group
}

/** A read that is under way. */
interface Flight {
  readonly beganAt: number
  readonly group: Group
  /** Whether it reads the store in any case: then what it finds is no older than itself. */
  readonly ofStore: boolean
  /** Undefined where it ended without an answer: the shop was stopped, or something beside the store threw. */
  readonly done: Deferred.Deferred<Read | undefined, unknown>
}

class RunningCache implements ReadCache {
  readonly sharesProducts: boolean
  readonly #now: () => number
  readonly #limit: number
  readonly #scope: Scope.Scope
  readonly #shared: SharedLevel | undefined
  readonly #kept = new Map<string, Kept>()
  readonly #flights = new Map<string, Flight>()
  readonly #groups = new Map<Key[number], Group>()
  #hits = 0
  #misses = 0
  #joined = 0
  #ranked = 0

  constructor(now: () => number, limit: number, scope: Scope.Scope, shared: SharedLevel | undefined) {
    this.#now = now
    this.#limit = limit
    this.#scope = scope
    this.#shared = shared
    this.sharesProducts = shared?.sharesProducts ?? false
  }

  read = <A, E>(asked: CachedRead<A, E>, maxAgeMillis: number): Effect.Effect<Aged<A>, E> =>
    Effect.suspend(() => {
      const name = keyText(asked.key)
      const calledAt = this.#now()
      const kept = current(this.#kept, name)
      const ageMillis = kept === undefined ? Number.POSITIVE_INFINITY : calledAt - kept.bornAt
      if (kept === undefined || ageMillis > maxAgeMillis) return this.#join(name, asked, maxAgeMillis, calledAt)
      this.#hits++
      // biome-ignore lint/plugin/casts: a key always means the same read, and so the same answers
      const answer = Effect.succeed({ value: kept.value as A, ageMillis })
      return ageMillis < maxAgeMillis * refreshShare || current(this.#flights, name) !== undefined
        ? answer
        : Effect.andThen(this.#begin(name, asked, maxAgeMillis), answer)
    })

  kept = <A>(key: Key, maxAgeMillis: number): Aged<A> | undefined => {
    const kept = current(this.#kept, keyText(key))
    if (kept === undefined) return undefined
    const ageMillis = this.#now() - kept.bornAt
    if (ageMillis >= maxAgeMillis * refreshShare) return undefined
    this.#hits++
    // biome-ignore lint/plugin/casts: a key always means the same read, and so the same answers
    return { value: kept.value as A, ageMillis }
  }

  forget = (key: Key): Effect.Effect<void> => Effect.suspend(() => this.drop(key) ?? Effect.void)

  drop = (key: Key): Effect.Effect<void> | undefined => {
    this.#dropOwn(keyText(key))
    return this.#shared?.drop(key)
  }

  // Not looked for: among ten thousand keys that took 150 µs, at each change of stock (Node 24, December 2026).
  dropAll = (first: string): Effect.Effect<void> | undefined => {
    this.#groupOf(first).isDropped = true
    this.#groups.delete(first)
    return this.#shared?.dropAll(first)
  }

  // Who waits for a read had called before; what it finds is not kept, and nobody joins it any more.
  #dropOwn(name: string): void {
    this.#kept.delete(name)
    this.#flights.delete(name)
  }

  #groupOf(first: Key[number]): Group {
    const group = this.#groups.get(first) ?? { isDropped: false }
    this.#groups.set(first, group)
    return group
  }

  metrics = (): ReadCacheMetrics => ({
    hits: this.#hits,
    misses: this.#misses,
    joined: this.#joined,
    shared: this.#shared?.taken ?? 0,
    ranked: this.#ranked,
    faults: this.#shared?.faults ?? 0,
    leftAlone: this.#shared?.isLeftAlone,
  })

  #join<A, E>(
    name: string,
    asked: CachedRead<A, E>,
    maxAgeMillis: number,
    calledAt: number,
  ): Effect.Effect<Aged<A>, E> {
    const flying = current(this.#flights, name)
    if (flying === undefined || calledAt - flying.beganAt > maxAgeMillis) {
      return Effect.flatMap(this.#begin(name, asked, maxAgeMillis), (flight) => this.#awaited(flight, asked))
    }
    this.#joined++
    return Effect.flatMap(Effect.exit(this.#awaited(flying, asked)), (exit) => {
      // What was read before the call may have become too old on the way, and a refusal is never older than its call.
      const fits = Exit.isSuccess(exit) ? exit.value.ageMillis <= maxAgeMillis : flying.beganAt >= calledAt
      return fits ? exit : this.#afresh(name, asked, calledAt)
    })
  }

  /** What a read of the store finds that begins after the call. */
  #afresh<A, E>(name: string, asked: CachedRead<A, E>, calledAt: number): Effect.Effect<Aged<A>, E> {
    const flying = current(this.#flights, name)
    const fits = flying?.ofStore === true && flying.beganAt >= calledAt
    return Effect.flatMap(fits ? Effect.succeed(flying) : this.#begin(name, asked, 0), (flight) =>
      this.#awaited(flight, asked),
    )
  }

  /** What a read found. Where it ended without an answer, its caller is told what the store tells anybody now. */
  #awaited<A, E>(flight: Flight, asked: CachedRead<A, E>): Effect.Effect<Aged<A>, E> {
    const awaited = Effect.map(
      Effect.flatMap(Deferred.await(flight.done), (kept) =>
        kept === undefined ? this.#read(asked) : Effect.succeed(kept),
      ),
      ({ value, bornAt }) => ({ value, ageMillis: this.#now() - bornAt }),
    )
    // biome-ignore lint/plugin/casts: a key always means the same read, and so the same answers
    return awaited as Effect.Effect<Aged<A>, E>
  }

  /** Reads the store. */
  #read<A, E>(asked: CachedRead<A, E>): Effect.Effect<Read, E> {
    return Effect.suspend(() => {
      this.#misses++
      const bornAt = this.#now()
      return Effect.map(asked.source, (value) => ({ value, bornAt }))
    })
  }

  /** Begins a read that nobody's leaving ends: others may wait for it. */
  #begin<A, E>(name: string, asked: CachedRead<A, E>, maxAgeMillis: number): Effect.Effect<Flight> {
    // A caller who left between naming the flight and its fork would leave a flight that never lands.
    return Effect.uninterruptibleMask(() => {
      const shared = maxAgeMillis > 0 && asked.codec !== undefined ? this.#shared : undefined
      const quicker = maxAgeMillis > 0 ? asked.quicker : undefined
      const ofStore = shared === undefined && quicker === undefined
      const group = this.#groupOf(asked.key[0])
      const flight: Flight = { beganAt: this.#now(), group, ofStore, done: Deferred.makeUnsafe() }
      this.#flights.set(name, flight)
      const read = this.#read(asked)
      const land = (exit: Exit.Exit<Read, unknown>): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (this.#flights.get(name) === flight) {
            this.#flights.delete(name)
            if (Exit.isSuccess(exit) && !group.isDropped) this.#keep(name, { ...exit.value, group })
          }
          return Effect.asVoid(Deferred.done(flight.done, exit))
        })
      const slow =
        shared === undefined || asked.codec === undefined
          ? Effect.flatMap(Effect.exit(read), land)
          : shared.through(asked.key, asked.codec, maxAgeMillis, read, land)
      const flown =
        quicker === undefined
          ? slow
          : Effect.flatMap(quicker, (found) => {
              if (found === undefined || !(found.ageMillis >= 0 && found.ageMillis <= maxAgeMillis)) return slow
              this.#ranked++
              return land(Exit.succeed({ value: found.value, bornAt: this.#now() - found.ageMillis }))
            })
      const ended = (): void => {
        if (this.#flights.get(name) === flight) this.#flights.delete(name)
        Deferred.doneUnsafe(flight.done, Exit.succeed(undefined))
      }
      // A stop ends it wherever it is, or before it begins. Those who wait are no fibers of the shop's scope, and would wait for
      // ever.
      return Effect.map(Effect.forkIn(flown, this.#scope, { startImmediately: true }), (fiber) => {
        fiber.addObserver(ended)
        return flight
      })
    })
  }

  #keep(name: string, kept: Kept): void {
    const known = current(this.#kept, name)
    if (known !== undefined && known.bornAt > kept.bornAt) return
    this.#kept.delete(name)
    this.#kept.set(name, kept)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limit) break
      this.#kept.delete(oldest)
    }
  }
}

const current = <Of extends { readonly group: Group }>(all: ReadonlyMap<string, Of>, name: string): Of | undefined => {
  const found = all.get(name)
  return found?.group.isDropped === false ? found : undefined
}
