/**
 * What each endpoint may answer instead of success: tags of the core and codes of the surface.
 *
 * The document names them at every answer, and a test asks the compiler whether one of the core's own is missing.
 */
import type { Reason } from "../problems/codes.ts"

/** What any endpoint may answer instead of success. */
export const anyReason = [
  "InvalidInput",
  "MALFORMED_PATH",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "URI_TOO_LONG",
  "RATE_LIMITED",
  "HEADERS_TOO_LARGE",
  "INTERNAL",
  "HOST_UNAVAILABLE",
  "Overloaded",
  "DeadlineExceeded",
  "Stopped",
  "StoreUnavailable",
  "StoreRejected",
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

export const chargeReasons = [
  ...changeReason,
  "CHARGE_NOT_OFFERED",
  "AccountNotFound",
  "AccountNotOpen",
  "BalanceLimitExceeded",
] as const
export const issueReasons = [
  ...changeReason,
  "AccountNotFound",
  "AccountNotOpen",
  "CampaignNotFound",
  "CampaignNotOpen",
  "OutsideIssueWindow",
  "CouponAlreadyIssued",
  "CouponsSoldOut",
  // Where the request prefers that it is decided later.
  "RequestsNotOffered",
] as const
export const requestReasons = [...changeReason, "OutsideIssueWindow", "CouponsSoldOut", "RequestsNotOffered"] as const
export const requestedReasons = [...anyReason, "RequestNotFound"] as const
export const placeReasons = [
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
export const cancelReasons = [
  ...changeReason,
  "CANCEL_NOT_OFFERED",
  "CANCEL_TOO_LATE",
  "OrderNotFound",
  "OrderAlreadyCompleted",
  "AmountTooLarge",
] as const
export const accountReasons = [...anyReason, "AccountNotFound"] as const
export const productReasons = [...anyReason, "ProductNotFound"] as const
export const couponReasons = [...anyReason, "CouponNotFound"] as const
export const orderReasons = [...anyReason, "OrderNotFound"] as const
export const probeReasons = [
  "MALFORMED_PATH",
  "URI_TOO_LONG",
  "HEADERS_TOO_LARGE",
  "INTERNAL",
  "Overloaded",
  "Stopped",
] as const
export const readinessReasons = [...probeReasons, "StoreUnavailable"] as const

/** Every one that some endpoint may answer. */
export const answeredReasons: ReadonlySet<Reason> = new Set<Reason>([
  ...chargeReasons,
  ...issueReasons,
  ...requestReasons,
  ...requestedReasons,
  ...placeReasons,
  ...cancelReasons,
  ...accountReasons,
  ...productReasons,
  ...couponReasons,
  ...orderReasons,
  ...probeReasons,
])
