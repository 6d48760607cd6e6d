/**
 * Text is UTF-8 on both sides, or the store does not start: another encoding cannot hold what a shop is given, and finds out in
 * the middle of a sale. SQL_ASCII holds it, and knows neither its letters nor their order.
 */
import type { StoreFault } from "@holdfast/core"
import { Effect } from "effect"
import { notOpened } from "./notOpened.ts"
import { rowsOf } from "./text.ts"
import { statement, type Wire } from "./wire.ts"

const encodings = statement(
  `select json_build_array(json_build_array(current_setting('server_encoding'), current_setting('client_encoding'), current_database()))::text`,
)
type Encodings = readonly [server: string, client: string, database: string]

/** Refuses a database, or a session, that does not speak UTF-8. */
export const checkEncoding = (wire: Wire): Effect.Effect<void, StoreFault> =>
  Effect.flatMap(wire.run([encodings]), ({ values, failed }) => {
    if (failed !== undefined) return Effect.fail(notOpened(failed.failure))
    const [found] = rowsOf<Encodings>(values[0])
    if (found === undefined) return Effect.void
    const [server, client, database] = found
    if (server !== utf8)
      return refuse(
        `The database "${database}" is encoded as ${server}, which cannot hold every text. Make one for the shop: create database shop encoding 'UTF8' template template0.`,
      )
    if (client !== utf8)
      return refuse(`The sessions have client_encoding ${client}, which changes text on its way. Leave it at UTF8.`)
    return Effect.void
  })

export const utf8 = "UTF8"

const refuse = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })
