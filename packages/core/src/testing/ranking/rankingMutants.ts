/**
 * Broken rankings: each dies by one law, and so shows that the law can fail.
 */
import { Effect, Layer } from "effect"
import { makeMemoryRanking } from "../../memory/MemoryRanking.ts"
import { type FeederStep, Ranking, type RankingShape } from "../../ports/index.ts"
import { Quantity } from "../../values.ts"
import { monotonic } from "../kit/monotonic.ts"
import type { RankingAdapter } from "./rankingConformance.ts"

export interface RankingMutant extends RankingAdapter {
  /** What is wrong with it. */
  readonly about: string
  /** The law that it breaks. */
  readonly diesBy: string
}

const mutant = (
  diesBy: string,
  name: string,
  about: string,
  wrap: (ranking: RankingShape) => Partial<RankingShape>,
): RankingMutant => ({
  name,
  about,
  diesBy,
  layer: Layer.effect(
    Ranking,
    Effect.map(makeMemoryRanking({ days: [2, 1] }), (ranking) => ({ ...ranking, ...wrap(ranking) })),
  ),
})

/** Where the windows of a ranking end by its last feeder, which it hears of in these steps. */
const endOf = (ranking: RankingShape) => {
  let until = 0
  const steps: Pick<RankingShape, "begin" | "roll"> = {
    begin: (feeder, untilHour) => {
      until = untilHour
      return ranking.begin(feeder, untilHour)
    },
    roll: (step, untilHour) => {
      until = untilHour
      return ranking.roll(step, untilHour)
    },
  }
  return { steps, until: () => until }
}

/** A most age that a trial waits for: the ranking beneath has a longer one. */
const shortMillis = 1_000

export const rankingMutants: ReadonlyArray<RankingMutant> = [
  mutant("RANK-01", "increments", "A put adds to what is there, as if it were never repeated.", (ranking) => {
    const sums = new Map<string, number>()
    return {
      put: (step, hour, sales) =>
        ranking.put(
          step,
          hour,
          sales.map(({ productId, sold }) => {
            const name = `${step.feeder} ${hour} ${productId}`
            const sum = (sums.get(name) ?? 0) + sold
            sums.set(name, sum)
            return { productId, sold: Quantity.make(sum) }
          }),
        ),
    }
  }),
  mutant("RANK-01", "ties reversed", "Positive scores, read from the end.", (ranking) => ({
    top: (window, limit) =>
      Effect.map(
        ranking.top(window, limit),
        (ranked) => ranked && { ...ranked, sales: ranked.sales.toReversed().sort((a, b) => b.sold - a.sold) },
      ),
  })),
  mutant("RANK-01", "only what grows", "What was taken back is not put.", (ranking) => {
    const known = new Map<string, number>()
    return {
      put: (step, hour, sales) =>
        ranking.put(
          step,
          hour,
          sales.filter(({ productId, sold }) => {
            const name = `${step.feeder} ${hour} ${productId}`
            const grows = sold > (known.get(name) ?? -1)
            if (grows) known.set(name, sold)
            return grows
          }),
        ),
    }
  }),
  mutant("RANK-02", "answers at once", "What is being filled is answered.", (ranking) => ({
    begin: (feeder, untilHour) =>
      Effect.gen(function* () {
        yield* ranking.begin(feeder, untilHour)
        yield* ranking.mark({ feeder, number: 0.1, after: 0 })
        yield* ranking.vouch({ feeder, number: 0.2, after: 0 })
      }),
  })),
  mutant("RANK-02", "steps without their feeder", "Whoever was followed by another goes on putting.", (ranking) => {
    let current = ""
    let number = 0
    const whoever = (step: FeederStep): FeederStep => ({ feeder: current, number: ++number, after: step.after && 0 })
    return {
      begin: (feeder, untilHour) => {
        current = feeder
        number = 0
        return ranking.begin(feeder, untilHour)
      },
      put: (step, hour, sales) => ranking.put(whoever(step), hour, sales),
      roll: (step, untilHour) => ranking.roll(whoever(step), untilHour),
      mark: (step) => ranking.mark(whoever(step)),
      vouch: (step) => ranking.vouch(whoever(step)),
    }
  }),
  mutant("RANK-02", "steps without those before", "What a failover lost is not missed.", (ranking) => {
    const alone = (step: FeederStep): FeederStep => ({ ...step, after: 0 })
    return {
      put: (step, hour, sales) => ranking.put(alone(step), hour, sales),
      mark: (step) => ranking.mark(alone(step)),
    }
  }),
  mutant("RANK-02", "the nearest window", "An end that has not come is answered with the last one.", (ranking) => {
    const end = endOf(ranking)
    return {
      ...end.steps,
      top: ({ fromHour, untilHour }, limit) =>
        ranking.top({ fromHour: fromHour + end.until() - untilHour, untilHour: end.until() }, limit),
    }
  }),
  mutant(
    "RANK-02",
    "word behind a lost step",
    "A word is taken whatever the ranking has lost before it.",
    (ranking) => ({
      vouch: (step) => ranking.vouch({ ...step, after: 0 }),
    }),
  ),
  mutant(
    "RANK-02",
    "hours to come",
    "A put of an hour that no window has yet is taken, and passed over.",
    (ranking) => {
      const end = endOf(ranking)
      const isToCome = (hour: number): boolean => hour >= end.until()
      return {
        ...end.steps,
        put: (step, hour, sales) =>
          ranking.put(step, hour, isToCome(hour) ? [] : sales).pipe(Effect.map((is) => is || isToCome(hour))),
      }
    },
  ),
  mutant("RANK-01", "sums by float", "What was sold is kept in a column of seven digits.", (ranking) => ({
    put: (step, hour, sales) =>
      ranking.put(
        step,
        hour,
        sales.map(({ productId, sold }) => ({ productId, sold: Quantity.make(Math.fround(sold)) })),
      ),
  })),
  mutant("RANK-01", "first rows of a put", "Of a large put the first rows are written.", (ranking) => ({
    put: (step, hour, sales) => ranking.put(step, hour, sales.slice(0, 100)),
  })),
  mutant("RANK-03", "age counted from the word", "A list is said to be as young as its feeder's word.", (ranking) => {
    let vouchedAt = 0
    return {
      vouch: (step) =>
        Effect.tap(ranking.vouch(step), () =>
          Effect.map(monotonic, (now) => {
            vouchedAt = now
          }),
        ),
      top: (window, limit) =>
        Effect.zipWith(
          ranking.top(window, limit),
          monotonic,
          (ranked, now) => ranked && { ...ranked, ageMillis: now - vouchedAt },
        ),
    }
  }),
  mutant(
    "RANK-05",
    "answers without an end",
    "What a feeder has vouched for is answered when it is long gone.",
    (ranking) => ({
      guarantees: { ...ranking.guarantees, mostAgeMillis: shortMillis },
    }),
  ),
  mutant(
    "RANK-05",
    "good from its word",
    "A list is good for as long as it may be from its feeder's word.",
    (ranking) => {
      let vouchedAt = 0
      return {
        guarantees: { ...ranking.guarantees, mostAgeMillis: shortMillis },
        vouch: (step) =>
          Effect.tap(ranking.vouch(step), () =>
            Effect.map(monotonic, (now) => {
              vouchedAt = now
            }),
          ),
        top: (window, limit) =>
          Effect.zipWith(ranking.top(window, limit), monotonic, (ranked, now) =>
            now - vouchedAt < shortMillis ? ranked : undefined,
          ),
      }
    },
  ),
  mutant("RANK-04", "calls that never end", "A frozen server is waited for.", (ranking) => {
    let calls = 0
    return { top: (window, limit) => (++calls % 20 === 0 ? Effect.never : ranking.top(window, limit)) }
  }),
]
