/**
 * What the endpoints answer: the reference service's fields under its names, and what only Holdfast knows beside them.
 *
 * Each has a schema, a type of that name, and the schema again by the type's name: a type that is inferred would stand in the
 * declarations that hosts get without its name, and without what its fields say.
 */
import { Schema } from "effect"
import {
  Amount,
  AnswerId,
  amount,
  Change,
  Count,
  count,
  Discount,
  Metadata,
  Price,
  pageOf,
  price,
  Quantity,
  Time,
} from "./fields.ts"

const balanceSchema = Schema.Struct({
  /** The user. */
  userId: AnswerId,
  /** The user's points now. */
  totalPoint: Amount,
}).annotate({ identifier: "Balance" })
export interface Balance extends Schema.Schema.Type<typeof balanceSchema> {}
export const Balance: Schema.Codec<Balance, (typeof balanceSchema)["Encoded"]> = balanceSchema

const chargedSchema = Schema.Struct({
  /** The user. */
  userId: AnswerId,
  /** The points that were added. */
  chargedAmount: Amount,
  /** The exact balance right after this charge. */
  totalPoint: amount("The exact balance right after this charge."),
  /** The position of this charge in the account's ledger. */
  seq: count("The position of this charge in the account's ledger."),
}).annotate({ identifier: "Charged" })
export interface Charged extends Schema.Schema.Type<typeof chargedSchema> {}
export const Charged: Schema.Codec<Charged, (typeof chargedSchema)["Encoded"]> = chargedSchema

const pointEntrySchema = Schema.Struct({
  /** 1, 2, 3 … without gaps per user. */
  seq: Count,
  /** What moved the balance. */
  type: Schema.Literals(["charge", "spend", "refund", "adjust"]),
  /** What was added: negative for a spend. */
  change: Change,
  /** The balance after this entry. */
  totalPoint: amount("The balance after this entry."),
  /** The order that spent or refunded. */
  orderId: Schema.optionalKey(AnswerId),
  /** Why the operator adjusted. */
  reason: Schema.optionalKey(Schema.String),
  /** When it happened. `seq` tells the order. */
  at: Time,
}).annotate({ identifier: "PointEntry" })
export interface PointEntry extends Schema.Schema.Type<typeof pointEntrySchema> {}
export const PointEntry: Schema.Codec<PointEntry, (typeof pointEntrySchema)["Encoded"]> = pointEntrySchema

const pointEntriesSchema = pageOf(PointEntry).annotate({ identifier: "PointEntries" })
export interface PointEntries extends Schema.Schema.Type<typeof pointEntriesSchema> {}
export const PointEntries: Schema.Codec<PointEntries, (typeof pointEntriesSchema)["Encoded"]> = pointEntriesSchema

// Written out twice: a field that came by a spread would lose its comment in the declarations that hosts get.
const issuedCouponSchema = Schema.Struct({
  /** The user whose coupon it is. */
  userId: AnswerId,
  /** The campaign. */
  couponId: AnswerId.annotate({ description: "The campaign." }),
  /** What an order names to use this coupon: the campaign again. */
  userCouponId: AnswerId.annotate({ description: "What an order names to use this coupon: the campaign again." }),
  /** 1 to the campaign's limit, in the order of acceptance. */
  ticket: count("1 to the campaign's limit, in the order of acceptance."),
  /** What it takes off, as it was at issue. */
  discount: Discount,
  /** When it was issued. Tickets tell the order. */
  issuedAt: Time,
  /** Usable until before this moment. */
  expiresAt: Time.annotate({ description: "Usable until before this moment." }),
}).annotate({ identifier: "IssuedCoupon" })
export interface IssuedCoupon extends Schema.Schema.Type<typeof issuedCouponSchema> {}
export const IssuedCoupon: Schema.Codec<IssuedCoupon, (typeof issuedCouponSchema)["Encoded"]> = issuedCouponSchema

const acceptedRequestSchema = Schema.Struct({
  /** By which it is asked for: `GET /coupons/issue-requests/{requestId}`, as `Location` says. */
  requestId: Schema.String,
}).annotate({ identifier: "AcceptedRequest" })
export interface AcceptedRequest extends Schema.Schema.Type<typeof acceptedRequestSchema> {}
export const AcceptedRequest: Schema.Codec<AcceptedRequest, (typeof acceptedRequestSchema)["Encoded"]> =
  acceptedRequestSchema

const waitingRequestSchema = Schema.Struct({
  /** It is not decided yet. */
  state: Schema.Literal("waiting"),
})
interface WaitingRequest extends Schema.Schema.Type<typeof waitingRequestSchema> {}

const issuedRequestSchema = Schema.Struct({
  /** It was decided, and got a coupon. */
  state: Schema.Literal("issued"),
  /** The coupon as it was issued. */
  coupon: IssuedCoupon,
})
interface IssuedRequest extends Schema.Schema.Type<typeof issuedRequestSchema> {}

const refusedRequestSchema = Schema.Struct({
  /** It was decided, and got none. */
  state: Schema.Literal("refused"),
  /** The code that the same claim would have been refused with at once. */
  code: Schema.String,
  /** What happened, with its numbers. */
  detail: Schema.String,
})
interface RefusedRequest extends Schema.Schema.Type<typeof refusedRequestSchema> {}

const requestedCouponSchema = Schema.Union([waitingRequestSchema, issuedRequestSchema, refusedRequestSchema]).annotate({
  identifier: "RequestedCoupon",
})
export type RequestedCoupon = WaitingRequest | IssuedRequest | RefusedRequest
export const RequestedCoupon: Schema.Codec<RequestedCoupon, (typeof requestedCouponSchema)["Encoded"]> =
  requestedCouponSchema

const couponSchema = Schema.Struct({
  /** The user whose coupon it is. */
  userId: AnswerId,
  /** The campaign. */
  couponId: AnswerId.annotate({ description: "The campaign." }),
  /** What an order names to use this coupon: the campaign again. */
  userCouponId: AnswerId.annotate({ description: "What an order names to use this coupon: the campaign again." }),
  /** 1 to the campaign's limit, in the order of acceptance. */
  ticket: count("1 to the campaign's limit, in the order of acceptance."),
  /** What it takes off, as it was at issue. */
  discount: Discount,
  /** When it was issued. Tickets tell the order. */
  issuedAt: Time,
  /** Usable until before this moment. */
  expiresAt: Time.annotate({ description: "Usable until before this moment." }),
  /** Whether an order may use it. */
  state: Schema.Literals(["issued", "redeemed", "expired", "revoked"]),
  /** The order that redeemed it. */
  orderId: Schema.optionalKey(AnswerId),
}).annotate({ identifier: "Coupon" })
export interface Coupon extends Schema.Schema.Type<typeof couponSchema> {}
export const Coupon: Schema.Codec<Coupon, (typeof couponSchema)["Encoded"]> = couponSchema

const couponsSchema = pageOf(Coupon).annotate({ identifier: "Coupons" })
export interface Coupons extends Schema.Schema.Type<typeof couponsSchema> {}
export const Coupons: Schema.Codec<Coupons, (typeof couponsSchema)["Encoded"]> = couponsSchema

const productSchema = Schema.Struct({
  /** The product. */
  productId: AnswerId,
  /** What it is called. */
  productName: Schema.String,
  /** What one unit costs. */
  price: Price,
  /** The units that there are. */
  stock: Count,
  /** Whether it is no longer sold. */
  retired: Schema.Boolean,
}).annotate({ identifier: "Product" })
export interface Product extends Schema.Schema.Type<typeof productSchema> {}
export const Product: Schema.Codec<Product, (typeof productSchema)["Encoded"]> = productSchema

const popularProductSchema = Schema.Struct({
  /** The product. */
  productId: AnswerId,
  /** What it is called. */
  productName: Schema.String,
  /** What one unit costs. */
  price: Price,
  /** The units that there are. */
  stock: Count,
  /** Units sold in the window, cancelled ones not counted. */
  sold: count("Units sold in the window, cancelled ones not counted."),
})
export interface PopularProduct extends Schema.Schema.Type<typeof popularProductSchema> {}
export const PopularProducts: Schema.Codec<ReadonlyArray<PopularProduct>> = Schema.Array(popularProductSchema).annotate(
  {
    identifier: "PopularProducts",
  },
)

const orderSchema = Schema.Struct({
  /** The order. */
  orderId: AnswerId,
  /** The buyer. */
  userId: AnswerId,
  /** The sum of all items before the discount. */
  totalPrice: Amount,
  /** What the coupon took off. */
  discountAmount: Amount,
  /** The points that were spent. */
  paidAmount: Amount,
  /** One item per product, sorted by product id. */
  items: Schema.Array(
    Schema.Struct({
      /** `<orderId>-<n>`, n from 1 in the order of product ids. */
      orderItemId: AnswerId,
      /** The product. */
      productId: AnswerId,
      /** What the product was called when the order was placed. */
      productName: Schema.String,
      /** The units. */
      quantity: Quantity,
      /** Of one unit, as it was when the order was placed. */
      price: price("Of one unit, as it was when the order was placed."),
      /** This item's share of the order's discount. */
      discountAmount: amount("This item's share of the order's discount."),
      /** This item's share of the amount paid. */
      paidAmount: amount("This item's share of the amount paid."),
    }),
  ),
  /** The coupon that was used. */
  userCouponId: Schema.optionalKey(AnswerId),
  /** The host's own name for it. */
  reference: Schema.optionalKey(Schema.String),
  /** The host's own notes. */
  metadata: Schema.optionalKey(Metadata),
  /** Where it stands: a placed order may be completed or cancelled, and then stays so. */
  state: Schema.Literals(["placed", "completed", "cancelled"]),
  /** When it was placed. */
  placedAt: Time,
  /** When it was completed or cancelled. */
  closedAt: Schema.optionalKey(Time),
}).annotate({ identifier: "Order" })
export interface Order extends Schema.Schema.Type<typeof orderSchema> {}
export const Order: Schema.Codec<Order, (typeof orderSchema)["Encoded"]> = orderSchema

const ordersSchema = pageOf(Order).annotate({ identifier: "Orders" })
export interface Orders extends Schema.Schema.Type<typeof ordersSchema> {}
export const Orders: Schema.Codec<Orders, (typeof ordersSchema)["Encoded"]> = ordersSchema

/** The operations whose outcome can be asked for, by the core's names. */
export const keyedOperations = ["points.charge", "coupons.issue", "orders.place", "orders.cancel"] as const

const outcomeSchema = Schema.Union([
  Schema.Struct({
    /** It happened. */
    status: Schema.Literal("accepted"),
    /** When the call was admitted. */
    at: Time,
    /** The first answer; an order as it is now. */
    answer: Schema.Union([Order, Charged, IssuedCoupon]),
  }),
  Schema.Struct({
    status: Schema.Literal("pending"),
    /** From then on the same question is answered for good. */
    finalAt: Schema.optionalKey(Time),
  }),
  Schema.Struct({
    /** Nothing was accepted under this key, and nothing will be of any call that was made before. */
    status: Schema.Literal("not-found"),
  }),
]).annotate({ identifier: "Outcome" })
export type Outcome = typeof outcomeSchema.Type
export const Outcome: Schema.Codec<Outcome, (typeof outcomeSchema)["Encoded"]> = outcomeSchema

export const Liveness = Schema.Struct({ status: Schema.Literal("ok") }).annotate({ identifier: "Liveness" })

export const Readiness = Schema.Struct({
  status: Schema.Literals(["ok", "degraded"]),
  store: Schema.Struct({ name: Schema.String, reachable: Schema.Boolean }),
}).annotate({ identifier: "Readiness" })
