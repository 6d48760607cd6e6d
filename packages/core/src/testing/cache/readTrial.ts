/**
 * Processes that read and change the same things at once through one cache, and what each of them was answered.
 */
import { Effect, type Scope } from "effect"
import { type Aged, makeReadCache, type ReadCache } from "../../cache/ReadCache.ts"
import type { SharedCacheShape } from "../../ports/index.ts"
import type { KitBook } from "../kit/KitReport.ts"
import { monotonic } from "../kit/monotonic.ts"
import { type Draws, drawsOf } from "../sim/draws.ts"

const processes = 3
const fibersOfProcess = 3
const callsOfFiber = 12
const ages = [5, 20, 60, 200] as const
/** What of one answer no cache is to blame for. */
const patienceMillis = 5_000

/** Something that changes: which version it had, and until when. */
interface Thing {
  readonly key: readonly [string, string]
  version: number
  /** When each version was overtaken. */
  readonly overtakenAt: Map<number, number>
  isThere: boolean
  /** When it was there or not there last, before now. */
  wasThereUntil: number
  wasAwayUntil: number
  /** The version that each process was answered a change to, and when. */
  readonly answered: Array<{ readonly process: number; readonly version: number; readonly at: number }>
  wasRefused: boolean
}

class NotThere {
  readonly _tag = "NotThere"
}

/** What a kit that tests itself does to the cache of a process. */
export type ReadTampering = (cache: ReadCache) => ReadCache

export const readTrial = (
  cache: SharedCacheShape,
  name: string,
  seed: ReadonlyArray<number>,
  book: KitBook,
  tampering: ReadTampering = (own) => own,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const draws = drawsOf(...seed)
    const faulty = draws.chance(0.4) ? withFaults(cache, drawsOf(...seed, 1), book) : cache
    const things = ["left", "right"].map((each): Thing => newThing([name, each]))
    const fibers: Array<Effect.Effect<void>> = []
    for (let process = 0; process < processes; process++) {
      const own = yield* makeReadCache(faulty)
      const tampered = tampering(own)
      for (let fiber = 0; fiber < fibersOfProcess; fiber++) {
        fibers.push(visit(process, tampered, things, drawsOf(...seed, 2, process, fiber), book))
      }
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (own.metrics().shared > 0) book.saw("a value was taken from the shared cache")
        }),
      )
    }
    yield* Effect.all(fibers, { concurrency: "unbounded", discard: true })
  })

const newThing = (key: Thing["key"]): Thing => ({
  key,
  version: 1,
  overtakenAt: new Map(),
  isThere: true,
  wasThereUntil: Number.NEGATIVE_INFINITY,
  wasAwayUntil: Number.NEGATIVE_INFINITY,
  answered: [],
  wasRefused: false,
})

const visit = (process: number, cache: ReadCache, things: ReadonlyArray<Thing>, draws: Draws, book: KitBook) =>
  Effect.gen(function* () {
    for (let call = 0; call < callsOfFiber; call++) {
      const thing = things[draws.below(things.length)]
      if (thing === undefined) continue
      if (draws.chance(0.15)) yield* change(process, cache, thing, draws)
      else yield* read(process, cache, thing, draws, book)
      yield* Effect.sleep(draws.below(12))
    }
  })

const change = Effect.fnUntraced(function* (process: number, cache: ReadCache, thing: Thing, draws: Draws) {
  yield* Effect.sleep(draws.below(4))
  const now = yield* monotonic
  const version = ++thing.version
  thing.overtakenAt.set(version - 1, now)
  if (draws.chance(0.3)) {
    if (thing.isThere) thing.wasThereUntil = now
    else thing.wasAwayUntil = now
    thing.isThere = !thing.isThere
  }
  yield* cache.forget(thing.key)
  thing.answered.push({ process, version, at: yield* monotonic })
})

const read = Effect.fnUntraced(function* (
  process: number,
  cache: ReadCache,
  thing: Thing,
  draws: Draws,
  book: KitBook,
) {
  const maxAge = draws.oneOf(ages)
  const [before, after] = [draws.below(4), draws.below(4)]
  const source = Effect.gen(function* () {
    yield* Effect.sleep(before)
    const found = thing.isThere ? thing.version : undefined
    yield* Effect.sleep(after)
    return found === undefined ? yield* Effect.fail(new NotThere()) : found
  })
  const start = yield* monotonic
  const asked = cache.read({ key: thing.key, source, codec: versionCodec }, maxAge)
  const exit = yield* Effect.exit(Effect.timeoutOption(asked, patienceMillis))
  if (exit._tag === "Failure") {
    const isRefusal = exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error instanceof NotThere)
    if (!isRefusal) return book.broken("CACHE-06", `A reader was answered a fault of the cache: ${exit.cause}`)
    book.saw("a refusal was answered")
    thing.wasRefused = true
    const wasAway = !thing.isThere || thing.wasAwayUntil >= start
    if (!wasAway) book.broken("CACHE-02", "A reader was refused something that was there during the whole call.")
    return
  }
  if (exit.value._tag === "None") return book.broken("CACHE-06", `A reader waited longer than ${patienceMillis} ms.`)
  judge(process, thing, exit.value.value, start, maxAge, book)
})

const judge = (
  process: number,
  thing: Thing,
  { value, ageMillis }: Aged<number>,
  start: number,
  maxAge: number,
  book: KitBook,
): void => {
  const overtakenAt = thing.overtakenAt.get(value)
  if (overtakenAt !== undefined && overtakenAt < start) book.saw("a kept answer had been overtaken")
  if (thing.wasRefused) book.saw("something was there again after a refusal")
  // From the call on, so that no pause of the machine between the answer and this line counts.
  if (overtakenAt !== undefined && overtakenAt < start - maxAge) {
    const age = Math.round(start - overtakenAt)
    book.broken(
      "CACHE-01",
      `An answer had been overtaken ${age} ms before a call that allowed ${maxAge} ms (said to be ${Math.round(ageMillis)} ms old).`,
    )
  }
  const own = thing.answered.filter((each) => each.process === process && each.at < start)
  const newest = Math.max(0, ...own.map(({ version }) => version))
  if (newest > 0) book.saw("a change was read by its own process")
  if (value < newest)
    book.broken("CACHE-03", `Version ${value} was read after a change to ${newest} had been answered.`)
}

const versionCodec = {
  encode: (version: number) => new TextEncoder().encode(String(version)),
  decode: (bytes: Uint8Array) => Number(new TextDecoder().decode(bytes)),
}

/** Some calls fail as if the network did: before they arrive, or once they were carried out. */
const withFaults = (cache: SharedCacheShape, draws: Draws, book: KitBook): SharedCacheShape => {
  const fault = { _tag: "CacheFault", reason: "made by the kit" } as const
  const faulty = <A>(call: Effect.Effect<A, typeof fault | { readonly _tag: "CacheFault"; readonly reason: string }>) =>
    Effect.suspend(() => {
      if (!draws.chance(0.25)) return call
      book.saw("the cache failed during a read")
      return draws.chance(0.5) ? Effect.fail(fault) : Effect.andThen(call, Effect.fail(fault))
    })
  return {
    guarantees: cache.guarantees,
    get: (key, leaseMillis) => faulty(cache.get(key, leaseMillis)),
    put: (key, lease, bytes, forMillis) => faulty(cache.put(key, lease, bytes, forMillis)),
    forget: (key) => faulty(cache.forget(key)),
  }
}
