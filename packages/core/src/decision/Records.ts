/**
 * What a decision looks at: the current records of some keys.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Order } from "../orders/Order.ts"
import type { OrderRecords } from "../orders/placeOrder.ts"
import type { AccountId, CampaignId, IdempotencyKey, Key, OrderId, Scope } from "../values.ts"
import { compareKeys, keyText } from "../values.ts"
import { type KindName, kinds, type RecordOf } from "./kinds.ts"
import type { Receipt } from "./Receipt.ts"

/** Current records by key; undefined where there is none. Never changed by a decision. */
export interface Records extends OrderRecords {
  campaign(campaignId: CampaignId): Campaign | undefined
  coupon(campaignId: CampaignId, accountId: AccountId): Coupon | undefined
  order(orderId: OrderId): Order | undefined
  receipt(scope: Scope, operation: string, key: IdempotencyKey): Receipt | undefined
}

/** The keys that a decision needs, per kind: without duplicates, sorted by bytes, so that locks are taken in order. */
export interface Keys {
  readonly of: (kind: KindName) => ReadonlyArray<Key>
}

/** Records as an adapter loads them: in any order, absent ones left out. */
export type Loaded = { readonly [K in KindName]?: ReadonlyArray<RecordOf[K]> }

/** Gives loaded records the form in which decisions look at them. */
export const recordsOf = (loaded: Loaded): Records => {
  const maps = {
    account: mapOf("account", loaded.account),
    coupon: mapOf("coupon", loaded.coupon),
    campaign: mapOf("campaign", loaded.campaign),
    order: mapOf("order", loaded.order),
    product: mapOf("product", loaded.product),
    bucket: mapOf("bucket", loaded.bucket),
    receipt: mapOf("receipt", loaded.receipt),
  }
  return {
    account: (accountId) => maps.account.get(accountId),
    product: (productId) => maps.product.get(productId),
    campaign: (campaignId) => maps.campaign.get(campaignId),
    order: (orderId) => maps.order.get(orderId),
    coupon: (campaignId, accountId) => maps.coupon.get(keyText([campaignId, accountId])),
    bucket: (productId, hour) => maps.bucket.get(keyText([productId, hour])),
    receipt: (scope, operation, key) => maps.receipt.get(keyText([scope, operation, key])),
  }
}

const mapOf = <K extends KindName>(
  kind: K,
  records: ReadonlyArray<RecordOf[K]> = [],
): ReadonlyMap<string, RecordOf[K]> => new Map(records.map((record) => [keyText(kinds[kind].keyOf(record)), record]))

/** Collects keys; `of` sorts them when an adapter asks. A store that needs no keys costs nothing here. */
export const keysOf = (collect: (add: (kind: KindName, key: Key) => void) => void): Keys => {
  let sorted: ReadonlyMap<KindName, ReadonlyArray<Key>> | undefined
  return {
    of: (kind) => {
      sorted ??= sortedKeys(collect)
      return sorted.get(kind) ?? []
    },
  }
}

const sortedKeys = (collect: (add: (kind: KindName, key: Key) => void) => void) => {
  const collected = new Map<KindName, Map<string, Key>>()
  collect((kind, key) => {
    const ofKind = collected.get(kind) ?? new Map<string, Key>()
    collected.set(kind, ofKind.set(keyText(key), key))
  })
  return new Map(
    Array.from(collected, ([kind, ofKind]) => [kind, Array.from(ofKind.values()).sort(compareKeys)] as const),
  )
}
