/**
 * `@holdfast/core/testing/vitest`: the laws, and the suites of stores, as suites of vitest. Everything else is in `@holdfast/core/testing`.
 */
import { Effect } from "effect"
import { beforeAll, beforeEach, describe, expect, it, type TestContext } from "vitest"
import { type CacheAdapter, type CacheConformanceOptions, cacheConformance } from "./cache/cacheConformance.ts"
import { cacheLaws } from "./cache/cacheLaws.ts"
import type { Adapter } from "./conformance/Adapter.ts"
import { bind, type SuiteOptions } from "./conformance/bind.ts"
import type { KitLaw, KitReport } from "./kit/KitReport.ts"
import {
  type RankingAdapter,
  type RankingConformanceOptions,
  rankingConformance,
} from "./ranking/rankingConformance.ts"
import { rankingLaws } from "./ranking/rankingLaws.ts"
import type { StoreSuite } from "./suites/StoreSuite.ts"
import { fromEnvironment } from "./vitest/environment.ts"
import { folderOf, regressionsIn } from "./vitest/regressions.ts"

export { regressionsIn } from "./vitest/regressions.ts"

/**
 * A suite with one test for each law.
 *
 * ```ts
 * describeAdapterConformance({ name: "acme", layer: Acme.layer({ url }), guarantees: Acme.guarantees })
 * ```
 *
 * The token of what fails is written to `conformance/regressions` beside the package.json of the test file, and run first
 * from then on; `regressions: regressionsIn(folder)` keeps them elsewhere, `regressions: []` nowhere. Environment
 * variables win over the options: `CONFORM_PROFILE`, `CONFORM_SEED`, `CONFORM_LAWS`, `CONFORM_BUDGET` (milliseconds), and
 * `CONFORM_REPLAY` for one token alone.
 */
export const describeAdapterConformance = (adapter: Adapter, options: SuiteOptions = {}): void => {
  const { testPath } = expect.getState()
  const regressions = options.regressions ?? (testPath === undefined ? [] : regressionsIn(folderOf(testPath)))
  bound(adapter, { ...options, regressions, ...fromEnvironment() })
}

const bound = bind({
  describe: (name, suite) => describe(name, suite),
  it: (name, test) => it(name, test),
  beforeAll: (run, timeoutMillis) => beforeAll(run, timeoutMillis),
})

/**
 * The same for a shared cache: a suite with one test for each law.
 *
 * ```ts
 * describeCacheConformance({ name: "acme", layer: acmeCache({ url }).layer })
 * ```
 */
export const describeCacheConformance = (adapter: CacheAdapter, options: CacheConformanceOptions = {}): void =>
  describeKit(`${adapter.name} keeps the laws of the SharedCache port`, cacheLaws, cacheConformance(adapter, options))

/** The same for a ranking. */
export const describeRankingConformance = (adapter: RankingAdapter, options: RankingConformanceOptions = {}): void =>
  describeKit(`${adapter.name} keeps the laws of the Ranking port`, rankingLaws, rankingConformance(adapter, options))

/**
 * A suite of `StoreSuites`, as one of vitest. `before` runs ahead of each case and may leave it out (`context.skip`).
 *
 * ```ts
 * for (const suite of StoreSuites.all({ name: "acme", layer: Acme.layer({ url }) })) describeStoreSuite(suite)
 * ```
 */
export const describeStoreSuite = (
  { title, cases }: StoreSuite,
  before: (context: TestContext) => void = () => {},
): void => {
  describe(title, () => {
    beforeEach(before)
    for (const { name, run } of cases) it(name, run)
  })
}

/** More than a kit takes on any machine: it ends by bounds of its own, and vitest's limit of 10 s would hide what it found. */
const mostMillis = 3_600_000

const describeKit = (name: string, laws: ReadonlyArray<KitLaw>, run: Effect.Effect<KitReport>): void => {
  describe(name, () => {
    let report: KitReport | undefined
    beforeAll(async () => {
      report = await Effect.runPromise(run)
    }, mostMillis)
    for (const { id, title } of laws) {
      it(`${id} ${title}`, (context) => {
        const law = report?.laws.find((each) => each.id === id)
        if (law?.verdict === "untested") context.skip(law.message)
        if (law?.verdict !== "holds") throw new Error(`${id} ${law?.verdict}: ${law?.message}`)
      })
    }
  })
}
