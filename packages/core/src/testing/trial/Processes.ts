/**
 * Processes with connections of their own to one store, for adapters that bring them along: several shops on one server.
 */
import type { Effect } from "effect"
import type { StoreShape } from "../../ports/index.ts"
import type { FrameFault } from "./Plan.ts"

export interface Processes {
  /** The store as one more process has it, with connections and a memory of its own; `cut` when that process has ended. */
  readonly connect: Effect.Effect<{ readonly store: StoreShape; readonly cut: Effect.Effect<void> }>
  /** Disturbs from now on what processes send, as planned. */
  readonly disturb: (disturbances: Disturbances) => void
  /** Completes when nothing is under way any more for a process that is no longer connected. */
  readonly settled: Effect.Effect<void>
}

/** What is planned for the frames that processes send. */
export interface Disturbances {
  readonly faults: ReadonlyArray<FrameFault>
  /** What every id of the trial begins with. */
  readonly prefix: string
  /** Is told what found something to disturb. */
  readonly met: (what: string) => void
}
