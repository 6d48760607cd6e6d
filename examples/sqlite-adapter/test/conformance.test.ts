import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describeAdapterConformance } from "@holdfast/core/testing/vitest"
import { SqliteStore } from "../src/SqliteStore.ts"

/** Tokens of trials that failed once: committed, and run before anything else. */
const regressions = fileURLToPath(new URL("../conformance/regressions/", import.meta.url))

const known = (): ReadonlyArray<string> => {
  try {
    return readdirSync(regressions).map((file) => readFileSync(`${regressions}${file}`, "utf8").trim())
  } catch {
    // Nothing has failed yet.
    return []
  }
}

// SQLite answers at once and through no promise, so every trial is simulated: chosen schedules, replay and shrinking.
describeAdapterConformance(
  {
    name: "SQLite",
    layer: SqliteStore.layer({ file: ":memory:" }),
    guarantees: SqliteStore.guarantees,
    runs: "simulated",
  },
  {
    profile: "standard",
    budgetMillis: 120_000,
    regressions: known(),
    onReport: ({ failures }) => {
      if (failures.length > 0) mkdirSync(regressions, { recursive: true })
      for (const { law, token, html } of failures) {
        writeFileSync(`${regressions}${law}.txt`, `${token}\n`)
        writeFileSync(fileURLToPath(new URL(`../conformance/${law}.html`, import.meta.url)), html)
      }
    },
  },
)
