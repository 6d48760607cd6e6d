import { migrate as bringUpToDate } from "../postgres/schema/migrate.ts"
import type { Options } from "./arguments.ts"
import { onSession, withServer } from "./connect.ts"

/** `holdfast migrate`: may be run again and again, and beside a shop that is running. */
export const migrate = (options: Options): Promise<boolean> =>
  withServer(options, async (server) => {
    await onSession(server, "migrate", (wire) => bringUpToDate(wire, options.schema, "auto"))
    console.log(`The schema "${options.schema}" is up to date.`)
    return true
  })
