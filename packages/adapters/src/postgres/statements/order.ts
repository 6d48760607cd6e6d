/**
 * Orders, each with its lines in the same row: one row an order, whatever it holds.
 *
 * Locks: order rows, in the order of their ids, after the campaigns. Plans: the primary key. A new order's id is made by
 * the engine, so its insert collides with nothing but its own repeat. An order is the receipt of the command that placed it.
 */
import type { Put, RecordOf } from "@holdfast/core"
import { documents, given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"
import { type ReceiptsOfBatch, receiptColumns } from "./receipt.ts"
import { split } from "./split.ts"

type Order = RecordOf["order"]

export type OrderRow = readonly [
  Order["orderId"],
  Order["accountId"],
  Order["lines"],
  Order["total"],
  Order["discount"],
  Order["paid"],
  Order["campaignId"] | null,
  string | null,
  Order["metadata"] | null,
  Order["state"],
  number,
  number | null,
  string | null,
  boolean | null,
  number,
]
export const orderRow = `json_build_array(r.order_id, r.account_id, r.lines, r.total, r.discount, r.paid, r.campaign_id, r.reference, r.metadata, r.state, r.placed_at, r.closed_at, r.closed_by, r.restocked, r.version)`
export const orderOf = ([
  orderId,
  accountId,
  lines,
  total,
  discount,
  paid,
  campaignId,
  reference,
  metadata,
  state,
  placedAt,
  closedAt,
  closedBy,
  restocked,
  version,
]: OrderRow): Order => ({
  orderId,
  accountId,
  lines,
  total,
  discount,
  paid,
  campaignId: given(campaignId),
  reference: given(reference),
  metadata: given(metadata),
  state,
  placedAt,
  closed:
    closedAt === null || closedBy === null
      ? undefined
      : { at: closedAt, commandId: closedBy, restocked: restocked === true },
  version,
})

export const readOrders = (ids: string): string =>
  `select json_agg(${orderRow}) from @.orders r where r.order_id = any(${ids}::text[])`

export const lockOrders = `select json_agg(${orderRow})::text from (
  select * from @.orders where order_id = any($1::text[]) order by order_id for update
) r`

const insert = `insert into @.orders (order_id, account_id, lines, total, discount, paid, campaign_id, reference, metadata, state, placed_at, closed_at, closed_by, restocked, version, scope, key, fingerprint)
select x.order_id, x.account_id, x.lines::json, x.total, x.discount, x.paid, x.campaign_id, x.reference, x.metadata::json, x.state, x.placed_at, x.closed_at, x.closed_by, x.restocked, x.version, x.scope, x.key, x.fingerprint
from ${unnested(1, "order_id text", "account_id text", "lines text", "total bigint", "discount bigint", "paid bigint", "campaign_id text", "reference text", "metadata text", "state text", "placed_at bigint", "closed_at bigint", "closed_by text", "restocked boolean", "version bigint", "scope text", "key text", "fingerprint text")} x
order by x.order_id collate "C"`

/** Everything but the state is fixed when the order is placed. */
const change = `with x as (
  select * from ${unnested(1, "order_id text", "version0 bigint", "state text", "closed_at bigint", "closed_by text", "restocked boolean", "version1 bigint")} x
  order by x.order_id collate "C"
), u as (
  update @.orders r
  set state = x.state, closed_at = x.closed_at, closed_by = x.closed_by, restocked = x.restocked, version = x.version1
  from x
  where r.order_id = x.order_id and r.version = x.version0
  returning 1
)
select 1 / ((select count(*) from u) = $8::int)::int`

/** Changes orders where their version is the one decided on, and inserts new ones. */
export const orderStatements = (
  puts: ReadonlyArray<Put<Order>>,
  receipts: ReceiptsOfBatch,
): ReadonlyArray<Statement> => {
  const { fresh, moved: changed } = split(puts)
  const statements: Array<Statement> = []
  if (changed.length > 0) {
    statements.push(
      statement(
        change,
        texts(changed.map(({ after }) => after.orderId)),
        values(changed.map(({ before }) => before.version)),
        texts(changed.map(({ after }) => after.state)),
        values(changed.map(({ after }) => after.closed?.at)),
        texts(changed.map(({ after }) => after.closed?.commandId)),
        values(changed.map(({ after }) => after.closed?.restocked)),
        values(changed.map(({ after }) => after.version)),
        String(changed.length),
      ),
    )
  }
  if (fresh.length > 0) statements.push(insertOrders(fresh, receipts))
  return statements
}

const insertOrders = (orders: ReadonlyArray<Order>, receipts: ReceiptsOfBatch): Statement =>
  statement(
    insert,
    texts(orders.map(({ orderId }) => orderId)),
    texts(orders.map(({ accountId }) => accountId)),
    documents(orders.map(({ lines }) => lines)),
    values(orders.map(({ total }) => total)),
    values(orders.map(({ discount }) => discount)),
    values(orders.map(({ paid }) => paid)),
    texts(orders.map(({ campaignId }) => campaignId)),
    texts(orders.map(({ reference }) => reference)),
    documents(orders.map(({ metadata }) => metadata)),
    texts(orders.map(({ state }) => state)),
    values(orders.map(({ placedAt }) => placedAt)),
    values(orders.map(({ closed }) => closed?.at)),
    texts(orders.map(({ closed }) => closed?.commandId)),
    values(orders.map(({ closed }) => closed?.restocked)),
    values(orders.map(({ version }) => version)),
    ...receiptColumns(orders.map(({ orderId }) => receipts.ofOrder(orderId))),
  )
