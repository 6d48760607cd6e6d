/**
 * An order: names and prices as they were, what was taken off, what was paid, and where it stands.
 *
 * Everything but the state is fixed when the order is placed; `states.ts` has the states and their moves.
 */
import type { OrderAlreadyCancelled } from "../refusals.ts"
import type { AccountId, Amount, CampaignId, Cause, OrderId, ProductId, Quantity } from "../values.ts"
import { mayComplete, type OrderState, stateAfter } from "./states.ts"

export interface Order {
  /** The order. */
  readonly orderId: OrderId
  /** The buyer. */
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
  /** Where it stands: a placed order may be completed or cancelled, and then stays so. */
  readonly state: OrderState
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
  /** The product. */
  readonly productId: ProductId
  /** What the product was called when the order was placed. */
  readonly name: string
  /** What one unit cost when the order was placed. */
  readonly unitPrice: Amount
  /** The units. */
  readonly quantity: Quantity
  /** This line's share of the order's discount. Shares add up exactly. */
  readonly discount: Amount
  /** This line's share of the amount paid. Shares add up exactly. */
  readonly paid: Amount
}

/** JSON of the host's, at most 4,096 bytes as text. What JSON would change is refused. */
export type Metadata = { readonly [field: string]: unknown }

/** The same JSON as a value of its own: nobody who holds the one can change the other. */
export const copyOfMetadata = (metadata: Metadata): Metadata => JSON.parse(JSON.stringify(metadata))

/** Completes a placed order, which ends its cancellability; undefined where it is completed already. */
export const completeOrder = (order: Order, cause: Cause): Order | undefined | OrderAlreadyCancelled => {
  if (order.state === stateAfter.complete) return undefined
  if (!mayComplete(order.state)) return { _tag: "OrderAlreadyCancelled", orderId: order.orderId }
  return {
    ...order,
    state: stateAfter.complete,
    closed: { at: cause.at, commandId: cause.id, restocked: false },
    version: order.version + 1,
  }
}
