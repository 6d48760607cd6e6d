import { StoreSuites } from "../../src/testing/index.ts"
import { describeStoreSuite } from "../../src/testing/vitest.ts"
import { suiteStores } from "./world.ts"

for (const store of suiteStores) describeStoreSuite(StoreSuites.outbox(store))
