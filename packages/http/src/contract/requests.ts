/**
 * The bodies of the requests that change something, under the reference service's names.
 */
import { maxOrderLines } from "@holdfast/core"
import { Schema } from "effect"
import { Amount, Id, Metadata, PositiveAmount, Price, Quantity } from "./fields.ts"

const chargeRequestSchema = Schema.Struct({
  /** The points to add: a whole number of at least 1. */
  amount: PositiveAmount,
}).annotate({ identifier: "ChargeRequest" })
export interface ChargeRequest extends Schema.Schema.Type<typeof chargeRequestSchema> {}
export const ChargeRequest: Schema.Codec<ChargeRequest> = chargeRequestSchema

const issueRequestSchema = Schema.Struct({
  /** Who gets the coupon. */
  userId: Id,
  /** The campaign. */
  couponId: Id,
}).annotate({ identifier: "IssueRequest" })
export interface IssueRequest extends Schema.Schema.Type<typeof issueRequestSchema> {}
export const IssueRequest: Schema.Codec<IssueRequest> = issueRequestSchema

const orderRequestSchema = Schema.Struct({
  /** The buyer, who pays with points. */
  userId: Id,
  /** The `userCouponId` of a coupon to use; null or left out for none. */
  userCouponId: Schema.optionalKey(Schema.NullOr(Id)),
  /** What is bought: 1 to 100 items. Items of one product are merged. */
  orderItems: Schema.Array(
    Schema.Struct({
      /** The product. */
      productId: Id,
      /** The units: 1 to 1,000,000. */
      quantity: Quantity,
      /** The price of one unit that the buyer saw. Where it is another one now, the order is refused. */
      unitPrice: Schema.optionalKey(Price),
    }),
  ).check(Schema.isMinLength(1), Schema.isMaxLength(maxOrderLines)),
  /** The points that the buyer expects to pay. Where it is another amount now, the order is refused. */
  expectedPaid: Schema.optionalKey(Amount),
  /** A name of the host's own for the order: 1–200 characters. */
  reference: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))),
  /** Notes of the host's own: JSON of at most 4,096 bytes. */
  metadata: Schema.optionalKey(Metadata),
}).annotate({ identifier: "OrderRequest" })
export interface OrderRequest extends Schema.Schema.Type<typeof orderRequestSchema> {}
export const OrderRequest: Schema.Codec<OrderRequest> = orderRequestSchema

const cancelRequestSchema = Schema.Struct({
  /** The buyer, to whom the order must belong. */
  userId: Id,
}).annotate({ identifier: "CancelRequest" })

export interface CancelRequest extends Schema.Schema.Type<typeof cancelRequestSchema> {}
export const CancelRequest: Schema.Codec<CancelRequest> = cancelRequestSchema
