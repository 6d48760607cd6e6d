/**
 * The process that a trial kills: it runs a shop, and writes each answer to its standard output once it has it.
 *
 * `node killedProcess.ts <url> <schema> <seed>`
 */
import { writeSync } from "node:fs"
import { shopOn } from "../support/shop.ts"
import { booksName } from "./judge.ts"
import { rushMillis } from "./trial.ts"
import { visitAll } from "./visits.ts"

const [url = "", schema = "", seed = ""] = process.argv.slice(2)

// At once, and not when the stream gets to it: what is not written when the kill comes was not acknowledged.
const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

say("loaded")
const shop = shopOn(url, schema)
// Registered only: the events stay in the outbox for whoever comes after the kill.
await shop.events.subscribe(booksName, () => {})
await visitAll(shop, Number(seed), rushMillis, (told) => say(JSON.stringify(told)))
say("done")
setInterval(() => {}, 1_000)
