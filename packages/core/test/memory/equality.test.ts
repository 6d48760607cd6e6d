import { equalitySuite } from "../suites/equality.ts"
import { suiteStores } from "./world.ts"

// The plain store is what the others are compared with.
equalitySuite(suiteStores.slice(1), { numRuns: 60, longest: 60 })
