/**
 * `@holdfast/core/testing`: everything that makes an adapter prove itself, without any test runner inside.
 *
 * `Sim`, `Lin` and `Append` know nothing of commerce: use them on your own code. `conformance` puts a store to the test
 * of all laws; `@holdfast/core/testing/vitest` binds them to vitest.
 */
export * as Append from "./Append.ts"
export type { Adapter, Attempt, Breach } from "./conformance/Adapter.ts"
export { bind, type Regressions, type SuiteOptions, type TestRunner } from "./conformance/bind.ts"
export { type ConformanceOptions, conformance, type Profile } from "./conformance/conformance.ts"
export {
  type Exhausted,
  type Failure,
  type LawReport,
  type LawVerdict,
  type Report,
  reportJson,
  reportJUnit,
  reportTable,
  type Unrepeatable,
} from "./conformance/Report.ts"
export * as Lin from "./Lin.ts"
export { broken, defineLaw, type Law, type Level, type Violation, type Workload } from "./laws/Law.ts"
export { laws } from "./laws/laws.ts"
export { lawsMarkdown } from "./laws/markdown.ts"
export type { Fault, Plan, PlannedCall, Step } from "./laws/Plan.ts"
export type { Delivery, Op, ReadOp, Reply, Snapshot, TrialRecord } from "./laws/Trial.ts"
export * as History from "./lin/History.ts"
export * as Sim from "./Sim.ts"
export {
  createTestHoldfast,
  type TestClock,
  type TestFaults,
  type TestHoldfast,
  type TestOptions,
} from "./TestHoldfast.ts"
export * as Zoo from "./Zoo.ts"
