/**
 * What the batches of one store remember of those before them.
 */
import { Conflicts } from "./Conflicts.ts"
import { HeldKeys } from "./HeldKeys.ts"
import { Speculation } from "./Speculation.ts"

/**
 * Which path batches take: `any` is right, the others are for tests and measurements. `blind` tries that path with every
 * batch, `snapshot` with none, and `locked` takes locks first.
 */
export type Path = "any" | "blind" | "snapshot" | "locked"

export interface BatchState {
  readonly conflicts: Conflicts
  readonly held: HeldKeys
  readonly speculation: Speculation
  /**
   * Whether any subscription waits for events, as far as the last batch knew. Where none does, events need not be written
   * down. What this says is verified by the batch that relies on it.
   */
  heard: boolean
  /** Decisions whose guards did not hold. */
  conflicted: number
  /** Batches that took locks before they decided. */
  locked: number
  /** Forces one path, for tests and measurements. */
  readonly path: Path
}

/** One that remembers nothing yet. */
export const newBatchState = (path: Path = "any"): BatchState => ({
  conflicts: new Conflicts(),
  held: new HeldKeys(),
  speculation: new Speculation(),
  heard: true,
  conflicted: 0,
  locked: 0,
  path,
})
