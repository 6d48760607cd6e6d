/**
 * The namespace `StoreSuites`: what every store is held against, as cases for any test runner.
 *
 * ```ts
 * for (const { title, cases } of StoreSuites.all({ name: "my store", layer })) {
 *   describe(title, () => {
 *     for (const { name, run } of cases) it(name, run)
 *   })
 * }
 * ```
 */
import { type ConcurrencyOptions, concurrency } from "./suites/concurrency.ts"
import { type EqualityOptions, equality } from "./suites/equality.ts"
import { type HostConnection, type JoiningStore, joined } from "./suites/joined.ts"
import { outbox } from "./suites/outbox.ts"
import { reads } from "./suites/reads.ts"
import type { StoreSuite, SuiteStore } from "./suites/StoreSuite.ts"

export type { StoreCase, StoreSuite, SuiteStore } from "./suites/StoreSuite.ts"
export {
  type ConcurrencyOptions,
  concurrency,
  type EqualityOptions,
  equality,
  type HostConnection,
  type JoiningStore,
  joined,
  outbox,
  reads,
}

/** All suites but that of stores which join transactions of their host (`joined`), the quickest first. A case may take a minute on a database: give your runner a limit to match. */
export const all = (
  store: SuiteStore,
  options: ConcurrencyOptions & EqualityOptions = {},
): ReadonlyArray<StoreSuite> => [reads(store), outbox(store), concurrency(store, options), equality(store, options)]
