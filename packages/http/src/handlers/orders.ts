/**
 * Orders over HTTP: place, read, cancel.
 *
 * An order that belongs to somebody else is not found: whether an id exists is nobody else's business.
 */
import type { Order, OrderId } from "@holdfast/core"
import { Schema } from "effect"
import type { Order as OrderAnswer } from "../contract/answers.ts"
import type { Contract } from "../contract/contract.ts"
import type { No } from "../problems/problem.ts"
import type { Call, Handlings } from "./Handling.ts"
import { pageBody } from "./pages.ts"

const names = {
  accountId: "userId",
  campaignId: "userCouponId",
  lines: "orderItems",
}

export const orders: Handlings<typeof Contract>["orders"] = {
  place: {
    action: "orders.place",
    resource: ({ payload: { userId, userCouponId } }) => ({
      userId: String(userId),
      ...(hasCoupon(userCouponId) && { campaignId: String(userCouponId) }),
    }),
    names,
    run: async ({ payload }, call) => {
      const { userId, userCouponId, orderItems, ...rest } = payload
      if (orderItems.length > call.orderItems) return tooManyItems(call.orderItems)
      const placed = await call.shop.orders.place(
        {
          accountId: String(userId),
          lines: orderItems.map(({ productId, ...line }) => ({ productId: String(productId), ...line })),
          ...(hasCoupon(userCouponId) && { campaignId: String(userCouponId) }),
          ...rest,
          key: call.key,
          scope: call.scope,
        },
        { signal: call.signal },
      )
      return { body: orderBody(placed), replayed: placed.replayed }
    },
  },
  get: {
    action: "orders.get",
    resource: ({ params }) => params,
    run: async ({ params: { orderId } }, call) => {
      const order = await call.shop.orders.get(orderId)
      if (!(await call.allows({ orderId, userId: order.accountId }))) return notFound(order.orderId)
      return { body: orderBody(order) }
    },
  },
  cancel: {
    action: "orders.cancel",
    resource: ({ params: { orderId }, payload: { userId } }) => ({ orderId, userId: String(userId) }),
    names: { accountId: "userId" },
    run: async ({ params: { orderId }, payload }, call) => {
      const userId = String(payload.userId)
      const refused = await refusedToCancel(orderId, userId, call)
      if (refused !== undefined) return refused
      const { shop, key, scope, signal } = call
      const cancelled = await shop.orders.cancel({ orderId, accountId: userId, key, scope }, { signal })
      return { body: orderBody(cancelled), replayed: cancelled.replayed }
    },
  },
  ofUser: {
    action: "orders.ofAccount",
    resource: ({ params }) => params,
    names,
    run: async ({ params: { userId }, query }, { shop }) => ({
      body: pageBody(await shop.orders.ofAccount({ accountId: userId, ...query }), orderBody),
    }),
  },
}

/** The reference service's clients say null where they have no coupon. */
const hasCoupon = (userCouponId: string | number | null | undefined): boolean =>
  userCouponId !== null && userCouponId !== undefined

/** What the host lets nobody do. The core has its own rules on top: a completed order stays. */
const refusedToCancel = async (orderId: string, userId: string, call: Call): Promise<No | undefined> => {
  const { cancel, caller, now } = call
  if (cancel === undefined || caller === undefined) return { _tag: "Surface", code: "CANCEL_NOT_OFFERED" }
  const order = await call.shop.orders.get(orderId)
  if (order.accountId !== userId) return notFound(order.orderId)
  if (cancel.by !== "owner" && !(await cancel.by({ caller, order }))) return { _tag: "Surface", code: "FORBIDDEN" }
  // A repeat of a cancel that was in time is still answered.
  if (cancel.until === "completed" || order.state === "cancelled") return undefined
  return now() < order.placedAt.getTime() + cancel.until ? undefined : { _tag: "Surface", code: "CANCEL_TOO_LATE" }
}

const notFound = (orderId: OrderId): No => ({ _tag: "Core", no: { _tag: "OrderNotFound", orderId }, names: {} })

const tooManyItems = (limit: number): No => ({
  _tag: "Surface",
  code: "InvalidInput",
  errors: (language) => [
    {
      pointer: "/orderItems",
      message: language === "ko" ? `길이가 ${limit} 이하여야 합니다.` : `must have at most ${limit}`,
    },
  ],
})

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
