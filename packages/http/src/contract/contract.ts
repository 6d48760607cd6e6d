/**
 * The contract: every endpoint with what it takes, answers and refuses, as one value.
 *
 * It is read as plain data: routes, OpenAPI document and typed client all follow from it, and none of `effect/http-api`'s
 * own server runs. Paths are relative to the base path that the host chooses.
 */
import { maxKeyBytes } from "@holdfast/core"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import type { Reason } from "../problems/codes.ts"
import {
  Balance,
  Charged,
  Coupon,
  Coupons,
  IssuedCoupon,
  keyedOperations,
  Liveness,
  Order,
  Orders,
  Outcome,
  PointEntries,
  PopularProducts,
  Product,
  Readiness,
} from "./answers.ts"
import { PathId, pageQuery, queryNumber } from "./fields.ts"
import { problemsOf, Reasons } from "./problems.ts"
import { CancelRequest, ChargeRequest, IssueRequest, OrderRequest } from "./requests.ts"

/** What any endpoint may answer instead of success. */
const anyReason = [
  "InvalidInput",
  "MALFORMED_PATH",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "URI_TOO_LONG",
  "RATE_LIMITED",
  "HEADERS_TOO_LARGE",
  "INTERNAL",
  "Overloaded",
  "DeadlineExceeded",
  "Stopped",
  "StoreUnavailable",
] as const satisfies ReadonlyArray<Reason>

/** What any change may answer instead of success. */
const changeReason = [
  ...anyReason,
  "MALFORMED_JSON",
  "IDEMPOTENCY_KEY_REQUIRED",
  "IDEMPOTENCY_KEY_INVALID",
  "IdempotencyKeyReused",
  "REQUEST_TIMEOUT",
  "BODY_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "TransactionConflict",
] as const satisfies ReadonlyArray<Reason>

const chargeReasons = [...changeReason, "AccountNotFound", "AccountNotOpen", "BalanceLimitExceeded"] as const
const issueReasons = [
  ...changeReason,
  "AccountNotFound",
  "AccountNotOpen",
  "CampaignNotFound",
  "CampaignNotOpen",
  "OutsideIssueWindow",
  "CouponAlreadyIssued",
  "CouponsSoldOut",
] as const
const placeReasons = [
  ...changeReason,
  "AccountNotFound",
  "AccountNotOpen",
  "ProductNotFound",
  "ProductRetired",
  "PriceChanged",
  "AmountTooLarge",
  "OutOfStock",
  "CampaignNotFound",
  "CouponNotFound",
  "CouponNotUsable",
  "CouponExpired",
  "CouponMinimumNotMet",
  "PointsNotEnough",
] as const
const cancelReasons = [
  ...changeReason,
  "CANCEL_NOT_OFFERED",
  "CANCEL_TOO_LATE",
  "OrderNotFound",
  "OrderAlreadyCompleted",
  "AmountTooLarge",
] as const
const accountReasons = [...anyReason, "AccountNotFound"] as const
const productReasons = [...anyReason, "ProductNotFound"] as const
const couponReasons = [...anyReason, "CouponNotFound"] as const
const orderReasons = [...anyReason, "OrderNotFound"] as const
const probeReasons = [
  "MALFORMED_PATH",
  "URI_TOO_LONG",
  "HEADERS_TOO_LARGE",
  "INTERNAL",
  "Overloaded",
  "Stopped",
] as const

const user = { userId: PathId }
const order = { orderId: PathId }

const points = HttpApiGroup.make("points").add(
  HttpApiEndpoint.get("balance", "/users/:userId/points", {
    params: user,
    success: Balance,
    error: problemsOf(accountReasons),
  })
    .annotate(OpenApi.Summary, "The points of a user")
    .annotate(Reasons, accountReasons),
  HttpApiEndpoint.post("charge", "/users/:userId/points", {
    params: user,
    payload: ChargeRequest,
    success: Charged,
    error: problemsOf(chargeReasons),
  })
    .annotate(OpenApi.Summary, "Charge points")
    .annotate(Reasons, chargeReasons),
  HttpApiEndpoint.get("entries", "/users/:userId/points/entries", {
    params: user,
    query: pageQuery,
    success: PointEntries,
    error: problemsOf(accountReasons),
  })
    .annotate(OpenApi.Summary, "The ledger of a user's points, newest first")
    .annotate(Reasons, accountReasons),
)

const coupons = HttpApiGroup.make("coupons").add(
  HttpApiEndpoint.post("issue", "/coupons/issue", {
    payload: IssueRequest,
    success: IssuedCoupon,
    error: problemsOf(issueReasons),
  })
    .annotate(OpenApi.Summary, "Issue a coupon, first come first served")
    .annotate(Reasons, issueReasons),
  HttpApiEndpoint.get("get", "/coupons/:campaignId/issues/:userId", {
    params: { campaignId: PathId, ...user },
    success: Coupon,
    error: problemsOf(couponReasons),
  })
    .annotate(OpenApi.Summary, "The coupon that a user owns of a campaign")
    .annotate(Reasons, couponReasons),
  HttpApiEndpoint.get("ofUser", "/users/:userId/coupons", {
    params: user,
    query: pageQuery,
    success: Coupons,
    error: problemsOf(anyReason),
  })
    .annotate(OpenApi.Summary, "The coupons of a user, by campaign")
    .annotate(Reasons, anyReason),
)

const products = HttpApiGroup.make("products").add(
  HttpApiEndpoint.get("popular", "/products/popular", {
    query: {
      limit: Schema.optionalKey(queryNumber(1, 100)),
      days: Schema.optionalKey(queryNumber(1, 366)),
      zone: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64))),
    },
    success: PopularProducts,
    error: problemsOf(anyReason),
  })
    .annotate(OpenApi.Summary, "The products sold most in the last days")
    .annotate(Reasons, anyReason),
  HttpApiEndpoint.get("get", "/products/:productId", {
    params: { productId: PathId },
    success: Product,
    error: problemsOf(productReasons),
  })
    .annotate(OpenApi.Summary, "A product with its exact stock")
    .annotate(Reasons, productReasons),
)

const orders = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.post("place", "/orders", {
    payload: OrderRequest,
    success: Order,
    error: problemsOf(placeReasons),
  })
    .annotate(OpenApi.Summary, "Place an order and pay it with points: all of it or none")
    .annotate(Reasons, placeReasons),
  HttpApiEndpoint.get("get", "/orders/:orderId", {
    params: order,
    success: Order,
    error: problemsOf(orderReasons),
  })
    .annotate(OpenApi.Summary, "An order as it is now")
    .annotate(Reasons, orderReasons),
  HttpApiEndpoint.post("cancel", "/orders/:orderId/cancel", {
    params: order,
    payload: CancelRequest,
    success: Order,
    error: problemsOf(cancelReasons),
  })
    .annotate(OpenApi.Summary, "Cancel an order: points, coupon and stock come back")
    .annotate(Reasons, cancelReasons),
  HttpApiEndpoint.get("ofUser", "/users/:userId/orders", {
    params: user,
    query: pageQuery,
    success: Orders,
    error: problemsOf(anyReason),
  })
    .annotate(OpenApi.Summary, "The orders of a user, newest first")
    .annotate(Reasons, anyReason),
)

const outcomes = HttpApiGroup.make("outcomes").add(
  HttpApiEndpoint.get("get", "/outcomes", {
    query: {
      operation: Schema.Literals(keyedOperations),
      key: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxKeyBytes)),
    },
    success: Outcome,
    error: problemsOf(anyReason),
  })
    .annotate(OpenApi.Summary, "What became of one of the caller's own idempotency keys")
    .annotate(Reasons, anyReason),
)

/** What a shop offers its users. */
export const Contract = HttpApi.make("holdfast").add(points, coupons, products, orders, outcomes)

/** What operators and tools ask for. Served at the root and, for hosts that mount one prefix only, under the base path. */
export const Operations = HttpApi.make("holdfast-operations").add(
  HttpApiGroup.make("operations").add(
    HttpApiEndpoint.get("livez", "/livez", { success: Liveness, error: problemsOf(probeReasons) })
      .annotate(OpenApi.Summary, "Whether the process answers, without asking the store")
      .annotate(Reasons, probeReasons),
    HttpApiEndpoint.get("readyz", "/readyz", { success: Readiness, error: problemsOf(probeReasons) })
      .annotate(OpenApi.Summary, "Whether the shop works; degraded is still ready")
      .annotate(Reasons, probeReasons),
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText()),
      error: problemsOf(probeReasons),
    })
      .annotate(OpenApi.Summary, "Counters and histograms in the Prometheus text format")
      .annotate(Reasons, probeReasons),
    HttpApiEndpoint.get("openapi", "/openapi.json", {
      success: Schema.Record(Schema.String, Schema.Json),
      error: problemsOf(probeReasons),
    })
      .annotate(OpenApi.Summary, "This document")
      .annotate(Reasons, probeReasons),
  ),
)
