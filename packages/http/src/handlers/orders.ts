/**
 * Orders over HTTP: place, read, cancel.
 *
 * An order that belongs to somebody else is not found: whether an id exists is nobody else's business.
 */
import type { OrderId } from "@holdfast/core"
import type { No } from "../problems/problem.ts"
import type { Call, Handlings } from "./Handling.ts"

export const orders: Handlings["orders"] = {
  place: {
    action: "orders.place",
    run: (input, { shop, key, scope, signal, traceparent, maxLines, names }) =>
      input.lines.length > maxLines
        ? Promise.resolve(tooManyLines(maxLines, names.lines))
        : shop.orders.place({ ...input, key, scope }, { signal, traceparent }),
  },
  get: {
    action: "orders.get",
    run: async ({ orderId }, { shop, allows }) => {
      const order = await shop.orders.get(orderId)
      return (await allows({ orderId, accountId: order.accountId })) ? order : notFound(order.orderId)
    },
  },
  cancel: {
    action: "orders.cancel",
    run: async ({ orderId, accountId }, call) => {
      const refused = await refusedToCancel(orderId, accountId, call)
      if (refused !== undefined) return refused
      const { shop, key, scope, signal, traceparent } = call
      return shop.orders.cancel({ orderId, accountId, key, scope }, { signal, traceparent })
    },
  },
  ofUser: {
    action: "orders.ofAccount",
    run: (input, { shop }) => shop.orders.ofAccount(input),
  },
}

/** What the host lets nobody do. The core has its own rules on top: a completed order stays. */
const refusedToCancel = async (orderId: string, accountId: string, call: Call): Promise<No | undefined> => {
  const { cancel, caller, now } = call
  if (cancel === undefined || caller === undefined) return { _tag: "Surface", code: "CANCEL_NOT_OFFERED" }
  const order = await call.shop.orders.get(orderId)
  if (order.accountId !== accountId) return notFound(order.orderId)
  const { by } = cancel
  const allowed = by === "owner" || (await call.asks("cancel.by", () => by({ caller, order })))
  if (!allowed) return { _tag: "Surface", code: "FORBIDDEN" }
  // A repeat of a cancel that was in time is still answered.
  if (cancel.until === "completed" || order.state === "cancelled") return undefined
  return now() < order.placedAt.getTime() + cancel.until ? undefined : { _tag: "Surface", code: "CANCEL_TOO_LATE" }
}

const notFound = (orderId: OrderId): No => ({ _tag: "Core", no: { _tag: "OrderNotFound", orderId }, names: {} })

const tooManyLines = (limit: number, name = "lines"): No => ({
  _tag: "Surface",
  code: "InvalidInput",
  errors: (language) => [
    {
      pointer: `/${name}`,
      message: language === "ko" ? `길이가 ${limit} 이하여야 합니다.` : `must have at most ${limit}`,
    },
  ],
})
