/** How long to wait before trying again: doubling, bounded, and spread so that those who failed together part again. */
import { Effect, Random } from "effect"

export interface Backoff {
  /** The longest first wait. */
  readonly baseMillis: number
  /** The longest wait at all. */
  readonly maxMillis: number
}

/** 100 ms doubling to at most 10 s. */
export const defaultBackoff: Backoff = { baseMillis: 100, maxMillis: 10_000 }

/** Whole milliseconds to wait after the failure of an attempt, counted from 1: between half of the bound and the bound. */
export const backoffMillis = (attempt: number, { baseMillis, maxMillis }: Backoff): Effect.Effect<number> =>
  Effect.map(Random.next, (random) =>
    Math.ceil(Math.min(maxMillis, baseMillis * 2 ** (attempt - 1)) * (0.5 + random / 2)),
  )
