/**
 * An order: names and prices as they were, what was taken off, what was paid, and where it stands.
 *
 * placed → completed | cancelled. Everything but the state is fixed when the order is placed.
 */
import type { OrderAlreadyCancelled } from "../refusals.ts"
import type { AccountId, Amount, CampaignId, Cause, OrderId, ProductId, Quantity } from "../values.ts"

export interface Order {
  readonly orderId: OrderId
  readonly accountId: AccountId
  /** One line per product, sorted by product id. */
  readonly lines: ReadonlyArray<OrderLine>
  /** Σ unit price × quantity. */
  readonly total: Amount
  /** What the coupon took off: at most the total. */
  readonly discount: Amount
  /** total − discount: the points that were spent. 0 is legal. */
  readonly paid: Amount
  /** The campaign whose coupon was redeemed. */
  readonly campaignId: CampaignId | undefined
  /** The host's own name for this order; part of the intention. */
  readonly reference: string | undefined
  /** The host's own notes; not part of the intention, never in events. */
  readonly metadata: Metadata | undefined
  readonly state: "placed" | "completed" | "cancelled"
  readonly placedAt: number
  /** When it was completed or cancelled, and by which command. */
  readonly closed: { readonly at: number; readonly commandId: string; readonly restocked: boolean } | undefined
  /** Terms change with the state, and `version` with them. */
  readonly version: number
}

/** A type alias, so that events can carry lines as the JSON that they are. */
export type OrderLine = {
  /** `<orderId>-<n>`, n from 1 in the order of product ids. */
  readonly lineId: string
  readonly productId: ProductId
  readonly name: string
  readonly unitPrice: Amount
  readonly quantity: Quantity
  /** This line's share of the order's discount and of the amount paid. Shares add up exactly. */
  readonly discount: Amount
  readonly paid: Amount
}

/** JSON of the host's, at most 4 KB as text. */
export type Metadata = { readonly [field: string]: unknown }

/** The same JSON as a value of its own: nobody who holds the one can change the other. */
export const copyOfMetadata = (metadata: Metadata): Metadata => JSON.parse(JSON.stringify(metadata))

/** Completes a placed order, which ends its cancellability; undefined where it is completed already. */
export const completeOrder = (order: Order, cause: Cause): Order | undefined | OrderAlreadyCancelled => {
  if (order.state === "completed") return undefined
  if (order.state === "cancelled") return { _tag: "OrderAlreadyCancelled", orderId: order.orderId }
  return {
    ...order,
    state: "completed",
    closed: { at: cause.at, commandId: cause.id, restocked: false },
    version: order.version + 1,
  }
}
