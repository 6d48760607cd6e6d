/**
 * `holdfast parked`: the events that the handler of a subscription could not handle, each with its reason; with `--again`
 * one of them, or all, wait for the handler once more.
 */
import type { ParkedEvent } from "@holdfast/core"
import type { Options } from "./arguments.ts"
import { withShop } from "./withShop.ts"

/** False where nothing is parked at the position that was to come again. */
export const parked = (options: Options): Promise<boolean> =>
  withShop(options, async (shop) => {
    const { name = "", again, json } = options
    const redeliver = (position: string) => shop.events.redeliver({ name, position })
    if (again !== undefined && again !== "all") {
      const isThere = await redeliver(again)
      console.log(isThere ? `${again} of "${name}" waits again.` : `Nothing of "${name}" is parked at ${again}.`)
      return isThere
    }
    let count = 0
    // What comes again is parked behind the last page, if at all.
    const { parked: most } = await shop.events.depth(name)
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
  `${position}  ${parkedAt.toISOString()}  ${event.type} of ${event.key} (${event.id}): ${reason}`
