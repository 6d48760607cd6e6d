/**
 * `@holdfast/core/testing/vitest`: the laws as a suite of vitest. Everything else is in `@holdfast/core/testing`.
 */
import { beforeAll, describe, expect, it } from "vitest"
import type { Adapter } from "./conformance/Adapter.ts"
import { bind, type SuiteOptions } from "./conformance/bind.ts"
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
