/**
 * Cancelling an order: points, coupon and stock go back exactly once, together.
 *
 * Works whatever became of the account, the campaign or the products meanwhile: a suspended account is refunded above
 * its limit, a retired product gets its units back. Only a completed order can no longer be cancelled.
 */
import { type Coupon, restore } from "../coupons/Coupon.ts"
import { type Account, type PointEntry, refund } from "../points/Account.ts"
import { hourOf, type SalesBucket, uncount } from "../popularity/SalesBucket.ts"
import type { AmountTooLarge, OrderAlreadyCompleted, OrderNotFound } from "../refusals.ts"
import { type Product, putBack, type StockMovement } from "../stock/Product.ts"
import type { AccountId, Cause, OrderId } from "../values.ts"
import type { Order } from "./Order.ts"
import type { OrderRecords } from "./placeOrder.ts"
import { mayCancel, stateAfter } from "./states.ts"

export interface CancelRequest {
  /** The owner of the order: a caller who names another account learns nothing about it. */
  readonly accountId: AccountId
  readonly orderId: OrderId
  /** False where the units do not come back, for example when they were damaged. */
  readonly restock: boolean
}

/** Everything that changes when an order is cancelled. */
export interface Cancelled {
  readonly order: Order
  readonly account: Account | undefined
  readonly entry: PointEntry | undefined
  readonly coupon: Coupon | undefined
  readonly products: ReadonlyArray<Product>
  readonly movements: ReadonlyArray<StockMovement>
  readonly buckets: ReadonlyArray<SalesBucket>
}

export type CancelRefusal = OrderNotFound | OrderAlreadyCompleted | AmountTooLarge

/** What changes, a refusal, or undefined where the order is cancelled already. */
export const cancelOrder = (
  order: Order,
  records: OrderRecords,
  request: CancelRequest,
  cause: Cause,
): Cancelled | undefined | CancelRefusal => {
  const { orderId } = order
  if (order.accountId !== request.accountId) return { _tag: "OrderNotFound", orderId }
  if (order.state === stateAfter.cancel) return undefined
  if (!mayCancel(order.state)) return { _tag: "OrderAlreadyCompleted", orderId }

  const refunded = refundOf(order, records, cause)
  if (refunded !== undefined && "_tag" in refunded) return refunded
  const returned = request.restock ? returnedOf(order, records, cause) : { products: [], movements: [] }
  if ("_tag" in returned) return returned

  return {
    order: {
      ...order,
      state: stateAfter.cancel,
      closed: { at: cause.at, commandId: cause.id, restocked: request.restock },
      version: order.version + 1,
    },
    account: refunded?.account,
    entry: refunded?.entry,
    coupon: restoredOf(order, records, cause),
    products: returned.products,
    movements: returned.movements,
    buckets: uncountedOf(order, records),
  }
}

const refundOf = (order: Order, records: OrderRecords, cause: Cause) => {
  const account = records.account(order.accountId)
  return order.paid === 0 || account === undefined ? undefined : refund(account, order.paid, order.orderId, cause)
}

// A coupon that was revoked while its order held it stays revoked.
const restoredOf = (order: Order, records: OrderRecords, cause: Cause): Coupon | undefined => {
  const coupon = order.campaignId === undefined ? undefined : records.coupon(order.campaignId, order.accountId)
  return coupon?.orderId === order.orderId ? restore(coupon, cause) : undefined
}

const returnedOf = (
  order: Order,
  records: OrderRecords,
  cause: Cause,
): { readonly products: Array<Product>; readonly movements: Array<StockMovement> } | AmountTooLarge => {
  const returned: { products: Array<Product>; movements: Array<StockMovement> } = { products: [], movements: [] }
  for (const line of order.lines) {
    const product = records.product(line.productId)
    if (product === undefined) continue
    const shifted = putBack(product, line.quantity, order.orderId, cause)
    if ("_tag" in shifted) return shifted
    returned.products.push(shifted.product)
    returned.movements.push(shifted.movement)
  }
  return returned
}

const uncountedOf = (order: Order, records: OrderRecords): Array<SalesBucket> => {
  const hour = hourOf(order.placedAt)
  return order.lines.flatMap((line) => {
    const bucket = records.bucket(line.productId, hour)
    return bucket === undefined ? [] : [uncount(bucket, line.quantity)]
  })
}
