/**
 * Orders: order and payment in one call, completion and cancellation.
 */
import { Context, Effect, Layer, Schema } from "effect"
import {
  type CancelOrder,
  type CompleteOrder,
  cancelCall,
  completeCall,
  type PlaceOrder,
  placeCall,
} from "../decision/orderCalls.ts"
import type { Stored } from "../decision/Receipt.ts"
import type { CancelRefusal } from "../orders/cancelOrder.ts"
import { copyOfMetadata, type Order as OrderRecord } from "../orders/Order.ts"
import type { PlaceRefusal } from "../orders/placeOrder.ts"
import type { OrderAlreadyCancelled, OrderNotFound, StoreUnavailable } from "../refusals.ts"
import { AccountId, Label, OrderId } from "../values.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import {
  type Change,
  change,
  orStillUnknown,
  orUnavailable,
  type Presentation,
  preparedChange,
  type Read,
  type Replayed,
  read,
} from "./method.ts"
import { OrderCursor, orderPage, orderQuestion } from "./orderPages.ts"
import { orderField, type Page, pageFields } from "./pages.ts"

/**
 * An order as it is now. `paid` = `total` − `discount` is what was spent in points. It shows neither the stock left nor
 * the balance after it: those are in the ledgers (`stock.movements`, `points.entries`), whose lines name the order.
 */
export interface Order extends Omit<OrderRecord, "placedAt" | "closed" | "version"> {
  /** When it was placed. Order ids tell the order. */
  readonly placedAt: Date
  /** When it was completed or cancelled. */
  readonly closedAt: Date | undefined
}

const ListOfAccount = Schema.Struct({
  /** The account. */
  accountId: AccountId,
  cursor: Schema.optional(OrderCursor),
  ...orderField,
  ...pageFields,
})
const ListByReference = Schema.Struct({
  /** The name that the host gave them. */
  reference: Label,
  cursor: Schema.optional(OrderCursor),
  ...orderField,
  ...pageFields,
})

export interface OrdersShape {
  /**
   * Places an order of 1–100 lines and pays it with points, all in one commit or not at all. `campaignId` redeems the
   * buyer's own coupon of that campaign. A stated `unitPrice` or `expectedPaid` that is not the current one is refused
   * as `PriceChanged`. `reference` (≤ 200 characters) and `metadata` (≤ 4 KB) belong to the host.
   */
  readonly place: Change<typeof PlaceOrder.Encoded, Order, PlaceRefusal>
  /** Ends an order's cancellability, for example when it was shipped. */
  readonly complete: Change<typeof CompleteOrder.Encoded, Order, OrderNotFound | OrderAlreadyCancelled>
  /**
   * Gives points, coupon and stock (unless `restock: false`) back, exactly once. A repeat is `replayed: true`. The order
   * must belong to `accountId`.
   */
  readonly cancel: Change<typeof CancelOrder.Encoded, Order, CancelRefusal>
  /** One order as it is now. */
  readonly get: Read<string, Order, OrderNotFound>
  /**
   * The orders of an account in the order of their commits, newest first. Oldest first, an order that is committed while
   * somebody pages is on a later page, whenever it was placed. Large orders make shorter pages: about 1 MiB at most.
   */
  readonly ofAccount: Read<typeof ListOfAccount.Encoded, Page<Order>>
  /**
   * The orders that the host placed under a reference, newest first. References need not be unique. Oldest first, an order
   * that is committed while somebody pages is on a later page; what stands behind one that is still on its way is held
   * back until then, so that a page may be empty and still have a `nextCursor`: ask again with it a moment later.
   */
  readonly byReference: Read<typeof ListByReference.Encoded, Page<Order>>
}

export class Orders extends Context.Service<Orders, OrdersShape>()("@holdfast/core/Orders") {
  static readonly layer: Layer.Layer<Orders, never, Kernel> = Layer.effect(Orders, Effect.map(Kernel, makeOrders))
}

export function makeOrders(kernel: KernelShape): OrdersShape {
  const find = (orderId: OrderId) => orUnavailable(kernel.store.reads.order(orderId))
  const presentation: Presentation<OrderRecord, Order> = {
    fresh: answerOf,
    // Receipts name the order; it is answered as it is now, with its live state.
    recall: (stored, replayed, inTime) =>
      Effect.flatMap(orStillUnknown(inTime(kernel.store.reads.order(storedOrderId(stored)))), (order) =>
        order === undefined ? archived : Effect.succeed(answerOf(order, replayed)),
      ),
  }
  return {
    place: change(kernel, placeCall, presentation),
    complete: change(kernel, completeCall, presentation),
    // An order's owner, products and hour never change, so they may be read before the cancel is decided.
    cancel: preparedChange(kernel, cancelCall, presentation, (request) =>
      Effect.map(kernel.store.reads.order(request.orderId), (facts) => ({ ...request, facts })),
    ),
    get: read(
      OrderId,
      Effect.fnUntraced(function* (orderId) {
        const order = yield* find(orderId)
        return order === undefined
          ? yield* Effect.fail<OrderNotFound>({ _tag: "OrderNotFound", orderId })
          : orderOf(order)
      }),
    ),
    ofAccount: read(
      ListOfAccount,
      Effect.fnUntraced(function* (list) {
        const page = yield* orUnavailable(kernel.store.reads.ordersOfAccount(list.accountId, orderQuestion(list)))
        return orderPage(page, list.cursor, orderOf)
      }),
    ),
    byReference: read(
      ListByReference,
      Effect.fnUntraced(function* (list) {
        const page = yield* orUnavailable(kernel.store.reads.ordersByReference(list.reference, orderQuestion(list)))
        return orderPage(page, list.cursor, orderOf)
      }),
    ),
  }
}

const archived: Effect.Effect<never, StoreUnavailable> = Effect.fail({
  _tag: "StoreUnavailable",
  outcome: "unknown",
  reason: "the order was accepted, but is no longer kept here",
})

// biome-ignore lint/plugin/casts: the receipts of order calls store the order's id
const storedOrderId = (stored: Stored): OrderId => stored.orderId as OrderId

const orderOf = (order: OrderRecord): Order => {
  const { replayed: _, ...shown } = answerOf(order, false)
  return shown
}

// What callers get is theirs: a store that keeps records as they are must not share them.
const answerOf = (order: OrderRecord, replayed: boolean): Order & Replayed => ({
  orderId: order.orderId,
  accountId: order.accountId,
  lines: order.lines.map((line) => ({ ...line })),
  total: order.total,
  discount: order.discount,
  paid: order.paid,
  campaignId: order.campaignId,
  reference: order.reference,
  metadata: order.metadata && copyOfMetadata(order.metadata),
  state: order.state,
  placedAt: new Date(order.placedAt),
  closedAt: order.closed === undefined ? undefined : new Date(order.closed.at),
  replayed,
})
