import { StoreSuites } from "../../src/testing/index.ts"
import { describeStoreSuite } from "../../src/testing/vitest.ts"
import { suiteStores } from "./world.ts"

// The plain store is what the others are compared with.
for (const store of suiteStores.slice(1)) {
  describeStoreSuite(StoreSuites.equality(store, { sequences: 60, longest: 60 }))
}
