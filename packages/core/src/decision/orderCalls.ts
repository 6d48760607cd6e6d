/**
 * The calls that change orders: place, complete, cancel.
 */
import { Schema } from "effect"
import type { EventType } from "../events/Event.ts"
import { type Cancelled, type CancelRefusal, type CancelRequest, cancelOrder } from "../orders/cancelOrder.ts"
import { metadataFaults } from "../orders/metadata.ts"
import { completeOrder, copyOfMetadata, type Metadata as MetadataType, type Order } from "../orders/Order.ts"
import {
  type OrderRequest,
  type Placed,
  type PlaceRefusal,
  placeOrder,
  type RequestedLine,
} from "../orders/placeOrder.ts"
import { hourOf } from "../popularity/SalesBucket.ts"
import type { InvalidInput, OrderAlreadyCancelled, OrderNotFound } from "../refusals.ts"
import {
  AccountId,
  Amount,
  CampaignId,
  compareBytes,
  Label,
  maxOrderLines,
  maxOrderQuantity,
  OrderId,
  OrderQuantity,
  orderIdOf,
  Price,
  ProductId,
  type ProductId as ProductIdType,
  plus,
} from "../values.ts"
import type { Changes } from "./Changes.ts"
import type { EventOf } from "./Command.ts"
import { type Call, keyOptional, keyRequired, noLane, repeat } from "./call.ts"
import type { EventPayload, Payload } from "./payloads.ts"

const isMetadata = (value: unknown): value is MetadataType =>
  typeof value === "object" && value !== null && !Array.isArray(value)

// No record of unknown values: that would look at a copy, from which a Map, a Date and hidden fields are gone already.
const Metadata = Schema.declare(isMetadata, { expected: "object" }).check(Schema.makeFilter(metadataFaults))

export const PlaceOrder = Schema.Struct({
  /** The buyer, who pays with points. */
  accountId: AccountId,
  /** What is bought: 1 to 100 lines. Lines of one product are merged. */
  lines: Schema.Array(
    Schema.Struct({
      /** The product. */
      productId: ProductId,
      /** The units: 1 to 1,000,000. */
      quantity: OrderQuantity,
      /** The price of one unit that the buyer saw. Where it is another one now, the order is refused as `PriceChanged`. */
      unitPrice: Schema.optional(Price),
    }),
  ).check(
    Schema.makeFilter((lines: ReadonlyArray<unknown>) =>
      lines.length >= 1 && lines.length <= maxOrderLines ? undefined : `must hold 1 to ${maxOrderLines} lines`,
    ),
  ),
  /** Redeems the buyer's own coupon of this campaign. */
  campaignId: Schema.optional(CampaignId),
  /** The points that the buyer expects to pay. Where it is another amount now, the order is refused as `PriceChanged`. */
  expectedPaid: Schema.optional(Amount),
  /** Your own name for the order, by which `byReference` finds it: 1–200 characters. Need not be unique. */
  reference: Schema.optional(Label),
  /** Your own notes: JSON of at most 4,096 bytes. Kept exactly, never in events, and no part of what makes a repeat the same. */
  metadata: Schema.optional(Metadata),
  ...keyRequired,
})
export const CompleteOrder = Schema.Struct({
  /** The order. */
  orderId: OrderId,
  ...keyOptional,
})
export const CancelOrder = Schema.Struct({
  /** The buyer, to whom the order must belong. */
  accountId: AccountId,
  /** The order. */
  orderId: OrderId,
  /** Whether its units go back on sale. Default true. */
  restock: Schema.optional(Schema.Boolean),
  ...keyRequired,
})

export const placeCall: Call<typeof PlaceOrder, OrderRequest, Order, PlaceRefusal> = {
  name: "orders.place",
  input: PlaceOrder,
  normalise: ({ accountId, lines, campaignId, expectedPaid, reference, metadata }) => {
    const merged = mergeLines(lines)
    if ("_tag" in merged) return merged
    // As every store would give it back, and out of the host's reach.
    const kept = metadata && copyOfMetadata(metadata)
    return { accountId, lines: merged, campaignId, expectedPaid, reference, metadata: kept }
  },
  intention: ({ accountId, lines, campaignId, expectedPaid, reference }) => ({
    accountId,
    campaignId,
    expectedPaid,
    // Requested lines have their fields in canonical order.
    lines: lines.map((line) => ({ ...line })),
    reference,
  }),
  keys: ({ accountId, lines, campaignId }, add, at) => {
    add("account", [accountId])
    if (campaignId !== undefined) add("coupon", [campaignId, accountId])
    const hour = hourOf(at)
    for (const { productId } of lines) {
      add("product", [productId])
      add("bucket", [productId, hour])
    }
  },
  lane: noLane,
  operator: false,
  decide: (records, request, cause) => {
    const placed = placeOrder(records, request, orderIdOf(cause.id), cause)
    return "_tag" in placed
      ? placed
      : acceptOrder(placed.order, changesOf(placed), "orders.placed", placedData(placed.order))
  },
}

export interface CompleteRequest {
  readonly orderId: OrderId
}

export const completeCall: Call<typeof CompleteOrder, CompleteRequest, Order, OrderNotFound | OrderAlreadyCancelled> = {
  name: "orders.complete",
  input: CompleteOrder,
  normalise: ({ orderId }) => ({ orderId }),
  intention: ({ orderId }) => ({ orderId }),
  keys: ({ orderId }, add) => add("order", [orderId]),
  lane: noLane,
  operator: true,
  decide: (records, { orderId }, cause) => {
    const order = records.order(orderId)
    if (order === undefined) return { _tag: "OrderNotFound", orderId }
    const completed = completeOrder(order, cause)
    if (completed === undefined) return repeat(order)
    if ("_tag" in completed) return completed
    return acceptOrder(completed, { records: { order: [completed] } }, "orders.completed", closedData(completed))
  },
}

/** A cancel with the immutable facts of its order, read before submission: they name the other keys. */
export interface CancelCommandRequest extends CancelRequest {
  readonly facts: OrderFacts | undefined
}

/** What of an order never changes and names the records that a cancel touches. */
export type OrderFacts = Pick<Order, "accountId" | "campaignId" | "placedAt" | "lines">

export const cancelCall: Call<typeof CancelOrder, CancelCommandRequest, Order, CancelRefusal> = {
  name: "orders.cancel",
  input: CancelOrder,
  normalise: ({ accountId, orderId, restock }) => ({ accountId, orderId, restock: restock ?? true, facts: undefined }),
  intention: ({ accountId, orderId, restock }) => ({ accountId, orderId, restock }),
  keys: ({ orderId, facts }, add) => {
    add("order", [orderId])
    if (facts === undefined) return
    add("account", [facts.accountId])
    if (facts.campaignId !== undefined) add("coupon", [facts.campaignId, facts.accountId])
    for (const { productId } of facts.lines) {
      add("product", [productId])
      add("bucket", [productId, hourOf(facts.placedAt)])
    }
  },
  lane: noLane,
  operator: true,
  decide: (records, request, cause) => {
    const order = records.order(request.orderId)
    // Without facts the order did not exist when the call began, whatever a guess of its id may find by now.
    if (order === undefined || request.facts === undefined) return { _tag: "OrderNotFound", orderId: request.orderId }
    const cancelled = cancelOrder(order, records, request, cause)
    if (cancelled === undefined) return repeat(order)
    if ("_tag" in cancelled) return cancelled
    const data = { ...closedData(cancelled.order), restocked: request.restock }
    return acceptOrder(cancelled.order, changesOf(cancelled), "orders.cancelled", data)
  },
}

/** Merges the lines of one product and sorts them by product id, or names the first line that does not fit. */
const mergeLines = (lines: (typeof PlaceOrder.Type)["lines"]): ReadonlyArray<RequestedLine> | InvalidInput => {
  const [only] = lines
  if (only !== undefined && lines.length === 1) return [lineOf(only)]
  const merged = new Map<ProductIdType, RequestedLine>()
  for (const [index, { productId, quantity, unitPrice }] of lines.entries()) {
    const earlier = merged.get(productId)
    const together = plus(quantity, earlier?.quantity ?? 0)
    if (together === undefined || together > maxOrderQuantity) {
      return invalidLine(
        index,
        "quantity",
        `must come to at most ${maxOrderQuantity} with the other lines of its product`,
      )
    }
    if (earlier?.unitPrice !== undefined && unitPrice !== undefined && earlier.unitPrice !== unitPrice) {
      return invalidLine(index, "unitPrice", "must be the same on every line of its product")
    }
    merged.set(productId, { productId, quantity: together, unitPrice: unitPrice ?? earlier?.unitPrice })
  }
  return Array.from(merged.values()).sort((left, right) => compareBytes(left.productId, right.productId))
}

const lineOf = ({ productId, quantity, unitPrice }: (typeof PlaceOrder.Type)["lines"][number]): RequestedLine => ({
  productId,
  quantity,
  unitPrice,
})

const invalidLine = (index: number, field: string, message: string): InvalidInput => ({
  _tag: "InvalidInput",
  issues: [{ pointer: `/lines/${index}/${field}`, message }],
})

const changesOf = ({ order, account, entry, coupon, products, movements, buckets }: Placed | Cancelled): Changes => ({
  records: {
    account: account && [account],
    coupon: coupon && [coupon],
    order: [order],
    product: products,
    bucket: buckets,
  },
  rows: { entry: entry && [entry], movement: movements },
})

const acceptOrder = <Type extends OrdersEvent>(order: Order, changes: Changes, type: Type, data: Payload<Type>) => ({
  _tag: "Accept" as const,
  answer: order,
  stored: { orderId: order.orderId },
  changes,
  event: eventOf(type, order, data),
})

type OrdersEvent = Extract<EventType, `orders.${string}`>

const eventOf = <Type extends OrdersEvent>(type: Type, order: Order, data: Payload<Type>): EventOf => ({
  type,
  aggregate: { type: "order", id: order.orderId },
  key: order.accountId,
  data,
})

const placedData = (order: Order): EventPayload<"orders.placed"> => ({
  orderId: order.orderId,
  accountId: order.accountId,
  lines: order.lines,
  total: order.total,
  discount: order.discount,
  paid: order.paid,
  campaignId: order.campaignId,
  reference: order.reference,
})

const closedData = ({ orderId, accountId, paid }: Order): EventPayload<"orders.completed"> => ({
  orderId,
  accountId,
  paid,
})
