import { describeAdapterConformance } from "@holdfast/core/testing/vitest"
import { SqliteStore } from "../src/SqliteStore.ts"

// SQLite answers at once and through no promise, so every trial is simulated: chosen schedules, replay and shrinking.
// What fails is written to conformance/regressions: committed, and run before anything else.
describeAdapterConformance(
  {
    name: "SQLite",
    layer: SqliteStore.layer({ file: ":memory:" }),
    guarantees: SqliteStore.guarantees,
    runs: "simulated",
  },
  { profile: "standard", budgetMillis: 120_000 },
)
