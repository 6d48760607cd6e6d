/**
 * `rankingConformance`: puts a ranking to the test of its laws, against the real thing. It must be empty, or of no use to
 * anybody else: trials begin by emptying it.
 */
import { Context, Effect, type Layer } from "effect"
import { type CacheFault, Ranking, type RankingShape } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { builtInTime, endedInTime } from "../kit/inTime.ts"
import { KitBook, type KitReport } from "../kit/KitReport.ts"
import { drawsOf } from "../sim/draws.ts"
import { ageTrial } from "./ageTrial.ts"
import { rankingLaws } from "./rankingLaws.ts"
import { rankingTrial } from "./rankingTrial.ts"

/** A ranking under test. */
export interface RankingAdapter {
  /** What it is called in reports. */
  readonly name: string
  readonly layer: Layer.Layer<Ranking>
}

export interface RankingConformanceOptions {
  /** Fixes what is put and asked. Default 1. */
  readonly seed?: number | undefined
  /** Default 12. */
  readonly trials?: number | undefined
  /**
   * How long a run may wait for an answer to become too old, in milliseconds. Where the ranking's `mostAgeMillis` is longer,
   * RANK-05 is untested. Default 5,000.
   */
  readonly mostWaitMillis?: number | undefined
}

const defaultTrials = 12
const defaultWaitMillis = 5_000

/** Runs the laws. Never fails: what is wrong is in the report. */
export const rankingConformance = (
  { name, layer }: RankingAdapter,
  { seed = 1, trials = defaultTrials, mostWaitMillis = defaultWaitMillis }: RankingConformanceOptions = {},
): Effect.Effect<KitReport> =>
  Effect.gen(function* () {
    const book = new KitBook(rankingLaws)
    let tried = 0
    const run = Effect.fnUntraced(function* (built: Context.Context<Ranking>) {
      const ranking = timed(Context.get(built, Ranking), book)
      for (; tried < trials; tried++) {
        const exit = yield* Effect.exit(rankingTrial(ranking, `kit ${seed} ${tried}`, drawsOf(seed, tried), book))
        if (exit._tag === "Failure") book.broken("RANK-01", `A trial failed: ${textOfCause(exit.cause)}`)
      }
      const { mostAgeMillis } = ranking.guarantees
      if (mostAgeMillis > mostWaitMillis) {
        book.untested(
          "RANK-05",
          `An answer is good for ${mostAgeMillis} ms; pass \`mostWaitMillis\` to have it waited for.`,
        )
        return
      }
      const exit = yield* Effect.exit(ageTrial(ranking, `kit ${seed} ages`, book))
      if (exit._tag === "Failure") book.broken("RANK-05", `Its trial failed: ${textOfCause(exit.cause)}`)
    })
    yield* builtInTime(layer, run, (message) => book.broken("RANK-04", message))
    return book.report(name, seed, tried)
  })

/** The same ranking, whose calls end: one that takes far longer than it says is noted, and fails. */
const timed = (ranking: RankingShape, book: KitBook): RankingShape => {
  const { timeoutMillis } = ranking.guarantees
  const inTime = <A>(call: () => Effect.Effect<A, CacheFault>): Effect.Effect<A, CacheFault> =>
    endedInTime(Effect.suspend(call), timeoutMillis, (message) => {
      book.broken("RANK-04", message)
      return { _tag: "CacheFault", reason: message }
    })
  return {
    guarantees: ranking.guarantees,
    begin: (...asked) => inTime(() => ranking.begin(...asked)),
    put: (...asked) => inTime(() => ranking.put(...asked)),
    roll: (...asked) => inTime(() => ranking.roll(...asked)),
    mark: (step) => inTime(() => ranking.mark(step)),
    vouch: (step) => inTime(() => ranking.vouch(step)),
    top: (...asked) => inTime(() => ranking.top(...asked)),
    clear: inTime(() => ranking.clear),
  }
}
