/**
 * A moment by both clocks: what time it is may be corrected meanwhile, how much time has passed may not.
 */
import type { Clock } from "effect"
import { elapsedMillisOf } from "../../elapsed.ts"

export interface Moment {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsed: number
}

export const momentOf = (clock: Clock.Clock): Moment => ({
  at: clock.currentTimeMillisUnsafe(),
  elapsed: elapsedMillisOf(clock),
})
