// Runs every check of this repository, one after the other: `npm test`. CI runs this and nothing else.
//
// All steps run even when an earlier one fails, so that one run shows everything there is to repair.
// `npm test -- --only types,tests` runs only the named steps.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { runCommand } from "./verify/command.ts"
import { steps } from "./verify/steps.ts"
import { readTestCounts } from "./verify/testCounts.ts"

process.chdir(resolve(import.meta.dirname, ".."))

// Whatever cannot run because a service is missing appends a line to this file, and the end of the run says so.
const leftOutFile = resolve(".verify/left-out.txt")
process.env.HOLDFAST_LEFT_OUT = leftOutFile
rmSync(".verify", { recursive: true, force: true })
mkdirSync(".verify", { recursive: true })

const { values } = parseArgs({ options: { only: { type: "string" } } })
const only = values.only?.split(",")
const unknown = only?.filter((name) => !steps.some((step) => step.name === name)) ?? []
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(", ")}. The steps are ${steps.map((step) => step.name).join(", ")}.`)
  process.exit(2)
}

let passed = 0
let failed = 0

for (const step of steps) {
  if (only !== undefined && !only.includes(step.name)) continue
  const startedAt = performance.now()
  const { ok, output } = await step.run(runCommand)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (!ok) console.log(output.trimEnd())
  console.log(`${ok ? "ok  " : "FAIL"}  ${step.name.padEnd(10)} ${seconds.padStart(6)} s  ${step.promise}`)
  if (step.name !== "tests") {
    if (ok) passed += 1
    else failed += 1
    continue
  }
  if (ok) console.log(summaryOf(output))
  const counts = readTestCounts(ok)
  passed += counts.passed
  failed += counts.failed
}

const leftOut = existsSync(leftOutFile) ? readFileSync(leftOutFile, "utf8").trim().split("\n") : []
if (leftOut.length > 0) {
  console.log(`\n${"=".repeat(80)}\nLEFT OUT, because a service was missing:`)
  for (const line of new Set(leftOut)) console.log(`  - ${line}`)
  if (process.env.HOLDFAST_REQUIRE_SERVICES === "1") {
    console.log("FAIL  HOLDFAST_REQUIRE_SERVICES=1 allows nothing to be left out.")
    failed += 1
  }
  console.log("=".repeat(80))
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** The closing lines of vitest's own report: how many files, how many tests, how long. */
function summaryOf(output: string): string {
  const lines = output.trimEnd().split("\n")
  const start = lines.findLastIndex((line) => line.includes("Test Files"))
  return lines
    .slice(start)
    .filter((line) => line !== "" && !line.startsWith("JSON report"))
    .join("\n")
}
