/**
 * `@holdfast/core/testing`: everything that makes an adapter prove itself, without any test runner inside.
 *
 * `Sim`, `Lin` and `Append` know nothing of commerce: use them on your own code. `conformance` puts a store to the test
 * of all laws; `@holdfast/core/testing/vitest` binds them to vitest.
 */
export * as Append from "./Append.ts"
export type { BusAdapter } from "./bus/BusAdapter.ts"
export {
  type BusLawReport,
  type BusOptions,
  type BusReport,
  busConformance,
} from "./bus/busConformance.ts"
export { type BusLaw, busLaws } from "./bus/busLaws.ts"
export { type CacheAdapter, type CacheConformanceOptions, cacheConformance } from "./cache/cacheConformance.ts"
export { cacheLaws } from "./cache/cacheLaws.ts"
export type { ReadTampering } from "./cache/readTrial.ts"
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
export type { KitLaw, KitReport, KitVerdict } from "./kit/KitReport.ts"
export * as Lin from "./Lin.ts"
export { broken, defineLaw, type Law, type Level, type Violation } from "./laws/Law.ts"
export { laws } from "./laws/laws.ts"
export { sealLaws } from "./laws/seals.ts"
export { lawsMarkdown } from "./lawsMarkdown.ts"
export * as History from "./lin/History.ts"
export {
  type RankingAdapter,
  type RankingConformanceOptions,
  rankingConformance,
} from "./ranking/rankingConformance.ts"
export { rankingLaws } from "./ranking/rankingLaws.ts"
export type { RequestLogAdapter } from "./requests/RequestLogAdapter.ts"
export { type RequestOptions, requestConformance } from "./requests/requestConformance.ts"
export { requestLaws } from "./requests/requestLaws.ts"
export * as Sim from "./Sim.ts"
export * as StoreSuites from "./StoreSuites.ts"
export * as Tapes from "./Tapes.ts"
export {
  createTestHoldfast,
  type TestClock,
  type TestFaults,
  type TestHoldfast,
  type TestOptions,
} from "./TestHoldfast.ts"
export type { Fault, FrameFault, Plan, PlannedCall, Step } from "./trial/Plan.ts"
export type { Disturbances, Processes } from "./trial/Processes.ts"
export type { Delivery, Op, ReadOp, Reply, Snapshot, TrialRecord } from "./trial/Trial.ts"
export type { Workload } from "./workloads/Workload.ts"
export * as Zoo from "./Zoo.ts"
