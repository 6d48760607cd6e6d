/**
 * Pages of orders: by the number that each has with its account, and by the transaction that placed it.
 *
 * Oldest first, a list by reference ends before the oldest transaction that is still open, in whatever database of the
 * server: only what it may yet commit can stand before what is shown. What is committed behind that is told as more.
 *
 * Plans: the index of the list, from the place on, and no sort. Lines are measured first, so that no more rows are made into
 * JSON, or sent, than a page may hold.
 */
import { type OrderPage, orderPageOf, type Reads, type StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf } from "../session/text.ts"
import type { Row } from "./columns.ts"
import { kindTables } from "./kindTables.ts"
import { horizon } from "./positions.ts"
import { type Template, template } from "./template.ts"

type AskedPage = Parameters<Reads["ordersOfAccount"]>[1]

interface Question {
  readonly owner: string
  readonly page: AskedPage
}

/** The most that the lines of a page may come to, in bytes, beside those of its first order. */
const maxLineBytes = 1_048_576

/** Beyond every place, in each direction. */
const ends = { first: -1, last: Number.MAX_SAFE_INTEGER }

const pageTemplate = (owner: string, position: string, newestFirst: boolean, held: boolean): Template<Question> => {
  const [comparison, direction] = newestFirst ? ["<", "desc"] : [">", "asc"]
  const sorted = (alias: string) => `${alias}.${position} ${direction}, ${alias}.order_id ${direction}`
  return template(`orders by ${owner}${newestFirst ? ", newest first" : ""}`, (parameters) => {
    const isOwner = `o.${owner} = ${parameters.value(owner, "text", (asked) => asked.owner)}`
    const place = parameters.value(
      position,
      "bigint",
      ({ page }) => page.after?.position ?? ends[newestFirst ? "last" : "first"],
    )
    const id = parameters.value("order_id", "text", ({ page }) => page.after?.orderId ?? "")
    const limit = parameters.value("limit", "int", ({ page }) => page.limit)
    const beyond = `${isOwner} and (o.${position}, o.order_id) ${comparison} (${place}, ${id} collate "C")`
    const shown = held ? ` and o.${position} < ${horizon}` : ""
    return `with o as materialized (
  select * from @.orders o where ${beyond}${shown} order by ${sorted("o")} limit ${limit} + 1
), r as (
  select o.*, sum(octet_length(o.lines::text)) over (order by ${sorted("o")} rows unbounded preceding)
    - octet_length(o.lines::text) as before
  from o
)
select json_build_array(
  (select json_agg(json_build_array(r.${position}, ${kindTables.order.row}) order by ${sorted("r")}) from r where r.before <= ${maxLineBytes}),
  exists (select from r where r.before > ${maxLineBytes})${held ? ` or exists (select from @.orders o where ${beyond} and o.${position} >= ${horizon})` : ""}
)::text`
  })
}

type Answer = readonly [rows: ReadonlyArray<readonly [position: number, order: Row]> | null, more: boolean]

const paged = (owner: string, position: string, held: boolean) => {
  const oldestFirst = pageTemplate(owner, position, false, held)
  const newestFirst = pageTemplate(owner, position, true, false)
  return (connection: Connection, of: string, page: AskedPage): Effect.Effect<OrderPage, StoreFault> => {
    const asked = (page.newestFirst ? newestFirst : oldestFirst).of({ owner: of, page })
    return Effect.map(ask(connection, asked), (json) => {
      const [rows, more] = answerIn(json)
      const listed = (rows ?? []).map(([at, order]) => ({ position: at, order: kindTables.order.recordOf(order) }))
      return orderPageOf(listed, page.limit, more)
    })
  }
}

const answerIn = (json: string | null): Answer => {
  const [rows = null, more = false] = rowsOf<Answer[0] | boolean>(json)
  return [typeof rows === "boolean" ? null : rows, more === true]
}

export const ordersOfAccount = paged("account_id", "number", false)
export const ordersByReference = paged("reference", "placed_in", true)
