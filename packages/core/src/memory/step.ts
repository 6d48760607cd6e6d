/**
 * How a look at the tables, or a change of them, becomes an effect: the one difference between the reads and outboxes of
 * the two memory stores.
 */
import { Effect } from "effect"

/** Turns one synchronous step into an effect. */
export type Step = <A>(run: () => A) => Effect.Effect<A>

/** At once: nobody else runs before it. */
export const atOnce: Step = Effect.sync

/** After everybody else had a chance to run. */
export const afterYield: Step = (run) => Effect.andThen(Effect.yieldNow, Effect.sync(run))
