/**
 * What a bus brings along to be put to the test.
 */
import type { Effect, Scope } from "effect"
import type { BusFault, EventBus } from "../../ports/index.ts"

export interface BusAdapter {
  readonly name: string
  /** Opens a bus. What is opened on the same ground, such as a topic, is the same bus as other processes have it. */
  readonly open: (ground: string) => Effect.Effect<EventBus["Service"], BusFault, Scope.Scope>
  /** Kills what keeps the events as a crash would, and starts it again. Without it BUS-02 is untested. */
  readonly crash?: Effect.Effect<void> | undefined
}
