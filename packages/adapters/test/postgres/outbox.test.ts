import { outboxSuite } from "../support/core.ts"
import { storesForFile } from "../support/stores.ts"

outboxSuite(storesForFile("the outbox"))
