/**
 * `@holdfast/core/testing/vitest`: the laws as a suite of vitest. Everything else is in `@holdfast/core/testing`.
 */
import { beforeAll, describe, it } from "vitest"
import type { Adapter } from "./conformance/Adapter.ts"
import { bind, type SuiteOptions } from "./conformance/bind.ts"

/**
 * A suite with one test for each law.
 *
 * ```ts
 * describeAdapterConformance({ name: "acme", layer: Acme.layer({ url }), guarantees: Acme.guarantees })
 * ```
 */
export const describeAdapterConformance: (adapter: Adapter, options?: SuiteOptions) => void = bind({
  describe: (name, suite) => describe(name, suite),
  it: (name, test) => it(name, test),
  beforeAll: (run, timeoutMillis) => beforeAll(run, timeoutMillis),
})
