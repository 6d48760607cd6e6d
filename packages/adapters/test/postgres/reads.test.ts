import { StoreSuites } from "@holdfast/core/testing"
import { describeStoreSuite } from "@holdfast/core/testing/vitest"
import { storesForFile } from "../support/stores.ts"

for (const { before, ...store } of storesForFile("the reads")) {
  describeStoreSuite(StoreSuites.reads(store), before)
}
