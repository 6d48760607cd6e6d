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
import {
  hasHome,
  homes,
  type ReceiptRow,
  readReceipts,
  readReceiptsOf,
  receiptKeys,
  receiptKeysOfOne,
  receiptOf,
} from "./statements/receipt.ts"
import { rowsOf, texts } from "./text.ts"
import { type Statement, statement } from "./wire.ts"

/** How the records of one kind are found, or those receipts that have the same home. */
interface Reading {
  readonly name: string
  readonly kind: KindName
  /** A query, given the names of its parameters. */
  readonly read: (...params: ReadonlyArray<string>) => string
  readonly lock: string
  /** How many parameters its keys make. */
  readonly size: number
  readonly params: (keys: ReadonlyArray<Key>) => ReadonlyArray<string>
  /** Which of the keys of its kind it reads; all of them where it does not say. */
  readonly reads?: (key: Key) => boolean
}

const oneId = (kind: KindName, read: (ids: string) => string, lock: string): Reading => ({
  name: kind,
  kind,
  read: (ids = "") => read(ids),
  lock,
  size: 1,
  params: (keys) => [texts(keys.map(([id]) => String(id)))],
})

/** In the one order of kinds that everybody locks in. Receipts are read last and not locked. */
const readings: ReadonlyArray<Reading> = [
  oneId("account", readAccounts, lockAccounts),
  {
    name: "coupon",
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
    name: "bucket",
    kind: "bucket",
    read: (products = "", hours = "") => readBuckets(products, hours),
    lock: lockBuckets,
    size: 2,
    params: bucketKeys,
  },
  // Nearly all batches are of these alone, and each is looked for in its own table.
  ...Object.values(homes).map(
    (operation): Reading => ({
      name: operation,
      kind: "receipt",
      read: (scopes = "", keys = "") => readReceiptsOf(operation, scopes, keys),
      lock: `select (${readReceiptsOf(operation, "$1", "$2")})::text`,
      size: 2,
      params: receiptKeysOfOne,
      reads: ([, asked]) => asked === operation,
    }),
  ),
  {
    name: "receipt",
    kind: "receipt",
    read: (scopes = "", operations = "", keys = "") => readReceipts(scopes, operations, keys),
    lock: `select (${readReceipts("$1", "$2", "$3")})::text`,
    size: 3,
    params: receiptKeys,
    reads: ([, operation]) => !hasHome(operation),
  },
]

interface Asked extends Reading {
  readonly keys: ReadonlyArray<Key>
}

const askedOf = (keys: Keys): ReadonlyArray<Asked> => {
  const asked: Array<Asked> = []
  for (const reading of readings) {
    const all = keys.of(reading.kind)
    const its = reading.reads === undefined ? all : all.filter(reading.reads)
    if (its.length > 0) asked.push({ ...reading, keys: its })
  }
  return asked
}

/** A statement that reads records, and what to make of its reply. */
export interface Snapshot {
  readonly statement: Statement
  readonly recordsOf: (json: string | null | undefined) => Records
}

/** By what they read: a kind that nobody asks for would cost its share of a lone command's time. */
const snapshots = new Map<string, string>()

/** Every kind in one statement, so that all of them are as of one moment and a refusal on them is final. */
export const snapshotOf = (keys: Keys): Snapshot => {
  const asked = askedOf(keys)
  const name = asked.map((reading) => reading.name).join()
  const sql = snapshots.get(name) ?? snapshotSql(asked)
  snapshots.set(name, sql)
  return {
    statement: statement(sql, ...asked.flatMap((each) => each.params(each.keys))),
    recordsOf: (json) => recordsFrom(asked, rowsOf<ReadonlyArray<never> | null>(json)),
  }
}

const snapshotSql = (asked: ReadonlyArray<Reading>): string => {
  let last = 0
  const reads = asked.map(({ read, size }) => `(${read(...Array.from({ length: size }, () => `$${++last}`))})`)
  return `select json_build_array(\n${reads.join(",\n")}\n)::text`
}

/** One statement of a locked load, and the kind it locks. */
export interface LockStatement extends Statement {
  readonly kind: KindName
}

/** The statements of a locked load, and what to make of their replies. */
export interface Locks {
  readonly statements: ReadonlyArray<LockStatement>
  readonly recordsOf: (replies: ReadonlyArray<string | null>) => Records
}

/**
 * The statements that lock the keys and read the receipts. They are separate statements on purpose: a read beside
 * `for update` in one statement would show what was before the wait.
 */
export const locksOf = (keys: Keys): Locks => {
  const asked = askedOf(keys)
  return {
    statements: asked.map(({ kind, lock, params, keys: its }) => ({
      kind,
      ...statement(lock, ...params(its)),
    })),
    recordsOf: (replies) =>
      recordsFrom(
        asked,
        asked.map((_, index) => rowsOf<never>(replies[index])),
      ),
  }
}

const recordsFrom = (
  asked: ReadonlyArray<Reading>,
  replies: ReadonlyArray<ReadonlyArray<never> | null | undefined>,
): Records => {
  const rows = <Row>(kind: KindName): ReadonlyArray<Row> =>
    asked.flatMap((reading, index) => (reading.kind === kind ? (replies[index] ?? []) : []))
  return recordsOf({
    account: rows<AccountRow>("account").map(accountOf),
    coupon: rows<CouponRow>("coupon").map(couponOf),
    campaign: rows<CampaignRow>("campaign").map(campaignOf),
    order: rows<OrderRow>("order").map(orderOf),
    product: rows<ProductRow>("product").map(productOf),
    bucket: rows<BucketRow>("bucket").map(bucketOf),
    receipt: rows<ReceiptRow>("receipt").map(receiptOf),
  })
}
