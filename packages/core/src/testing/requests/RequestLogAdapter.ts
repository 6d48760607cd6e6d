/**
 * What a request log brings along to be put to the test.
 */
import type { Effect, Scope } from "effect"
import type { Slice } from "../../decision/slice.ts"
import type { RequestLogShape, SliceEnd, StoreFault, StoreShape } from "../../ports/index.ts"

export interface RequestLogAdapter {
  readonly name: string
  /** Opens a log. What is opened on the same ground, such as a topic, is the same log as other processes have it. */
  readonly open: (ground: string, maxWaiting: number) => Effect.Effect<RequestLogShape, StoreFault, Scope.Scope>
  /** Opens the store that decides what is on a ground. Default: one in memory. */
  readonly store?: ((ground: string) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>) | undefined
  /** Makes the log of a ground anew: empty, under its old name, for all who have it open. Absent: that is not tried. */
  readonly anew?: ((ground: string) => Effect.Effect<void, StoreFault>) | undefined
  /** How slices are decided. Default: as a shop does; another one only for deciders that are wrong on purpose. */
  readonly decider?: ((store: StoreShape) => (slice: Slice) => Effect.Effect<SliceEnd>) | undefined
}
