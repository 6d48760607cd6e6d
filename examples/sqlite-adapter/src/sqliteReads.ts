/**
 * The reads: each is one statement, and so one snapshot.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite"
import {
  type Key,
  type LedgerName,
  type OrderPage,
  type OrderPlace,
  orderPageOf,
  type PageRequest,
  type StoreShape,
} from "@holdfast/core/ports"
import { afterColumn, keyColumn, step } from "./sqlite.ts"

export const readsOf = (database: DatabaseSync): Pick<StoreShape, "reads" | "scan" | "scanLog"> => {
  const one = database.prepare("select json from record where kind = ? and key = ?")
  const get = (kind: string, ...key: Key) => jsonOf(one.all(kind, keyColumn(key)))[0]

  /** A page of rows whose `column` follows the cursor. Statements differ by direction and by whether there is a cursor. */
  const page = (
    from: string,
    column: string,
    owner: ReadonlyArray<SQLInputValue>,
    { after, limit, newestFirst }: PageRequest<SQLInputValue>,
  ) => {
    const beyond = after === undefined ? "" : `and ${column} ${newestFirst ? "<" : ">"} ?`
    const statement = database.prepare(
      `select json from ${from} ${beyond} order by ${column} ${newestFirst ? "desc" : "asc"} limit ?`,
    )
    return jsonOf(statement.all(...owner, ...(after === undefined ? [] : [after]), limit))
  }
  const ledger = (log: LedgerName, owner: string, asked: PageRequest<number>) => {
    const cursor = asked.after === undefined ? undefined : keyColumn([owner, asked.after])
    const bounds = [log, keyColumn([owner, 0]), keyColumn([owner, Number.MAX_SAFE_INTEGER])]
    return page("log where log = ? and key between ? and ?", "key", bounds, { ...asked, after: cursor })
  }
  /** By the numbers of their rows, one more than asked for: whoever asks is told whether there is more. */
  const orders = (owner: string, of: string, { after, limit, newestFirst }: PageRequest<OrderPlace>): OrderPage => {
    const [beyond, direction] = newestFirst ? ["<", "desc"] : [">", "asc"]
    const statement = database.prepare(
      `select position, json from record where kind = 'order' and ${owner} = ? and position ${beyond} ? order by position ${direction} limit ?`,
    )
    const end = newestFirst ? Number.MAX_SAFE_INTEGER : 0
    const rows = statement.all(of, after?.position ?? end, limit + 1)
    const positions = rows.map(({ position }) => Number(position))
    return orderPageOf(
      jsonOf(rows).map((order, index) => ({ order, position: positions[index] ?? 0 })),
      limit,
    )
  }
  const sums = database.prepare(`
    select bucket.productId, sum(bucket.sold) as sold
    from (select json ->> '$.productId' as productId, json ->> '$.hour' as hour, json ->> '$.sold' as sold from record where kind = 'bucket') as bucket
    join record as product on product.kind = 'product' and product.key = bucket.productId
    where bucket.hour >= ? and bucket.hour < ? and product.json ->> '$.retired' = 0
    group by bucket.productId having sum(bucket.sold) > 0 order by sold desc, bucket.productId limit ?`)
  const records = database.prepare("select json from record where kind = ? and key > ? order by key limit ?")
  const rows = database.prepare("select json from log where log = ? and key > ? order by key limit ?")

  return {
    reads: {
      account: (accountId) => step(() => get("account", accountId)),
      entries: (accountId, asked) => step(() => ledger("entry", accountId, asked)),
      products: (productIds) => step(() => productIds.flatMap((productId) => get("product", productId) ?? [])),
      movements: (productId, asked) => step(() => ledger("movement", productId, asked)),
      campaign: (campaignId) => step(() => get("campaign", campaignId)),
      coupon: (campaignId, accountId) => step(() => get("coupon", campaignId, accountId)),
      couponsOfAccount: (accountId, asked) =>
        step(() =>
          page(
            "record where kind = 'coupon' and json ->> '$.accountId' = ?",
            "json ->> '$.campaignId'",
            [accountId],
            asked,
          ),
        ),
      couponsOfCampaign: (campaignId, asked) =>
        step(() =>
          page(
            "record where kind = 'coupon' and json ->> '$.campaignId' = ?",
            "cast(json ->> '$.ticket' as integer)",
            [campaignId],
            asked,
          ),
        ),
      order: (orderId) => step(() => get("order", orderId)),
      ordersOfAccount: (accountId, asked) => step(() => orders("json ->> '$.accountId'", accountId, asked)),
      ordersByReference: (reference, asked) => step(() => orders("json ->> '$.reference'", reference, asked)),
      top: ({ fromHour, untilHour, limit }) =>
        step(() => JSON.parse(JSON.stringify(sums.all(fromHour, untilHour, limit)))),
      receipt: (scope, operation, key) => step(() => get("receipt", scope, operation, key)),
    },
    scan: (kind, after, limit) => step(() => jsonOf(records.all(kind, afterColumn(after), limit))),
    scanLog: (log, after, limit) => step(() => jsonOf(rows.all(log, afterColumn(after), limit))),
  }
}

/** What was stored, as it was given: the types of its kind are known by whoever asked. */
const jsonOf = (rows: ReadonlyArray<Record<string, unknown>>) => rows.map(({ json }) => JSON.parse(String(json)))
