import { readsSuite } from "../support/core.ts"
import { storesForFile } from "../support/stores.ts"

readsSuite(storesForFile("the reads"))
