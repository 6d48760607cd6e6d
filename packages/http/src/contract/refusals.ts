/**
 * The noes of the core as they travel: `_tag` and the numbers, in the core's own words, with moments as text.
 *
 * A caller who wants to know more than the code reads them here, and so do the clients that others generate from the
 * document. One that is missing does not compile, and a test asks the compiler whether one has lost a field.
 */
import type { RefusalTag, UnavailableTag } from "@holdfast/core"
import { Schema } from "effect"
import { Amount, AnswerId, amount, Count, Discount, Time } from "./fields.ts"

const tagged = <const Tag extends string, const Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.Struct({ _tag: Schema.Literal(tag), ...fields }).annotate({ identifier: tag })

const account = { accountId: AnswerId }
const campaign = { campaignId: AnswerId }
const order = { orderId: AnswerId }
const products = { productIds: Schema.Array(AnswerId) }
const millis = Schema.Number.check(Schema.isInt())

const stated = { stated: Amount, current: Amount }

/** What an HTTP caller may be refused with. Wrong input is told by `errors`, in the request's own words. */
export const refusalSchemas = {
  IdempotencyKeyReused: tagged("IdempotencyKeyReused", { operation: Schema.String, key: Schema.String }),
  AccountNotFound: tagged("AccountNotFound", account),
  AccountNotOpen: tagged("AccountNotOpen", { ...account, state: Schema.Literals(["suspended", "closed"]) }),
  OrderNotFound: tagged("OrderNotFound", order),
  OrderAlreadyCompleted: tagged("OrderAlreadyCompleted", order),
  ProductNotFound: tagged("ProductNotFound", products),
  ProductRetired: tagged("ProductRetired", products),
  PriceChanged: tagged("PriceChanged", {
    lines: Schema.Array(Schema.Struct({ productId: AnswerId, ...stated })),
    paid: Schema.optionalKey(Schema.Struct(stated)),
  }),
  AmountTooLarge: tagged("AmountTooLarge", {
    what: Schema.Literals(["order total", "balance", "on hand", "units sold"]),
  }),
  OutOfStock: tagged("OutOfStock", {
    lines: Schema.Array(Schema.Struct({ productId: AnswerId, requested: Count, available: Count })),
  }),
  CampaignNotFound: tagged("CampaignNotFound", campaign),
  CouponAlreadyIssued: tagged("CouponAlreadyIssued", {
    coupon: Schema.Struct({
      ...campaign,
      ...account,
      ticket: Count,
      discount: Discount,
      issuedAt: Time,
      expiresAt: Time,
    }),
  }),
  CampaignNotOpen: tagged("CampaignNotOpen", { ...campaign, state: Schema.Literals(["paused", "closed"]) }),
  OutsideIssueWindow: tagged("OutsideIssueWindow", {
    ...campaign,
    opensAt: Schema.optionalKey(Time),
    closesAt: Schema.optionalKey(Time),
  }),
  CouponsSoldOut: tagged("CouponsSoldOut", { ...campaign, limit: Count }),
  CouponNotFound: tagged("CouponNotFound", { ...campaign, ...account }),
  RequestsNotOffered: tagged("RequestsNotOffered", campaign),
  RequestNotFound: tagged("RequestNotFound", { requestId: Schema.String }),
  CouponNotUsable: tagged("CouponNotUsable", {
    ...campaign,
    ...account,
    state: Schema.Literals(["redeemed", "revoked"]),
  }),
  CouponExpired: tagged("CouponExpired", { ...campaign, ...account, expiredAt: Time }),
  CouponMinimumNotMet: tagged("CouponMinimumNotMet", {
    ...campaign,
    minTotal: amount("The smallest total that the coupon takes something off."),
    total: Amount,
  }),
  PointsNotEnough: tagged("PointsNotEnough", { ...account, required: Amount, available: Amount }),
  BalanceLimitExceeded: tagged("BalanceLimitExceeded", {
    ...account,
    balance: Amount,
    amount: Amount,
    limit: Amount,
  }),
} as const satisfies { readonly [Tag in AnsweredRefusal]: Schema.Top }

const nothingHappened = { outcome: Schema.Literal("nothing-happened") }

/** What was not available. Why a store failed stays inside, so that its absence says nothing more than the code. */
export const unavailableSchemas = {
  Overloaded: tagged("Overloaded", { ...nothingHappened, retryAfterMillis: millis }),
  DeadlineExceeded: tagged("DeadlineExceeded", { ...nothingHappened, deadlineMillis: millis }),
  Stopped: tagged("Stopped", nothingHappened),
  TransactionConflict: tagged("TransactionConflict", nothingHappened),
} as const satisfies { readonly [Tag in AnsweredUnavailable]: Schema.Top }

/** No endpoint makes any of these. */
type Unanswered =
  | "InvalidInput"
  | "AccountAlreadyExists"
  | "AccountNotEmpty"
  | "OrderAlreadyCancelled"
  | "ProductAlreadyExists"
  | "CampaignAlreadyExists"
  | "LimitBelowIssued"
  | "AlreadySubscribed"

type AnsweredRefusal = Exclude<RefusalTag, Unanswered>
type AnsweredUnavailable = Exclude<UnavailableTag, "StoreUnavailable" | "StoreRejected" | "JoinNotSupported">
