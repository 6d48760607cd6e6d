/**
 * The envelope of every fact that leaves the engine: exactly one event per accepted command, written in its commit.
 *
 * `data` holds what happened. A balance stands in it where it is exact, which is after a charge and an adjustment; an order
 * tells neither the balance after it nor the stock left, which a store may still move. The host's metadata is never in it.
 */
import type { CommandId } from "../values.ts"

export interface Event {
  /** Unique, sorts by time: the id of the command that made it. Consumers deduplicate by it. */
  readonly id: CommandId
  /** What happened, for example `orders.placed`. */
  readonly type: EventType
  /** The version of `data`'s shape for this type. */
  readonly version: 1
  /** Milliseconds since 1970: when the command was admitted. Times never order anything; delivery order per key does. */
  readonly occurredAt: number
  /** The thing it happened to. */
  readonly aggregate: {
    /** What kind of thing. */
    readonly type: "account" | "product" | "campaign" | "order"
    /** Its id. */
    readonly id: string
  }
  /** Events of one key are delivered in the order of their commits. The account for points and orders. */
  readonly key: string
  readonly data: EventData
}

/** JSON only, so that every store and bus keeps it as it is. */
export type EventData = { readonly [field: string]: EventValue | undefined }
export type EventValue =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<EventValue>
  | { readonly [field: string]: EventValue | undefined }

export type EventType =
  | "points.opened"
  | "points.suspended"
  | "points.resumed"
  | "points.closed"
  | "points.charged"
  | "points.adjusted"
  | "stock.registered"
  | "stock.restocked"
  | "stock.adjusted"
  | "stock.priceChanged"
  | "stock.renamed"
  | "stock.retired"
  | "coupons.campaignCreated"
  | "coupons.campaignOpened"
  | "coupons.campaignPaused"
  | "coupons.campaignClosed"
  | "coupons.limitChanged"
  | "coupons.issued"
  | "coupons.revoked"
  | "orders.placed"
  | "orders.completed"
  | "orders.cancelled"
