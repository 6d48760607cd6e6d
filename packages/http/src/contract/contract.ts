/**
 * The contract: every endpoint with what it takes, answers and refuses, as one value.
 *
 * It is read as plain data: routes, OpenAPI document and typed client all follow from it, and none of `effect/http-api`'s
 * own server runs. Paths are relative to the base path that the host chooses.
 */
import { maxKeyBytes } from "@holdfast/core"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  AcceptedRequest,
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
  RequestedCoupon,
} from "./answers.ts"
import { PathId, queryNumber, Time } from "./fields.ts"
import { problemsOf, Reasons } from "./problems.ts"
import {
  accountReasons,
  anyReason,
  cancelReasons,
  chargeReasons,
  couponReasons,
  issueReasons,
  orderReasons,
  placeReasons,
  probeReasons,
  productReasons,
  readinessReasons,
  requestedReasons,
  requestReasons,
} from "./reasons.ts"
import { CancelRequest, ChargeRequest, IssueRequest, OrderRequest } from "./requests.ts"

/** What every list takes. */
const pageQuery = {
  /** The most items of the page: 1 to 1,000. Default 20. */
  limit: Schema.optionalKey(queryNumber(1, 1_000)),
  /** The `nextCursor` of the page before; leave it out for the first. */
  cursor: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128))),
}

const user = {
  /** The user. */
  userId: PathId,
}
const order = {
  /** The order. */
  orderId: PathId,
}

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
  HttpApiEndpoint.post("request", "/coupons/issue-requests", {
    payload: IssueRequest,
    success: AcceptedRequest.pipe(HttpApiSchema.status(202)),
    error: problemsOf(requestReasons),
  })
    .annotate(OpenApi.Summary, "Accept a claim of a coupon, to be decided later in the order of acceptance")
    .annotate(Reasons, requestReasons),
  HttpApiEndpoint.get("requested", "/coupons/issue-requests/:requestId", {
    params: {
      /** As the acceptance said it. */
      requestId: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxKeyBytes)),
    },
    query: {
      /** How many seconds to wait for the decision: 0 to 60. Default 0. The server may answer sooner. */
      wait: Schema.optionalKey(queryNumber(0, 60)),
    },
    success: RequestedCoupon,
    error: problemsOf(requestedReasons),
  })
    .annotate(OpenApi.Summary, "What became of a claim that was accepted")
    .annotate(Reasons, requestedReasons),
  HttpApiEndpoint.get("get", "/coupons/:campaignId/issues/:userId", {
    params: {
      /** The campaign of the coupon. */
      campaignId: PathId,
      /** The user whose coupon it is. */
      userId: PathId,
    },
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
      /** The most products: 1 to 100. Default 5. */
      limit: Schema.optionalKey(queryNumber(1, 100)),
      /** The length of the window: 1 to 366. Default 3. */
      days: Schema.optionalKey(queryNumber(1, 366)),
      /** Counts calendar days of this time zone, such as "Asia/Seoul", instead of the last 24 × days hours. */
      zone: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64))),
    },
    success: PopularProducts,
    error: problemsOf(anyReason),
  })
    .annotate(OpenApi.Summary, "The products sold most in the last days")
    .annotate(Reasons, anyReason),
  HttpApiEndpoint.get("get", "/products/:productId", {
    params: {
      /** The product. */
      productId: PathId,
    },
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
      /** What the key was used for. */
      operation: Schema.Literals(keyedOperations),
      /** The key. */
      key: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxKeyBytes)),
      /** When the request was made. */
      calledAt: Schema.optionalKey(
        Time.annotate({
          description: "When the request was made. Nothing is told for good until it cannot arrive any more.",
        }),
      ),
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
    HttpApiEndpoint.get("readyz", "/readyz", { success: Readiness, error: problemsOf(readinessReasons) })
      .annotate(
        OpenApi.Summary,
        "Whether to send requests here: 503 while the store is away, and once the process leaves",
      )
      .annotate(Reasons, readinessReasons),
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
