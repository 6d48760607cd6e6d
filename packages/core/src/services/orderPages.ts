/**
 * Pages of orders: their cursors name a place in a list, and may be given where a page is empty.
 */
import { Schema } from "effect"
import type { Order } from "../orders/Order.ts"
import type { OrderPage, OrderPlace, PageRequest } from "../ports/index.ts"
import { OrderId } from "../values.ts"
import { notACursor, type OrderedPage, type Page, storePage } from "./pages.ts"

/** A place as text: the position, and the id behind a full stop. Callers only hand it back. */
const placeText = /^(\d{1,16})\.(.+)$/su
/** Before every order. */
const start = "0."

/** The cursor of a list of orders. */
export const OrderCursor = Schema.String.check(
  Schema.makeFilter((text: string) => (text === start || placeIn(text) !== undefined ? undefined : notACursor)),
)

const placeIn = (cursor: string | undefined): OrderPlace | undefined => {
  const [, position, orderId] = placeText.exec(cursor ?? "") ?? []
  return Schema.is(OrderId)(orderId) && Number.isSafeInteger(Number(position))
    ? { position: Number(position), orderId }
    : undefined
}

/** The store's page for a caller's, whose cursor was checked. */
export const orderQuestion = (page: OrderedPage & { readonly cursor?: string | undefined }): PageRequest<OrderPlace> =>
  storePage(page, placeIn(page.cursor), "newest-first", 0)

/** The caller's page out of what the store gave. Where it gave nothing yet, the same cursor goes on. */
export const orderPage = <Item>(
  { listed, more }: OrderPage,
  cursor: string | undefined,
  itemOf: (order: Order) => Item,
): Page<Item> => {
  const last = listed.at(-1)
  const next = last === undefined ? (cursor ?? start) : `${last.position}.${last.order.orderId}`
  return { items: listed.map(({ order }) => itemOf(order)), nextCursor: more ? next : undefined }
}
