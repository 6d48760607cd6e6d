/**
 * Lists of orders, which callers page through while others buy.
 *
 * An order gets its id before it is committed, and may be committed behind one that got its id later. So a list in the
 * order of ids would pass over it. A store gives each order a position at its commit instead, and lists by that.
 */
import type { Order } from "../orders/Order.ts"
import type { OrderId } from "../values.ts"

/** Where an order stands in a list: its position, and its id, by which those of one position are sorted (by bytes). */
export interface OrderPlace {
  /** A whole number, which means nothing outside of its list and store. */
  readonly position: number
  readonly orderId: OrderId
}

/** An order with its position in the list that was asked for. */
export interface ListedOrder {
  readonly order: Order
  readonly position: number
}

export interface OrderPage {
  readonly listed: ReadonlyArray<ListedOrder>
  /**
   * Whether there is more behind this page: also where it is committed and only cannot be shown yet, because an order
   * that is still on its way will stand before it. So a page without orders may have more behind it.
   */
  readonly more: boolean
}

/** About how much a page of orders may be as JSON, in bytes. A first order of more than that is a page of its own. */
const maxOrderPageBytes = 1_048_576

/**
 * The page out of orders in their order: as many as fit. `more` says whether others follow those that are given; a store
 * need not give more of them than one beyond the limit.
 */
export const orderPageOf = (orders: ReadonlyArray<ListedOrder>, limit: number, more = false): OrderPage => {
  const most = Math.min(limit, orders.length)
  let bytes = 0
  let fitting = 0
  while (fitting < most) {
    const next = orders[fitting]
    if (next !== undefined) bytes += bytesOf(next.order)
    if (fitting > 0 && bytes > maxOrderPageBytes) break
    fitting++
  }
  return { listed: orders.slice(0, fitting), more: more || fitting < orders.length }
}

/** About the bytes of an order as JSON. */
const bytesOf = ({ lines, metadata }: Order): number => {
  let bytes = bytesBesideLines
  for (const { name, productId } of lines) bytes += bytesOfLine + 2 * (name.length + productId.length)
  return metadata === undefined ? bytes : bytes + JSON.stringify(metadata).length
}

const bytesBesideLines = 400
const bytesOfLine = 160
