/**
 * Reads: each one statement, and so one snapshot, on a session of their own.
 */
import type { PageRequest, Reads, StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { readConfirmed } from "../session/confirm.ts"
import { rowsOf } from "../session/text.ts"
import type { Row } from "./columns.ts"
import { matching } from "./keys.ts"
import { kindTables } from "./kindTables.ts"
import { ordersByReference, ordersOfAccount } from "./orderPages.ts"
import { sealsOn } from "./standing.ts"
import { ledgers, type Table, tables } from "./tables.ts"
import { type Template, template } from "./template.ts"

/** A page of any list. */
type AnyPage = PageRequest<string | number>

interface Question {
  readonly owner: string
  readonly page: AnyPage
}

/** How a page goes on: past a cursor, in one direction. The bounds are parameters, so that there is one plan for all. */
const pageTemplate = (
  name: string,
  { row, table }: Table<unknown>,
  owner: string,
  cursor: string,
  type: "text" | "bigint",
  newestFirst: boolean,
): Template<Question> => {
  const [comparison, direction] = newestFirst ? ["<", "desc"] : [">", "asc"]
  return template(`page of ${name}${newestFirst ? ", newest first" : ""}`, (parameters) => {
    const isOwner = `${owner} = ${parameters.value(owner, "text", (asked) => asked.owner)}`
    const after = parameters.value("after", type, ({ page }) => page.after ?? null)
    const bound = type === "text" ? `${after} collate "C"` : after
    return `select json_agg(${row} order by r.${cursor} ${direction})::text from (
  select * from @.${table} where ${isOwner} and (${after} is null or ${cursor} ${comparison} ${bound})
  order by ${cursor} ${direction} limit ${parameters.value("limit", "int", ({ page }) => page.limit)}
) r`
  })
}

const paged = <R>(
  name: string,
  of: Table<R>,
  owner: string,
  cursor: string,
  type: "text" | "bigint",
): ((connection: Connection, owner: string, page: AnyPage) => Effect.Effect<ReadonlyArray<R>, StoreFault>) => {
  const oldestFirst = pageTemplate(name, of, owner, cursor, type, false)
  const newestFirst = pageTemplate(name, of, owner, cursor, type, true)
  return (connection, owned, page) => {
    const asked = (page.newestFirst ? newestFirst : oldestFirst).of({ owner: owned, page })
    return Effect.map(ask(connection, asked), of.recordsOf)
  }
}

const entriesPage = paged("entries", ledgers.entry, "account_id", "seq", "bigint")
const movementsPage = paged("movements", ledgers.movement, "product_id", "revision", "bigint")
const couponsOfAccountPage = paged("coupons of an account", tables.coupon, "account_id", "campaign_id", "text")
const couponsOfCampaignPage = paged("coupons of a campaign", tables.coupon, "campaign_id", "ticket", "bigint")

/** Asks for the row of a table under a key, and for what else there is to know. */
const underKey = (name: string, { row, table, key }: Table<unknown>, also = ""): Template<ReadonlyArray<string>> =>
  template(name, (parameters) => {
    const parts = key.map((column, index) => parameters.value(column.name, "text", (all) => all[index] ?? null))
    const where = key.map((column, index) => `r.${column.name} = ${parts[index]}`).join(" and ")
    return `select json_build_array(${row}${also})::text from @.${table} r where ${where}`
  })

/** The record under a key. */
const one = <R>(
  name: string,
  of: Table<R>,
): ((connection: Connection, ...key: ReadonlyArray<string>) => Effect.Effect<R | undefined, StoreFault>) => {
  const asked = underKey(name, of)
  return (connection, ...parts) => Effect.map(ask(connection, asked.of(parts)), (json) => of.recordsOf(json)[0])
}

const oneAccount = one("an account", tables.account)
const oneCampaign = one("a campaign", tables.campaign)
const oneCoupon = one("a coupon", tables.coupon)
const oneOrder = one("an order", tables.order)

/** Wherever it stands, and whether commits wait for standbys. */
const oneReceipt = underKey(
  "a receipt, and whether commits wait",
  { ...tables.receipt, table: "receipts" },
  ", current_setting('synchronous_standby_names') <> ''",
)

/** A receipt says that something happened, so it is told once it is on the standbys. */
const receiptOn = (connection: Connection, confirmer: Connection | undefined, ...key: ReadonlyArray<string>) => {
  const asked = oneReceipt.of(key)
  return Effect.flatMap(ask(connection, asked), (json) => {
    const [found, waits] = rowsOf<unknown>(json)
    return found !== undefined && waits === true && confirmer !== undefined
      ? Effect.map(readConfirmed(confirmer, [asked]), ([again]) => receiptIn(again))
      : Effect.succeed(receiptIn(json))
  })
}

const receiptIn = (json: string | null | undefined) => {
  const [row] = rowsOf<Row | boolean>(json)
  return row === undefined || typeof row === "boolean" ? undefined : kindTables.receipt.recordOf(row)
}

const someProducts = template<ReadonlyArray<string>>(
  "some products, in the order asked for",
  (parameters) => `select json_agg(${tables.product.row} order by k.n)::text
from unnest(${parameters.array(
    "product_id",
    "text",
    (ids) => ids,
    (id) => id,
  )}) with ordinality k(product_id, n)
  cross join lateral (select * from @.product p where ${matching("p", "k", tables.product.key)} offset 0) r`,
)

/**
 * Most first, ties by product id: only as many products are looked at as it takes to find those that are not retired. Sums
 * that a number cannot hold exactly stay at the highest one that it can.
 */
const top = template<Parameters<Reads["top"]>[0]>(
  "products sold most",
  (
    parameters,
  ) => `select json_agg(json_build_array(s.product_id, s.sold) order by s.sold desc, s.product_id)::text from (
  select s.product_id, s.sold from (
    select b.product_id, least(sum(b.sold), 9007199254740991)::bigint as sold
    from @.bucket b where b.hour >= ${parameters.value("from_hour", "bigint", ({ fromHour }) => fromHour)}
      and b.hour < ${parameters.value("until_hour", "bigint", ({ untilHour }) => untilHour)}
    group by b.product_id
    having sum(b.sold) > 0
    order by 2 desc, 1
  ) s
  where not exists (select from @.product p where p.product_id = s.product_id and p.retired)
  order by 2 desc, 1 limit ${parameters.value("limit", "int", ({ limit }) => limit)}
) s`,
)

/** Buckets of one hour, by the index on hour and product: for a ranking. */
const soldOf = template<Parameters<SoldOf>>(
  "what was sold of some products in an hour",
  (parameters) => `select json_agg(json_build_array(b.product_id, b.sold))::text
from @.bucket b where b.hour = ${parameters.value("hour", "bigint", ([hour]) => hour)}
  and b.product_id = any(${parameters.array(
    "product_id",
    "text",
    ([, ids]) => ids,
    (id) => id,
  )})`,
)

const soldIn = template<Parameters<SoldIn>>(
  "what was sold in an hour",
  (parameters) => `select json_agg(json_build_array(s.product_id, s.sold) order by s.product_id)::text from (
  select b.product_id, b.sold from @.bucket b
  where b.hour = ${parameters.value("hour", "bigint", ([hour]) => hour)}
    and b.product_id > ${parameters.value("after", "text", ([, after]) => after ?? "")} collate "C"
  order by b.product_id limit ${parameters.value("limit", "int", ([, , limit]) => limit)}
) s`,
)

type SoldOf = NonNullable<Reads["soldOf"]>
type SoldIn = NonNullable<Reads["soldIn"]>
type Sales = Effect.Success<ReturnType<Reads["top"]>>[number]

const salesOf = (json: string | null | undefined): ReadonlyArray<Sales> =>
  rowsOf<readonly [Sales["productId"], Sales["sold"]]>(json).map(([productId, sold]) => ({ productId, sold }))

/** What reads are sent on. */
export interface ReadingConnections {
  /** For a few rows by their keys. */
  readonly reading: Connection
  /** For pages of lists and for popular products: nothing that is looked up by its key stands behind them. */
  readonly listing: Connection
  /** On which a receipt is looked at once more, where it has to wait for standbys. Absent where that is not waited for. */
  readonly scanning?: Connection | undefined
}

export const readsOn = ({ reading: connection, listing, scanning: confirmer }: ReadingConnections): Reads => ({
  account: (accountId) => oneAccount(connection, accountId),
  entries: (accountId, page) => entriesPage(listing, accountId, page),
  products: (productIds) => Effect.map(ask(connection, someProducts.of(productIds)), tables.product.recordsOf),
  movements: (productId, page) => movementsPage(listing, productId, page),
  campaign: (campaignId) => oneCampaign(connection, campaignId),
  coupon: (campaignId, accountId) => oneCoupon(connection, campaignId, accountId),
  couponsOfAccount: (accountId, page) => couponsOfAccountPage(listing, accountId, page),
  couponsOfCampaign: (campaignId, page) => couponsOfCampaignPage(listing, campaignId, page),
  order: (orderId) => oneOrder(connection, orderId),
  ordersOfAccount: (accountId, page) => ordersOfAccount(listing, accountId, page),
  ordersByReference: (reference, page) => ordersByReference(listing, reference, page),
  top: (window) => Effect.map(ask(listing, top.of(window)), salesOf),
  soldOf: (...asked) => Effect.map(ask(listing, soldOf.of(asked)), salesOf),
  soldIn: (...asked) => Effect.map(ask(listing, soldIn.of(asked)), salesOf),
  receipt: (scope, operation, key) => receiptOn(connection, confirmer, scope, operation, key),
  ...sealsOn(connection, listing),
})
