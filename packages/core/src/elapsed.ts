/**
 * How much time has passed. Leases, polls and time limits are measured with a clock that only runs forward: the time of
 * day may be corrected at any moment, by hours and in either direction.
 */
import { Clock, Effect } from "effect"

/** Milliseconds since some moment. Only differences mean anything, and only within one process. */
export const elapsedMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, inMillis)

/** The same, for those who look at every event. */
export const elapsedMillisOf = (clock: Clock.Clock): number => inMillis(clock.monotonicTimeNanosUnsafe())

function inMillis(nanos: bigint): number {
  return Number(nanos) / 1_000_000
}
