import { concurrencySuite } from "../support/core.ts"
import { storesForFile } from "../support/stores.ts"

concurrencySuite(storesForFile("concurrency"), 50)
