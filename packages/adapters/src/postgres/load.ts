/**
 * Loading the records of some keys: all of them in one statement, which is one snapshot; or kind by kind under locks.
 */
import { type Key, type Keys, type KindName, type Records, recordsOf } from "@holdfast/core"
import { type AccountRow, accountOf, lockAccounts, readAccounts } from "./statements/account.ts"
import { type BucketRow, bucketKeys, bucketOf, lockBuckets, readBuckets } from "./statements/bucket.ts"
import { type CampaignRow, campaignOf, lockCampaigns, readCampaigns } from "./statements/campaign.ts"
import { type CouponRow, couponKeys, couponOf, lockCoupons, readCoupons } from "./statements/coupon.ts"
import { lockOrders, type OrderRow, orderOf, readOrders } from "./statements/order.ts"
import { lockProducts, type ProductRow, productOf, readProducts } from "./statements/product.ts"
import { type ReceiptRow, readReceipts, receiptKeys, receiptOf } from "./statements/receipt.ts"
import { rowsOf, texts } from "./text.ts"
import { type Statement, statement } from "./wire.ts"

/** How the records of one kind are found. */
interface Reading {
  readonly kind: KindName
  /** A query, given the names of its parameters. */
  readonly read: (...params: ReadonlyArray<string>) => string
  readonly lock: string
  /** How many parameters its keys make. */
  readonly size: number
  readonly params: (keys: ReadonlyArray<Key>) => ReadonlyArray<string>
}

const ids = (keys: ReadonlyArray<Key>): ReadonlyArray<string> => [texts(keys.map(([id]) => String(id)))]

const oneId = (kind: KindName, read: (ids: string) => string, lock: string): Reading => ({
  kind,
  read: (all = "") => read(all),
  lock,
  size: 1,
  params: ids,
})

/** In the one order of kinds that everybody locks in. Receipts are read last, and not locked. */
const readings: ReadonlyArray<Reading> = [
  oneId("account", readAccounts, lockAccounts),
  {
    kind: "coupon",
    read: (campaigns = "", accounts = "") => readCoupons(campaigns, accounts),
    lock: lockCoupons,
    size: 2,
    params: couponKeys,
  },
  oneId("campaign", readCampaigns, lockCampaigns),
  oneId("order", readOrders, lockOrders),
  oneId("product", readProducts, lockProducts),
  {
    kind: "bucket",
    read: (products = "", hours = "") => readBuckets(products, hours),
    lock: lockBuckets,
    size: 2,
    params: bucketKeys,
  },
  {
    kind: "receipt",
    read: (scopes = "", operations = "", keys = "") => readReceipts(scopes, operations, keys),
    lock: `select (${readReceipts("$1", "$2", "$3")})::text`,
    size: 3,
    params: receiptKeys,
  },
]

const askedOf = (keys: Keys): ReadonlyArray<Reading> => readings.filter(({ kind }) => keys.of(kind).length > 0)

/** By the kinds they read: a kind that nobody asks for would cost its share of a lone command's time. */
const snapshots = new Map<string, string>()

/** Every kind in one statement, so that all of them are as of one moment and a refusal on them is final. */
export const snapshotStatement = (keys: Keys): Statement => {
  const asked = askedOf(keys)
  const name = asked.map(({ kind }) => kind).join()
  const sql = snapshots.get(name) ?? snapshotSql(asked)
  snapshots.set(name, sql)
  return statement(sql, ...asked.flatMap(({ kind, params }) => params(keys.of(kind))))
}

const snapshotSql = (asked: ReadonlyArray<Reading>): string => {
  let last = 0
  const reads = asked.map(({ read, size }) => `(${read(...Array.from({ length: size }, () => `$${++last}`))})`)
  return `select json_build_array(\n${reads.join(",\n")}\n)::text`
}

/** The records out of the reply to `snapshotStatement`. */
export const snapshotOf = (keys: Keys, json: string | null | undefined): Records => {
  const asked = askedOf(keys)
  const all = rowsOf<ReadonlyArray<never> | null>(json)
  return recordsFrom((kind) => all[asked.findIndex((reading) => reading.kind === kind)] ?? [])
}

/** One statement of a locked load, and the kind it locks. */
export interface LockStatement {
  readonly kind: KindName
  readonly statement: Statement
}

/**
 * The statements that lock the keys and read the receipts. They are separate statements on purpose: a read beside
 * `for update` in one statement would show what was before the wait.
 */
export const lockStatements = (keys: Keys): ReadonlyArray<LockStatement> =>
  askedOf(keys).map(({ kind, lock, params }) => ({ kind, statement: statement(lock, ...params(keys.of(kind))) }))

/** The records out of the replies to `lockStatements`. */
export const lockedOf = (statements: ReadonlyArray<LockStatement>, values: ReadonlyArray<string | null>): Records =>
  recordsFrom((kind) => rowsOf(values[statements.findIndex((statement) => statement.kind === kind)]))

const recordsFrom = (rows: <Row>(kind: KindName) => ReadonlyArray<Row>): Records =>
  recordsOf({
    account: rows<AccountRow>("account").map(accountOf),
    coupon: rows<CouponRow>("coupon").map(couponOf),
    campaign: rows<CampaignRow>("campaign").map(campaignOf),
    order: rows<OrderRow>("order").map(orderOf),
    product: rows<ProductRow>("product").map(productOf),
    bucket: rows<BucketRow>("bucket").map(bucketOf),
    receipt: rows<ReceiptRow>("receipt").map(receiptOf),
  })
