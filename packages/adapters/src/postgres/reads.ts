/**
 * Reads and scans: each one statement, and so one snapshot, on a session of their own.
 */

import type { Key, KindName, LogName, Reads, RecordOf, RowOf, StoreFault, StoreShape } from "@holdfast/core"
import { Effect } from "effect"
import { ask, type Line } from "./Line.ts"
import { type AccountRow, accountOf, accountRow, type EntryRow, entryOf, entryRow } from "./statements/account.ts"
import { type BucketRow, bucketOf, bucketRow } from "./statements/bucket.ts"
import { type CampaignRow, campaignOf, campaignRow } from "./statements/campaign.ts"
import { type CouponRow, couponOf, couponRow } from "./statements/coupon.ts"
import { type OrderRow, orderOf, orderRow } from "./statements/order.ts"
import {
  type MovementRow,
  movementOf,
  movementRow,
  type ProductRow,
  productOf,
  productRow,
} from "./statements/product.ts"
import { homes, type ReceiptRow, receiptOf, receiptRow } from "./statements/receipt.ts"
import { rowsOf, texts } from "./text.ts"
import { statement } from "./wire.ts"

/** What a kind's or a log's records are read with. `numbers` says which parts of its key are. */
interface Table<R> {
  readonly rows: (json: string | null) => ReadonlyArray<R>
  readonly row: string
  readonly from: string
  readonly key: ReadonlyArray<string>
  readonly numbers: ReadonlyArray<string>
}

const table = <Row, R>(
  from: string,
  key: ReadonlyArray<string>,
  row: string,
  of: (row: Row) => R,
  numbers: ReadonlyArray<string> = [],
): Table<R> => ({ rows: (json) => rowsOf<Row>(json).map(of), row, from, key, numbers })

const tables: { readonly [K in KindName]: Table<RecordOf[K]> } = {
  account: table<AccountRow, RecordOf["account"]>("account", ["account_id"], accountRow, accountOf),
  coupon: table<CouponRow, RecordOf["coupon"]>("coupon", ["campaign_id", "account_id"], couponRow, couponOf),
  campaign: table<CampaignRow, RecordOf["campaign"]>("campaign", ["campaign_id"], campaignRow, campaignOf),
  order: table<OrderRow, RecordOf["order"]>("orders", ["order_id"], orderRow, orderOf),
  product: table<ProductRow, RecordOf["product"]>("product", ["product_id"], productRow, productOf),
  bucket: table<BucketRow, RecordOf["bucket"]>("bucket", ["product_id", "hour"], bucketRow, bucketOf, ["hour"]),
  receipt: table<ReceiptRow, RecordOf["receipt"]>("receipt", ["scope", "operation", "key"], receiptRow, receiptOf),
}

const ledgers: { readonly [L in Exclude<LogName, "event">]: Table<RowOf[L]> } = {
  entry: table<EntryRow, RowOf["entry"]>("entry", ["account_id", "seq"], entryRow, entryOf, ["seq"]),
  movement: table<MovementRow, RowOf["movement"]>("movement", ["product_id", "revision"], movementRow, movementOf, [
    "revision",
  ]),
}

/** A page of any list. (The port's own name for it is hidden by another `Page` of the core.) */
type AnyPage = Omit<Parameters<Reads["entries"]>[1], "after"> & { readonly after: string | number | undefined }

/** How a page goes on: past a cursor, in one direction. The bounds are parameters, so that there is one plan for all. */
const pageSql = (
  { row, from }: Pick<Table<unknown>, "row" | "from">,
  where: string,
  cursor: string,
  type: "text" | "bigint",
  newestFirst: boolean,
): string => {
  const [comparison, direction] = newestFirst ? ["<", "desc"] : [">", "asc"]
  const bound = type === "text" ? `$2::text collate "C"` : "$2::bigint"
  return `select json_agg(${row} order by r.${cursor} ${direction})::text from (
  select * from @.${from} where ${where} and ($2::${type} is null or ${cursor} ${comparison} ${bound})
  order by ${cursor} ${direction} limit $3::int
) r`
}

const paged = <R>(
  of: Table<R>,
  where: string,
  cursor: string,
  type: "text" | "bigint",
): ((line: Line, owner: string, page: AnyPage) => Effect.Effect<ReadonlyArray<R>, StoreFault>) => {
  const oldestFirst = pageSql(of, where, cursor, type, false)
  const newestFirst = pageSql(of, where, cursor, type, true)
  return (line, owner, page) => {
    const after = page.after === undefined ? null : String(page.after)
    const sql = page.newestFirst ? newestFirst : oldestFirst
    return Effect.map(ask(line, statement(sql, owner, after, String(page.limit))), of.rows)
  }
}

const entriesPage = paged(ledgers.entry, "account_id = $1", "seq", "bigint")
const movementsPage = paged(ledgers.movement, "product_id = $1", "revision", "bigint")
const couponsOfAccountPage = paged(tables.coupon, "account_id = $1", "campaign_id", "text")
const couponsOfCampaignPage = paged(tables.coupon, "campaign_id = $1", "ticket", "bigint")
const ordersOfAccountPage = paged(tables.order, "account_id = $1", "order_id", "text")
const ordersByReferencePage = paged(tables.order, "reference = $1", "order_id", "text")

const one = ({ row, from }: Table<unknown>, where: string): string =>
  `select json_build_array(${row})::text from @.${from} r where ${where}`
const oneAccount = one(tables.account, "r.account_id = $1")
const oneCampaign = one(tables.campaign, "r.campaign_id = $1")
const oneCoupon = one(tables.coupon, "r.campaign_id = $1 and r.account_id = $2")
const oneOrder = one(tables.order, "r.order_id = $1")
const oneReceipt = one({ ...tables.receipt, from: "receipts" }, "r.scope = $1 and r.operation = $2 and r.key = $3")
const someProducts = `select json_agg(${productRow} order by k.n)::text
from unnest($1::text[]) with ordinality k(product_id, n)
  cross join lateral (select * from @.product p where p.product_id = k.product_id offset 0) r`

/** Most first, ties by product id. Sums that a number cannot hold exactly stay at the highest one that it can. */
const top = `select json_agg(json_build_array(s.product_id, s.sold) order by s.sold desc, s.product_id)::text from (
  select b.product_id, least(sum(b.sold), 9007199254740991)::bigint as sold
  from @.bucket b where b.hour >= $1::bigint and b.hour < $2::bigint
  group by b.product_id
  having sum(b.sold) > 0 and not exists (select from @.product p where p.product_id = b.product_id and p.retired)
  order by 2 desc, 1 limit $3::int
) s`

type Sales = Effect.Success<ReturnType<Reads["top"]>>[number]

export const readsOn = (line: Line): Reads => {
  const first = <R>({ rows }: Table<R>, sql: string, ...params: ReadonlyArray<string>) =>
    Effect.map(ask(line, statement(sql, ...params)), (json) => rows(json)[0])
  return {
    account: (accountId) => first(tables.account, oneAccount, accountId),
    entries: (accountId, page) => entriesPage(line, accountId, page),
    products: (productIds) => Effect.map(ask(line, statement(someProducts, texts(productIds))), tables.product.rows),
    movements: (productId, page) => movementsPage(line, productId, page),
    campaign: (campaignId) => first(tables.campaign, oneCampaign, campaignId),
    coupon: (campaignId, accountId) => first(tables.coupon, oneCoupon, campaignId, accountId),
    couponsOfAccount: (accountId, page) => couponsOfAccountPage(line, accountId, page),
    couponsOfCampaign: (campaignId, page) => couponsOfCampaignPage(line, campaignId, page),
    order: (orderId) => first(tables.order, oneOrder, orderId),
    ordersOfAccount: (accountId, page) => ordersOfAccountPage(line, accountId, page),
    ordersByReference: (reference, page) => ordersByReferencePage(line, reference, page),
    top: ({ fromHour, untilHour, limit }) =>
      Effect.map(ask(line, statement(top, String(fromHour), String(untilHour), String(limit))), (json) =>
        rowsOf<readonly [Sales["productId"], Sales["sold"]]>(json).map(([productId, sold]) => ({ productId, sold })),
      ),
    receipt: (scope, operation, key) => first(tables.receipt, oneReceipt, scope, operation, key),
  }
}

/**
 * Rows by key, those after one: a comparison of whole keys, which the primary key answers in order. A key of fewer parts
 * stands before all that begin with it.
 */
const scanSql = ({ row, from, key, numbers }: Table<unknown>, parts: number): string => {
  const columns = key.join(", ")
  const bounds = key
    .slice(0, parts)
    .map((column, index) => `$${index + 2}::${numbers.includes(column) ? "bigint" : `text collate "C"`}`)
  const comparison = parts === key.length ? ">" : ">="
  const where = parts === 0 ? "" : `where (${key.slice(0, parts).join(", ")}) ${comparison} (${bounds.join(", ")})`
  return `select json_agg(${row} order by ${key.map((column) => `r.${column}`).join(", ")})::text from (
  select * from @.${from} ${where} order by ${columns} limit $1::int
) r`
}

const scanned = <R>(of: Table<R>) => {
  const byParts = Array.from({ length: of.key.length + 1 }, (_, parts) => scanSql(of, parts))
  return (line: Line, after: Key | undefined, limit: number): Effect.Effect<ReadonlyArray<R>, StoreFault> => {
    const bounds = (after ?? []).slice(0, of.key.length).map(String)
    return Effect.map(ask(line, statement(byParts[bounds.length] ?? "", String(limit), ...bounds)), of.rows)
  }
}

/** Receipts stand in several tables. Each gives its next keys by (scope, key), and the first of them all are the page. */
const scanReceiptsSql = `select json_agg(${receiptRow} order by k.scope, k.operation, k.key)::text from (
  select scope, operation, key from (
    (select scope, operation, key from @.receipt where (scope, operation, key) > ($2, $3, $4) order by scope, operation, key limit $1::int)
    ${Object.entries(homes)
      .map(
        ([from, operation], index) => `union all (select scope, '${operation}'::text collate "C", key from @.${from}
      where key is not null and (scope, key) > ($${5 + 2 * index}, $${6 + 2 * index}) order by scope, key limit $1::int)`,
      )
      .join("\n    ")}
  ) s order by scope, operation, key limit $1::int
) k cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r`

const scanReceipts: ReturnType<typeof scanned<RecordOf["receipt"]>> = (line, after, limit) => {
  const [scope = "", operation = "", key = ""] = (after ?? []).map(String)
  const bounds = Object.values(homes).flatMap((its) => {
    if (its === operation) return [scope, key]
    // Behind the scope, and before every one that follows it: no scope holds a control character.
    return its > operation ? [scope, ""] : [`${scope}\u0001`, ""]
  })
  const page = statement(scanReceiptsSql, String(limit), scope, operation, key, ...bounds)
  return Effect.map(ask(line, page), tables.receipt.rows)
}

const scans: { readonly [K in KindName]: ReturnType<typeof scanned<RecordOf[K]>> } = {
  account: scanned(tables.account),
  coupon: scanned(tables.coupon),
  campaign: scanned(tables.campaign),
  order: scanned(tables.order),
  product: scanned(tables.product),
  bucket: scanned(tables.bucket),
  receipt: scanReceipts,
}
const ledgerScans: { readonly [L in Exclude<LogName, "event">]: ReturnType<typeof scanned<RowOf[L]>> } = {
  entry: scanned(ledgers.entry),
  movement: scanned(ledgers.movement),
}

const archivedBefore = `select json_build_array(before)::text from @.archive`

export const scansOn = (line: Line): Pick<StoreShape, "scan" | "scanLog" | "archivedBefore"> => ({
  archivedBefore: Effect.map(ask(line, statement(archivedBefore)), (json) => rowsOf<number>(json)[0]),
  scan: (kind, after, limit) => scans[kind](line, after, limit),
  scanLog: (log, after, limit) => ledgerScans[log](line, after, limit),
})
