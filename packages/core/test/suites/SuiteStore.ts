/**
 * A store as the suites take it: made anew for every test, on whatever it runs.
 */
import type { Effect, Scope } from "effect"
import type { TestContext } from "vitest"
import type { StoreFault, StoreShape } from "../../src/ports/index.ts"

export interface SuiteStore {
  readonly name: string
  readonly make: Effect.Effect<StoreShape, StoreFault, Scope.Scope>
  /** Whether batches may be decided on a snapshot, without locks. */
  readonly onSnapshots: boolean
  /** Runs before each test, and may leave it out. */
  readonly before: (context: TestContext) => void
}
