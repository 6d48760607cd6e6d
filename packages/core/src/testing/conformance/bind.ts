/**
 * Binds the laws to any test runner that has `describe` and `it`: each law is a test of its own.
 */
import { Effect } from "effect"
import { laws as allLaws } from "../laws/laws.ts"
import type { Adapter } from "./Adapter.ts"
import { type ConformanceOptions, conformance } from "./conformance.ts"
import { type Report, reportTable } from "./Report.ts"

/** What is needed of a test runner: vitest, `node:test`, jest and bun have it. */
export interface TestRunner {
  readonly describe: (name: string, suite: () => void) => void
  readonly it: (name: string, test: () => Promise<void>) => void
  readonly beforeAll: (run: () => Promise<void>, timeoutMillis?: number) => void
}

/** Options of a bound suite. */
export interface SuiteOptions extends ConformanceOptions {
  /** Gets the finished report, for example to write `reportJUnit(report)` or the tokens of its failures to a file. */
  readonly onReport?: ((report: Report) => void | Promise<void>) | undefined
}

/** A suite with one test for each law, over one conformance run. A broken law's test fails with its timeline. */
export const bind =
  ({ describe, it, beforeAll }: TestRunner) =>
  (adapter: Adapter, options: SuiteOptions = {}): void => {
    describe(`${adapter.name} keeps the laws of the Store port`, () => {
      let report: Report | undefined
      const budgetMillis = options.budgetMillis ?? (options.profile === "soak" ? 1_800_000 : 120_000)
      beforeAll(async () => {
        report = await Effect.runPromise(conformance(adapter, options))
        await options.onReport?.(report)
      }, budgetMillis + 60_000)
      for (const law of [...allLaws, ...(options.extraLaws ?? [])]) {
        if (law.level === "UNTESTED") continue
        it(`${law.id} ${law.title}`, async () => {
          const found = report?.laws.find(({ id }) => id === law.id)
          const failure = report?.failures.find((each) => each.law === law.id)
          if (failure !== undefined) throw new Error(`${failure.timeline}\nreplay: ${failure.token}`)
          if (found?.verdict === "vacuous" && options.profile !== "quick") throw new Error(`${law.id} was vacuous`)
        })
      }
      it("comes to a verdict", async () => {
        if (report?.ok !== true) throw new Error(report === undefined ? "no report" : reportTable(report))
      })
    })
  }
