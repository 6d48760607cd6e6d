/**
 * The reference of the `Ranking` port: in this process, one synchronous step a call, sorted when it is asked.
 */
import { Clock, Effect, Layer } from "effect"
import { elapsedMillisOf } from "../elapsed.ts"
import * as Options from "../options.ts"
import type { ProductSales, SalesWindow } from "../popularity/SalesBucket.ts"
import {
  defaultRankingDays,
  type FeederStep,
  type Ranked,
  Ranking,
  type RankingGuarantees,
  type RankingShape,
  rankingDays,
} from "../ports/index.ts"
import { compareBytes, maxAmount, type ProductId, plus, Quantity, zero } from "../values.ts"

export interface MemoryRankingOptions {
  /** The windows that are kept, in days: 1 to 31 each, at most 4. Default [3]. */
  readonly days?: RankingGuarantees["days"] | undefined
}

const mostAgeMillis = 60_000

interface Filled {
  readonly feeder: string
  step: number
  until: number
  markedAt: number
  /** The moment that its feeder has vouched for. */
  wholeAt: number
  readonly hours: Map<number, Map<ProductId, Quantity>>
}

/** A ranking of its own, which may outlive the shops that are built on it. */
export const makeMemoryRanking = ({
  days = defaultRankingDays,
}: MemoryRankingOptions = {}): Effect.Effect<RankingShape> =>
  Effect.map(Clock.Clock, (clock) => {
    const now = (): number => elapsedMillisOf(clock)
    const guarantees: RankingGuarantees = {
      name: "memory",
      scope: "one process",
      timeoutMillis: 100,
      days,
      mostAgeMillis,
    }
    const keptHours = 24 * Math.max(...days)
    let filled: Filled | undefined

    /** Does a step of the feeder that fills it, in its order and without a gap. */
    const stepped = ({ feeder, number, after }: FeederStep, run: (into: Filled) => boolean): Effect.Effect<boolean> =>
      Effect.sync(() => {
        if (filled?.feeder !== feeder || filled.step < after || filled.step >= number) return false
        if (!run(filled)) return false
        filled.step = number
        return true
      })

    return {
      guarantees,
      begin: (feeder, untilHour) =>
        Effect.sync(() => {
          const never = Number.NEGATIVE_INFINITY
          filled = { feeder, step: 0, until: untilHour, markedAt: never, wholeAt: never, hours: new Map() }
        }),
      put: (step, hour, sales) =>
        stepped(step, ({ hours, until }) => {
          if (hour >= until) return false
          if (hour < until - keptHours) return true
          const bucket = hours.get(hour) ?? new Map<ProductId, Quantity>()
          hours.set(hour, bucket)
          for (const { productId, sold } of sales) bucket.set(productId, sold)
          return true
        }),
      roll: (step, untilHour) =>
        stepped(step, (into) => {
          into.until = untilHour
          for (const hour of into.hours.keys()) if (hour < untilHour - keptHours) into.hours.delete(hour)
          return true
        }),
      mark: (step) =>
        stepped(step, (into) => {
          into.markedAt = now()
          return true
        }),
      vouch: (step) =>
        stepped(step, (into) => {
          into.wholeAt = into.markedAt
          return true
        }),
      top: (window, limit) =>
        Effect.sync((): Ranked | undefined => {
          if (filled === undefined || !isKept(days, filled.until, window)) return undefined
          const ageMillis = now() - filled.wholeAt
          if (ageMillis >= mostAgeMillis) return undefined
          return { sales: topOf(filled.hours, window, limit), ageMillis }
        }),
      clear: Effect.sync(() => {
        filled = undefined
      }),
    }
  })

const isKept = (days: ReadonlyArray<number>, until: number, { fromHour, untilHour }: SalesWindow): boolean =>
  untilHour === until && days.some((each) => untilHour - fromHour === 24 * each)

const most = Quantity.make(maxAmount)

const topOf = (
  hours: Filled["hours"],
  { fromHour, untilHour }: SalesWindow,
  limit: number,
): ReadonlyArray<ProductSales> => {
  const sums = new Map<ProductId, Quantity>()
  for (const [hour, bucket] of hours) {
    if (hour < fromHour || hour >= untilHour) continue
    for (const [productId, sold] of bucket) sums.set(productId, plus(sums.get(productId) ?? zero, sold) ?? most)
  }
  return Array.from(sums, ([productId, sold]) => ({ productId, sold }))
    .filter(({ sold }) => sold > 0)
    .sort((left, right) => right.sold - left.sold || compareBytes(left.productId, right.productId))
    .slice(0, limit)
}

/** The memory ranking as an option of a shop. Each call is a ranking of its own. */
export const memoryRanking = (
  options: MemoryRankingOptions = {},
): { readonly name: string; readonly layer: Layer.Layer<Ranking> } => {
  Options.check<MemoryRankingOptions>(options, { days: rankingDays })
  return { name: "memory", layer: Layer.effect(Ranking, makeMemoryRanking(options)) }
}
