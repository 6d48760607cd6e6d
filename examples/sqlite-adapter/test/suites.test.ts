import { StoreSuites } from "@holdfast/core/testing"
import { describeStoreSuite } from "@holdfast/core/testing/vitest"
import { SqliteStore } from "../src/SqliteStore.ts"

const store = { name: "SQLite", layer: SqliteStore.layer({ file: ":memory:" }), hasSeals: false }

for (const suite of StoreSuites.all(store)) describeStoreSuite(suite)
