import { outboxSuite } from "../suites/outbox.ts"
import { suiteStores } from "./world.ts"

outboxSuite(suiteStores)
