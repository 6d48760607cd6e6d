/**
 * What the endpoints answer: the reference service's fields under its names, and what only Holdfast knows beside them.
 */
import { Schema } from "effect"
import { Amount, AnswerId, Change, Count, Discount, Metadata, Price, pageOf, Quantity, Time } from "./fields.ts"

export const Balance = Schema.Struct({ userId: AnswerId, totalPoint: Amount }).annotate({ identifier: "Balance" })

export const Charged = Schema.Struct({
  userId: AnswerId,
  chargedAmount: Amount,
  totalPoint: Amount.annotate({ description: "The exact balance right after this charge." }),
  seq: Count.annotate({ description: "The position of this charge in the account's ledger." }),
}).annotate({ identifier: "Charged" })

const PointEntry = Schema.Struct({
  seq: Count,
  type: Schema.Literals(["charge", "spend", "refund", "adjust"]),
  change: Change,
  totalPoint: Amount.annotate({ description: "The balance after this entry." }),
  orderId: Schema.optionalKey(AnswerId),
  reason: Schema.optionalKey(Schema.String),
  at: Time,
}).annotate({ identifier: "PointEntry" })

export const PointEntries = pageOf(PointEntry).annotate({ identifier: "PointEntries" })

const issuedFields = {
  userId: AnswerId,
  couponId: AnswerId.annotate({ description: "The campaign." }),
  userCouponId: AnswerId.annotate({ description: "What an order names to use this coupon: the campaign again." }),
  ticket: Count.annotate({ description: "1 to the campaign's limit, in the order of acceptance." }),
  discount: Discount,
  issuedAt: Time,
  expiresAt: Time.annotate({ description: "Usable until before this moment." }),
}

export const IssuedCoupon = Schema.Struct(issuedFields).annotate({ identifier: "IssuedCoupon" })

export const Coupon = Schema.Struct({
  ...issuedFields,
  state: Schema.Literals(["issued", "redeemed", "expired", "revoked"]),
  orderId: Schema.optionalKey(AnswerId),
}).annotate({ identifier: "Coupon" })

export const Coupons = pageOf(Coupon).annotate({ identifier: "Coupons" })

export const Product = Schema.Struct({
  productId: AnswerId,
  productName: Schema.String,
  price: Price,
  stock: Count,
  retired: Schema.Boolean,
}).annotate({ identifier: "Product" })

export const PopularProducts = Schema.Array(
  Schema.Struct({
    productId: AnswerId,
    productName: Schema.String,
    price: Price,
    stock: Count,
    sold: Count.annotate({ description: "Units sold in the window, cancelled ones not counted." }),
  }),
).annotate({ identifier: "PopularProducts" })

export const Order = Schema.Struct({
  orderId: AnswerId,
  userId: AnswerId,
  totalPrice: Amount,
  discountAmount: Amount,
  paidAmount: Amount,
  items: Schema.Array(
    Schema.Struct({
      orderItemId: AnswerId,
      productId: AnswerId,
      productName: Schema.String,
      quantity: Quantity,
      price: Price.annotate({ description: "Of one unit, as it was when the order was placed." }),
      discountAmount: Amount.annotate({ description: "This item's share of the order's discount." }),
      paidAmount: Amount.annotate({ description: "This item's share of the amount paid." }),
    }),
  ),
  userCouponId: Schema.optionalKey(AnswerId),
  reference: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Metadata),
  state: Schema.Literals(["placed", "completed", "cancelled"]),
  placedAt: Time,
  closedAt: Schema.optionalKey(Time),
}).annotate({ identifier: "Order" })

export const Orders = pageOf(Order).annotate({ identifier: "Orders" })

/** The operations whose outcome can be asked for, by the core's names. */
export const keyedOperations = ["points.charge", "coupons.issue", "orders.place", "orders.cancel"] as const

export const Outcome = Schema.Union([
  Schema.Struct({
    status: Schema.Literal("accepted"),
    at: Time,
    answer: Schema.Union([Order, Charged, IssuedCoupon]),
  }),
  Schema.Struct({ status: Schema.Literals(["pending", "not-found"]) }),
]).annotate({ identifier: "Outcome" })

export const Liveness = Schema.Struct({ status: Schema.Literal("ok") }).annotate({ identifier: "Liveness" })

export const Readiness = Schema.Struct({
  status: Schema.Literals(["ok", "degraded"]),
  store: Schema.Struct({ name: Schema.String, reachable: Schema.Boolean }),
}).annotate({ identifier: "Readiness" })
