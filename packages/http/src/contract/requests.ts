/**
 * The bodies of the requests that change something, under the reference service's names.
 */
import { maxOrderLines } from "@holdfast/core"
import { Schema } from "effect"
import { Amount, Id, Metadata, PositiveAmount, Price, Quantity } from "./fields.ts"

export const ChargeRequest = Schema.Struct({ amount: PositiveAmount }).annotate({ identifier: "ChargeRequest" })

export const IssueRequest = Schema.Struct({ userId: Id, couponId: Id }).annotate({ identifier: "IssueRequest" })

export const OrderRequest = Schema.Struct({
  userId: Id,
  userCouponId: Schema.optionalKey(Schema.NullOr(Id)),
  orderItems: Schema.Array(
    Schema.Struct({ productId: Id, quantity: Quantity, unitPrice: Schema.optionalKey(Price) }),
  ).check(Schema.isMinLength(1), Schema.isMaxLength(maxOrderLines)),
  expectedPaid: Schema.optionalKey(Amount),
  reference: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))),
  metadata: Schema.optionalKey(Metadata),
}).annotate({ identifier: "OrderRequest" })

export const CancelRequest = Schema.Struct({ userId: Id }).annotate({ identifier: "CancelRequest" })
