/**
 * `holdfast parked`: the events that the handler of a subscription could not handle, each with its reason; with `--again`
 * one of them, or all, wait for the handler once more.
 */
import type { ParkedEvent } from "@holdfast/core"
import { rowsOf } from "../postgres/session/text.ts"
import { statement } from "../postgres/session/wire.ts"
import type { Options } from "./arguments.ts"
import { ask, onSession } from "./connect.ts"
import { withShop } from "./withShop.ts"

/** As many rows as are registered under a name. */
const registered = `select json_agg(name)::text from @.subscription where name = $1`

/** False where nothing is parked at the position that was to come again. */
export const parked = (options: Options): Promise<boolean> =>
  withShop(options, async (shop, server) => {
    const { name = "", schema, again, json } = options
    // What comes again is parked behind the last page, if at all.
    const { parked: most } = await shop.events.depth(name)
    const found = await onSession(server, "read", (wire) => ask(wire, statement(registered, name)))
    if (rowsOf(found).length === 0)
      throw new Error(`No subscription "${name}" is registered in the schema "${schema}".`)
    const redeliver = (position: string) => shop.events.redeliver({ name, position })
    if (again !== undefined && again !== "all") {
      const isThere = await redeliver(again)
      console.log(isThere ? `${again} of "${name}" waits again.` : `Nothing of "${name}" is parked at ${again}.`)
      return isThere
    }
    let count = 0
    for (let cursor: string | undefined; count < most; ) {
      const page = await shop.events.parked({ name, ...(cursor !== undefined && { cursor }) })
      for (const one of page.items) {
        if (again === "all") await redeliver(one.position)
        console.log(json ? JSON.stringify(one) : lineOf(one))
      }
      count += page.items.length
      cursor = page.nextCursor
      if (cursor === undefined) break
    }
    if (!json) console.log(`${count} events of "${name}"${again === "all" ? " wait again" : " are parked"}.`)
    return true
  })

const lineOf = ({ position, parkedAt, event, reason }: ParkedEvent): string =>
  visible(`${position}  ${parkedAt.toISOString()}  ${event.type} of ${event.key} (${event.id}): ${reason}`)

/** What would move the cursor, colour a terminal, turn its text around or begin a line stands as JSON writes it. */
const visible = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (control) => shortEscapes[control] ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }
