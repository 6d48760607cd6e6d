/**
 * Every code that a non-2xx answer may carry, with its status: the core's table and what only HTTP can say.
 */
import { type RefusalTag, refusals, type UnavailableTag, unavailabilities } from "@holdfast/core"

/** What HTTP says of a code. */
interface Row {
  /** The reference service's where it has one for this case. */
  readonly status: number
  /** The code that the reference service gives, where it has one. */
  readonly referenceCode?: string
}

/** The tags of the core that can reach an HTTP caller. */
export type NoTag = RefusalTag | UnavailableTag

/** Everything that the core answers instead of success. A no without a row does not compile. */
export const coreProblems: { readonly [Tag in NoTag]: Row } = {
  InvalidInput: { status: 400, referenceCode: "INVALID_PARAMETER" },
  IdempotencyKeyReused: { status: 422 },
  AccountNotFound: { status: 404, referenceCode: "USER_NOT_FOUND" },
  AccountNotOpen: { status: 409 },
  AccountAlreadyExists: { status: 409 },
  AccountNotEmpty: { status: 409 },
  OrderNotFound: { status: 404 },
  OrderAlreadyCompleted: { status: 409 },
  OrderAlreadyCancelled: { status: 409 },
  ProductNotFound: { status: 404, referenceCode: "PRODUCT_NOT_FOUND" },
  ProductRetired: { status: 409 },
  ProductAlreadyExists: { status: 409 },
  PriceChanged: { status: 409 },
  AmountTooLarge: { status: 422 },
  OutOfStock: { status: 422, referenceCode: "PRODUCT_OUT_OF_STOCK" },
  CampaignNotFound: { status: 404, referenceCode: "COUPON_NOT_FOUND" },
  CampaignAlreadyExists: { status: 409 },
  CouponAlreadyIssued: { status: 409, referenceCode: "COUPON_ALREADY_ISSUED" },
  CampaignNotOpen: { status: 400, referenceCode: "INVALID_COUPON" },
  OutsideIssueWindow: { status: 400, referenceCode: "INVALID_COUPON" },
  CouponsSoldOut: { status: 422, referenceCode: "COUPON_OUT_OF_STOCK" },
  LimitBelowIssued: { status: 409 },
  CouponNotFound: { status: 404, referenceCode: "COUPON_NOT_FOUND" },
  RequestNotFound: { status: 404 },
  RequestsNotOffered: { status: 403 },
  CouponNotUsable: { status: 400, referenceCode: "INVALID_COUPON" },
  CouponExpired: { status: 400, referenceCode: "COUPON_EXPIRED" },
  CouponMinimumNotMet: { status: 400, referenceCode: "INVALID_COUPON" },
  PointsNotEnough: { status: 400, referenceCode: "POINT_NOT_ENOUGH" },
  BalanceLimitExceeded: { status: 422, referenceCode: "POINT_CHARGE_FAILED" },
  AlreadySubscribed: { status: 409 },
  Overloaded: { status: 503 },
  DeadlineExceeded: { status: 503 },
  Stopped: { status: 503 },
  TransactionConflict: { status: 503, referenceCode: "DISTRIBUTED_LOCK_ACQUISITION_FAILED" },
  JoinNotSupported: { status: 500 },
  StoreUnavailable: { status: 503 },
  StoreRejected: { status: 500 },
}

/** What is wrong with a request before the shop is asked, and what only a surface can refuse. */
const surfaceProblems = {
  MALFORMED_JSON: { status: 400, referenceCode: "INVALID_PARAMETER" },
  MALFORMED_PATH: { status: 400, referenceCode: "INVALID_PARAMETER" },
  IDEMPOTENCY_KEY_REQUIRED: { status: 400 },
  IDEMPOTENCY_KEY_INVALID: { status: 400 },
  UNAUTHENTICATED: { status: 401 },
  FORBIDDEN: { status: 403 },
  CHARGE_NOT_OFFERED: { status: 403 },
  CANCEL_NOT_OFFERED: { status: 403 },
  ROUTE_NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMEOUT: { status: 408 },
  CANCEL_TOO_LATE: { status: 409 },
  BODY_TOO_LARGE: { status: 413 },
  URI_TOO_LONG: { status: 414 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  RATE_LIMITED: { status: 429 },
  HEADERS_TOO_LARGE: { status: 431 },
  INTERNAL: { status: 500 },
  HOST_UNAVAILABLE: { status: 503 },
} as const satisfies Readonly<Record<string, Row>>

export type SurfaceCode = keyof typeof surfaceProblems

/** What can stand in an endpoint's list: a tag of the core, or a code of the surface. */
export type Reason = NoTag | SurfaceCode

export interface CodeRow {
  readonly code: string
  readonly status: number
  readonly referenceCode: string | undefined
  /** The reference service's code where it is another one: what problem documents tell. */
  readonly legacyCode: string | undefined
}

/** The row of a reason. */
export const rowOf = (reason: Reason): CodeRow => {
  const { code, row } = found(reason)
  const { status, referenceCode } = row
  return { code, status, referenceCode, legacyCode: referenceCode === code ? undefined : referenceCode }
}

const found = (reason: Reason): { readonly code: string; readonly row: Row } =>
  isNoTag(reason)
    ? { code: { ...refusals, ...unavailabilities }[reason].code, row: coreProblems[reason] }
    : { code: reason, row: surfaceProblems[reason] }

const isNoTag = (reason: Reason): reason is NoTag => reason in coreProblems

/** Every reason there is. */
export const reasons: ReadonlyArray<Reason> = [
  ...keysOf(refusals),
  ...keysOf(unavailabilities),
  ...keysOf(surfaceProblems),
]

/** What only HTTP can say. */
export const surfaceCodes: ReadonlySet<Reason> = new Set<Reason>(keysOf(surfaceProblems))

/** The names of a table's rows, typed. */
export function keysOf<Row extends object>(rows: Row): ReadonlyArray<Extract<keyof Row, string>> {
  // biome-ignore lint/plugin/casts: the tables are constants without further fields
  return Object.keys(rows) as Array<Extract<keyof Row, string>>
}
