/**
 * An order's lines are asked for as `orderItems` and answered as `items`, its amounts end in `Price` and `Amount`, and its
 * campaign is the `userCouponId` that was used.
 */
import type { Order, Page } from "@holdfast/core"
import { Schema } from "effect"
import type { Order as OrderAnswer } from "../contract/answers.ts"
import { pageBody, type Translations } from "./Words.ts"

const names = { accountId: "userId", campaignId: "userCouponId", lines: "orderItems" }

export const orders = {
  place: {
    names,
    input: ({ payload: { userId, userCouponId, orderItems, ...rest } }) => ({
      accountId: String(userId),
      lines: orderItems.map(({ productId, ...line }) => ({ productId: String(productId), ...line })),
      ...(hasCoupon(userCouponId) && { campaignId: String(userCouponId) }),
      ...rest,
    }),
    body: (order: Order) => orderBody(order),
  },
  get: {
    input: ({ params }) => params,
    body: (order: Order) => orderBody(order),
  },
  cancel: {
    names: { accountId: "userId" },
    input: ({ params: { orderId }, payload: { userId } }) => ({ orderId, accountId: String(userId) }),
    body: (order: Order) => orderBody(order),
  },
  ofUser: {
    names,
    input: ({ params: { userId }, query }) => ({ accountId: userId, ...query }),
    body: (page: Page<Order>) => pageBody(page, orderBody),
  },
} satisfies Translations["orders"]

/** The reference service's clients say null where they have no coupon. */
const hasCoupon = (userCouponId: string | number | null | undefined): boolean =>
  userCouponId !== null && userCouponId !== undefined

const isJsonRecord = Schema.is(Schema.Record(Schema.String, Schema.Json))

export const orderBody = (order: Order): (typeof OrderAnswer)["Encoded"] => ({
  orderId: order.orderId,
  userId: order.accountId,
  totalPrice: order.total,
  discountAmount: order.discount,
  paidAmount: order.paid,
  items: order.lines.map(({ lineId, productId, name, quantity, unitPrice, discount, paid }) => ({
    orderItemId: lineId,
    productId,
    productName: name,
    quantity,
    price: unitPrice,
    discountAmount: discount,
    paidAmount: paid,
  })),
  ...(order.campaignId !== undefined && { userCouponId: order.campaignId }),
  ...(order.reference !== undefined && { reference: order.reference }),
  // The host may have placed the order in its own process, with metadata that only looks like JSON.
  ...(order.metadata !== undefined && isJsonRecord(order.metadata) && { metadata: order.metadata }),
  state: order.state,
  placedAt: order.placedAt.toISOString(),
  ...(order.closedAt !== undefined && { closedAt: order.closedAt.toISOString() }),
})
