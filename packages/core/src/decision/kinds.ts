/**
 * The kinds of record and of log that exist, described as data.
 *
 * An adapter may give each kind its own table, or keep all of them in two generic ones: everything it needs to know of a
 * kind it has never heard of stands here.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Event } from "../events/Event.ts"
import type { Order } from "../orders/Order.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import type { SalesBucket } from "../popularity/SalesBucket.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { Key } from "../values.ts"
import type { Receipt } from "./Receipt.ts"

/** The record of each kind: a current value under a key. */
export interface RecordOf {
  readonly account: Account
  readonly coupon: Coupon
  readonly campaign: Campaign
  readonly order: Order
  readonly product: Product
  readonly bucket: SalesBucket
  readonly receipt: Receipt
}
export type KindName = keyof RecordOf

/** The row of each log: appended, never changed. */
export interface RowOf {
  readonly entry: PointEntry
  readonly movement: StockMovement
  readonly event: Event
}
export type LogName = keyof RowOf

export interface Kind<K extends KindName = KindName> {
  readonly name: K
  readonly keyOf: (record: RecordOf[K]) => Key
  /** Numbers that move by addition. Everything else is terms, guarded by the record's `version` where it has one. */
  readonly counters: ReadonlyArray<keyof RecordOf[K] & string>
  /** Receipts are read last and never locked; every other kind is locked, in the order of `kinds`. */
  readonly locked: boolean
}

export interface Log<L extends LogName = LogName> {
  readonly name: L
  /** The kind of record whose counters the rows tell: a row's `seq` and `balance` are its account's right after it. */
  readonly of: L extends "event" ? undefined : KindName
  /** Rows of one key are in order and without gaps where the key ends in a position. */
  readonly keyOf: (row: RowOf[L]) => Key
}

/** Every kind, keyed by its name, in the one order in which adapters lock: the hottest kinds last. */
export const kinds: { readonly [K in KindName]: Kind<K> } = {
  account: {
    name: "account",
    keyOf: ({ accountId }) => [accountId],
    counters: ["balance", "seq"],
    locked: true,
  },
  coupon: {
    name: "coupon",
    keyOf: ({ campaignId, accountId }) => [campaignId, accountId],
    counters: [],
    locked: true,
  },
  campaign: { name: "campaign", keyOf: ({ campaignId }) => [campaignId], counters: ["issued"], locked: true },
  order: { name: "order", keyOf: ({ orderId }) => [orderId], counters: [], locked: true },
  product: {
    name: "product",
    keyOf: ({ productId }) => [productId],
    counters: ["onHand", "revision"],
    locked: true,
  },
  bucket: { name: "bucket", keyOf: ({ productId, hour }) => [productId, hour], counters: ["sold"], locked: true },
  receipt: {
    name: "receipt",
    keyOf: ({ scope, operation, key }) => [scope, operation, key],
    counters: [],
    locked: false,
  },
}

/** The names of all kinds in lock order. */
export const kindNames: ReadonlyArray<KindName> = [
  "account",
  "coupon",
  "campaign",
  "order",
  "product",
  "bucket",
  "receipt",
]

/** Every log, keyed by its name. */
export const logs: { readonly [L in LogName]: Log<L> } = {
  entry: { name: "entry", of: "account", keyOf: ({ accountId, seq }) => [accountId, seq] },
  movement: { name: "movement", of: "product", keyOf: ({ productId, revision }) => [productId, revision] },
  event: { name: "event", of: undefined, keyOf: ({ id }) => [id] },
}
