/**
 * `cacheConformance`: puts a shared cache to the test of its laws, in real time against the real thing.
 */
import { Context, Effect, type Layer } from "effect"
import { type CacheFault, SharedCache, type SharedCacheShape } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { builtInTime, endedInTime } from "../kit/inTime.ts"
import { KitBook, type KitReport } from "../kit/KitReport.ts"
import { drawsOf } from "../sim/draws.ts"
import { cacheLaws } from "./cacheLaws.ts"
import { portTrial } from "./portTrial.ts"
import { type ReadTampering, readTrial } from "./readTrial.ts"

/** A cache under test. */
export interface CacheAdapter {
  /** What it is called in reports. */
  readonly name: string
  readonly layer: Layer.Layer<SharedCache>
  /** Only for kits that test themselves: what a broken process does. */
  readonly tampering?: ReadTampering | undefined
}

export interface CacheConformanceOptions {
  /** Fixes what is asked; when, is the machine's. Default 1. */
  readonly seed?: number | undefined
  /** Default 12. */
  readonly trials?: number | undefined
}

const defaultTrials = 12
/** A run goes on for laws that have not met their case, up to so many times as many trials. */
const mostTrials = 10

/** Runs the laws. Never fails: what is wrong is in the report. */
export const cacheConformance = (
  { name, layer, tampering }: CacheAdapter,
  { seed = 1, trials = defaultTrials }: CacheConformanceOptions = {},
): Effect.Effect<KitReport> =>
  Effect.gen(function* () {
    const book = new KitBook(cacheLaws)
    let trial = 0
    const isUnclear = (): boolean => {
      const { ok, laws } = book.report(name, seed, trial)
      return !ok && laws.every(({ verdict }) => verdict !== "broken")
    }
    const run = Effect.fnUntraced(function* (built: Context.Context<SharedCache>) {
      const cache = timed(Context.get(built, SharedCache), book)
      for (; trial < trials || (trial < trials * mostTrials && isUnclear()); trial++) {
        const draws = drawsOf(seed, trial)
        // Runs on one server must not meet: what an earlier one left is not this one's.
        const prefix = `kit ${seed} ${trial} ${draws.below(2 ** 31)} ${yield* nonce}`
        const tried = Effect.andThen(
          // A cache may fault at any time, and then has said nothing that could be judged.
          Effect.ignore(portTrial(cache, `${prefix} port`, draws, book)),
          Effect.scoped(readTrial(cache, `${prefix} reads`, [seed, trial], book, tampering)),
        )
        const exit = yield* Effect.exit(tried)
        if (exit._tag === "Failure") book.broken("CACHE-06", `A trial failed: ${textOfCause(exit.cause)}`)
      }
    })
    yield* builtInTime(layer, run, (message) => book.broken("CACHE-06", message))
    return book.report(name, seed, trial)
  })

/** The same cache, whose calls end: one that takes far longer than it says is noted, and fails. */
const timed = ({ guarantees, get, put, forget }: SharedCacheShape, book: KitBook): SharedCacheShape => {
  const inTime = <A>(call: () => Effect.Effect<A, CacheFault>): Effect.Effect<A, CacheFault> =>
    endedInTime(Effect.suspend(call), guarantees.timeoutMillis, (message) => {
      book.broken("CACHE-06", message)
      return { _tag: "CacheFault", reason: message }
    })
  return {
    guarantees,
    get: (...asked) => inTime(() => get(...asked)),
    put: (...asked) => inTime(() => put(...asked)),
    forget: (key) => inTime(() => forget(key)),
  }
}

const nonce = Effect.map(
  Effect.clockWith((clock) => clock.monotonicTimeNanos),
  String,
)
