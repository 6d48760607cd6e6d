/**
 * Loading the records of some keys: all of them in one statement, which is one snapshot; or kind by kind under locks.
 */
import { type Keys, type KindName, type Records, recordsOf } from "@holdfast/core"
import { type AccountRow, accountOf, lockAccounts, readAccounts } from "./statements/account.ts"
import { type BucketRow, bucketKeys, bucketOf, lockBuckets, readBuckets } from "./statements/bucket.ts"
import { type CampaignRow, campaignOf, lockCampaigns, readCampaigns } from "./statements/campaign.ts"
import { type CouponRow, couponKeys, couponOf, lockCoupons, readCoupons } from "./statements/coupon.ts"
import { lockOrders, type OrderRow, orderOf, readOrders } from "./statements/order.ts"
import { lockProducts, type ProductRow, productOf, readProducts } from "./statements/product.ts"
import { type ReceiptRow, readReceipts, receiptKeys, receiptOf } from "./statements/receipt.ts"
import { rowsOf, texts } from "./text.ts"
import { type Statement, statement } from "./wire.ts"

type AllRows = readonly [
  ReadonlyArray<AccountRow> | null,
  ReadonlyArray<CouponRow> | null,
  ReadonlyArray<CampaignRow> | null,
  ReadonlyArray<OrderRow> | null,
  ReadonlyArray<ProductRow> | null,
  ReadonlyArray<BucketRow> | null,
  ReadonlyArray<ReceiptRow> | null,
]

/** Every kind in one statement, so that all of them are as of one moment and a refusal on them is final. */
const snapshot = `select json_build_array(
(${readAccounts("$1")}),
(${readCoupons("$2", "$3")}),
(${readCampaigns("$4")}),
(${readOrders("$5")}),
(${readProducts("$6")}),
(${readBuckets("$7", "$8")}),
(${readReceipts("$9", "$10", "$11")})
)::text`

export const snapshotStatement = (keys: Keys): Statement =>
  statement(
    snapshot,
    ids(keys, "account"),
    ...couponKeys(keys.of("coupon")),
    ids(keys, "campaign"),
    ids(keys, "order"),
    ids(keys, "product"),
    ...bucketKeys(keys.of("bucket")),
    ...receiptKeys(keys.of("receipt")),
  )

export const snapshotOf = (json: string | null | undefined): Records => {
  const [accounts, coupons, campaigns, orders, products, buckets, receipts] = kindsOf(json)
  return recordsOf({
    account: (accounts ?? []).map(accountOf),
    coupon: (coupons ?? []).map(couponOf),
    campaign: (campaigns ?? []).map(campaignOf),
    order: (orders ?? []).map(orderOf),
    product: (products ?? []).map(productOf),
    bucket: (buckets ?? []).map(bucketOf),
    receipt: (receipts ?? []).map(receiptOf),
  })
}

const kindsOf = (json: string | null | undefined): AllRows | readonly [] =>
  // biome-ignore lint/plugin/casts: the statement above built this JSON, one array for each kind
  rowsOf<never>(json) as unknown as AllRows

/** One statement of a locked load, and the kind it locks. */
export interface LockStatement {
  readonly kind: KindName
  readonly statement: Statement
}

const readReceiptsAlone = `select (${readReceipts("$1", "$2", "$3")})::text`

/**
 * The statements that lock the keys, in the one order of kinds that everybody keeps, and read the receipts last. They are
 * separate statements on purpose: a read beside `for update` in one statement would show what was before the wait.
 */
export const lockStatements = (keys: Keys): ReadonlyArray<LockStatement> => {
  const statements: Array<LockStatement> = []
  const add = (kind: KindName, sql: string, params: () => ReadonlyArray<string>): void => {
    if (keys.of(kind).length > 0) statements.push({ kind, statement: statement(sql, ...params()) })
  }
  add("account", lockAccounts, () => [ids(keys, "account")])
  add("coupon", lockCoupons, () => couponKeys(keys.of("coupon")))
  add("campaign", lockCampaigns, () => [ids(keys, "campaign")])
  add("order", lockOrders, () => [ids(keys, "order")])
  add("product", lockProducts, () => [ids(keys, "product")])
  add("bucket", lockBuckets, () => bucketKeys(keys.of("bucket")))
  add("receipt", readReceiptsAlone, () => receiptKeys(keys.of("receipt")))
  return statements
}

/** The records out of the replies to `lockStatements`. */
export const lockedOf = (statements: ReadonlyArray<LockStatement>, values: ReadonlyArray<string | null>): Records => {
  const of = (kind: KindName): string | null | undefined =>
    values[statements.findIndex((statement) => statement.kind === kind)]
  return recordsOf({
    account: rowsOf<AccountRow>(of("account")).map(accountOf),
    coupon: rowsOf<CouponRow>(of("coupon")).map(couponOf),
    campaign: rowsOf<CampaignRow>(of("campaign")).map(campaignOf),
    order: rowsOf<OrderRow>(of("order")).map(orderOf),
    product: rowsOf<ProductRow>(of("product")).map(productOf),
    bucket: rowsOf<BucketRow>(of("bucket")).map(bucketOf),
    receipt: rowsOf<ReceiptRow>(of("receipt")).map(receiptOf),
  })
}

const ids = (keys: Keys, kind: KindName): string => texts(keys.of(kind).map(([id]) => String(id)))
