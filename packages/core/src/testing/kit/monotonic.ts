import { Clock, Effect } from "effect"

/** Milliseconds of a clock that only goes on. */
export const monotonic: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanos) => Number(nanos / 1_000n) / 1_000,
)
