// Reads how many tests passed and failed from the report that vitest leaves behind.

import { existsSync, readFileSync } from "node:fs"

const report = ".verify/vitest.json"

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{ readonly status: string; readonly assertionResults: ReadonlyArray<unknown> }>
}

export const readTestCounts = (ok: boolean): { readonly passed: number; readonly failed: number } => {
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, testResults }: Report = JSON.parse(readFileSync(report, "utf8"))
  // A file that does not load has no test that could fail, and is counted as one.
  const unloadable = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length
  const failed = numFailedTests + unloadable
  // An error outside any test fails the run as well, and no test at all is no proof of anything.
  return { passed: numPassedTests, failed: ok && numPassedTests > 0 ? failed : Math.max(failed, 1) }
}
