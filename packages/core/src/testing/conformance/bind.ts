/**
 * Binds the laws to any test runner that has `describe` and `it`: each law is a test of its own.
 */
import { Effect } from "effect"
import type { Adapter } from "./Adapter.ts"
import { type ConformanceOptions, conformance, lawsOf } from "./conformance.ts"
import { type Failure, type Report, reportTable } from "./Report.ts"

/** What is needed of a test runner: vitest, jest and bun have it, and `node:test` where its `before` is passed as `beforeAll`. */
export interface TestRunner {
  readonly describe: (name: string, suite: () => void) => void
  readonly it: (name: string, test: () => Promise<void>) => void
  readonly beforeAll: (run: () => Promise<void>, timeoutMillis?: number) => void
}

/** Where the tokens of failures are kept, so that every later run begins with them. */
export interface Regressions {
  readonly read: () => ReadonlyArray<string> | Promise<ReadonlyArray<string>>
  /** Gets what was found and is not known yet. What was fixed stays known until somebody deletes it. */
  readonly write: (found: ReadonlyArray<Failure>) => void | Promise<void>
}

/** Options of a bound suite. */
export interface SuiteOptions extends Omit<ConformanceOptions, "regressions"> {
  /** Tokens of earlier failures, or where they are kept. */
  readonly regressions?: ReadonlyArray<string> | Regressions | undefined
  /** Gets the finished report, for example to write `reportJUnit(report)` to a file. */
  readonly onReport?: ((report: Report) => void | Promise<void>) | undefined
}

/** More than a run takes on any machine: it ends by bounds of its own, and a runner's limit is there for a hang. */
const mostMillis = 2 * 3_600_000

/** A suite with one test for each law, over one conformance run. A broken law's test fails with its timeline. */
export const bind =
  ({ describe, it, beforeAll }: TestRunner) =>
  (adapter: Adapter, { regressions, onReport, ...options }: SuiteOptions = {}): void => {
    describe(`${adapter.name} keeps the laws of the Store port`, () => {
      let report: Report | undefined
      const kept = isKept(regressions) ? regressions : undefined
      beforeAll(
        async () => {
          const known = isKept(regressions) ? await regressions.read() : regressions
          report = await Effect.runPromise(conformance(adapter, { ...options, regressions: known }))
          await kept?.write(report.failures.filter((failure) => !failure.known))
          await onReport?.(report)
        },
        (options.budgetMillis ?? 0) + mostMillis,
      )
      // A law that is not put to the test has no test: it would pass whatever the store does.
      for (const law of lawsOf(adapter, options)) {
        if (law.level === "UNTESTED") continue
        it(`${law.id} ${law.title}`, async () => {
          const found = report?.laws.find(({ id }) => id === law.id)
          const failure = report?.failures.find((each) => each.law === law.id)
          if (failure !== undefined) {
            throw new Error(`${failure.timeline}\n${failure.shrinking}\nreplay: ${failure.token}`)
          }
          if (found?.verdict === "not run") throw new Error(`${law.id} was not judged: no trial came to an end`)
          if (found?.verdict === "vacuous" && options.profile !== "quick") throw new Error(`${law.id} was vacuous`)
        })
      }
      it("comes to a verdict", async () => {
        if (report?.ok !== true) throw new Error(report === undefined ? "no report" : reportTable(report))
      })
    })
  }

const isKept = (regressions: SuiteOptions["regressions"]): regressions is Regressions =>
  regressions !== undefined && "read" in regressions
