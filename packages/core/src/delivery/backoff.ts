/** How long to wait before trying again: doubling, bounded, and spread so that those who failed together part again. */
import { Effect, Random } from "effect"
import * as Options from "../options.ts"

export interface Backoff {
  /** The longest first wait. */
  readonly baseMillis: number
  /** The longest wait at all. */
  readonly maxMillis: number
}

/** Of timers, which hold at most 24 days. */
const millis = Options.must(
  "milliseconds",
  (value) => typeof value === "number" && value >= 0 && value <= 2_000_000_000,
)
const checks: Options.Checks<Backoff> = { baseMillis: millis, maxMillis: millis }

/** Both must be there: out of one that is missing, or has another name, comes a pause of no length at all. */
export const aBackoff: Options.Check = Options.must(
  "{ baseMillis, maxMillis }, both from 0 to 2000000000",
  (value) => Options.issuesOf(value, checks, "", ["baseMillis", "maxMillis"]).length === 0,
)

/** 100 ms doubling to at most 10 s. */
export const defaultBackoff: Backoff = { baseMillis: 100, maxMillis: 10_000 }

/** Whole milliseconds to wait after the failure of an attempt, counted from 1: between half of the bound and the bound. */
export const backoffMillis = (attempt: number, { baseMillis, maxMillis }: Backoff): Effect.Effect<number> =>
  Effect.map(Random.next, (random) =>
    Math.ceil(Math.min(maxMillis, baseMillis * 2 ** (attempt - 1)) * (0.5 + random / 2)),
  )
