import { equalitySuite } from "../support/core.ts"
import { storesForFile } from "../support/stores.ts"

equalitySuite(storesForFile("equality with the memory store"), { numRuns: 15, longest: 40 })
