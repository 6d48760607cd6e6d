/**
 * A process that serves a durable name, for tests that kill it, freeze it or cut it off. It says on its standard output
 * what its handler begins and ends, each with the fence and the time of a clock that all processes of a machine share.
 *
 * `node eventProcess.ts <url> <schema> <url | pool> <lease millis> <handler millis>`
 */
import { writeSync } from "node:fs"
import { createHoldfast } from "@holdfast/core"
import pg from "pg"
import { postgres } from "../../src/postgres/index.ts"
import { served } from "./eventProcesses.ts"

const [url = "", schema = "", way = "", leaseMillis = "", handlerMillis = ""] = process.argv.slice(2)

// At once, and not when the stream gets to it: what is not written when the kill comes did not happen.
const say = (line: object): void => {
  writeSync(1, `${JSON.stringify({ ...line, at: Number(process.hrtime.bigint() / 1_000_000n) })}\n`)
}

const store =
  way === "pool"
    ? postgres({ pool: new pg.Pool({ connectionString: url, max: 4 }).on("error", () => {}), schema })
    : postgres({ url, schema })
const shop = createHoldfast({ store, logger: () => {} })
await shop.events.subscribe(
  served,
  async ({ id }, { fence }) => {
    say({ what: "begun", id, fence })
    await new Promise((resolve) => setTimeout(resolve, Number(handlerMillis)))
    say({ what: "ended", id, fence })
  },
  { leaseMillis: Number(leaseMillis), handlerTimeoutMillis: 600_000 },
)
say({ what: "serving" })
