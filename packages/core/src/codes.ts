/**
 * The code and the sentence of every no: what programs compare, and what developers read.
 *
 * Plain data, so that a browser can throw the errors of a shop without the schemas of their fields, which stand beside them
 * in `refusals.ts`. The compiler holds the two together.
 */

interface Row<Fields> {
  /** What programs compare: stable, never translated. */
  readonly code: string
  /** A sentence for logs and developers. */
  readonly message: (fields: Fields) => string
  /** False where the same call again would be answered the same, until a person mends something. Default: true. */
  readonly retryable?: false
}

const row = <const Code extends string, Fields>(
  code: Code,
  message: (fields: Fields) => string,
): Row<Fields> & { readonly code: Code } => ({ code, message })

/** One that is useless to repeat as it is. */
const lasting = <Said extends object>(said: Said): Said & { readonly retryable: false } => ({
  ...said,
  retryable: false,
})

const list = (items: ReadonlyArray<string>): string => items.join(", ")
/** The most issues of one sentence: the hundred that an answer over HTTP lists, and the one that counts the rest. */
const mostIssues = 101
const issueList = (issues: ReadonlyArray<string>): string => {
  const more = issues.length - mostIssues
  return more > 0 ? `${list(issues.slice(0, mostIssues))}, and ${more} more` : list(issues)
}
/** What a driver or a server says, to be continued by a sentence of ours. */
const withoutEnd = (reason: string): string => reason.replace(/\.$/, "")

interface OfAccount {
  readonly accountId: string
}
interface OfCampaign {
  readonly campaignId: string
}
interface OfOrder {
  readonly orderId: string
}
interface OfProducts {
  readonly productIds: ReadonlyArray<string>
}
interface InState {
  readonly state: string
}
interface Stated {
  readonly stated: number
  readonly current: number
}
interface Shortage {
  readonly productId: string
  readonly requested: number
  readonly available: number
}

/** Of every business no. */
export const refusalCodes = {
  InvalidInput: row(
    "INVALID_INPUT",
    ({ issues }: { readonly issues: ReadonlyArray<{ readonly pointer: string; readonly message: string }> }) =>
      `The input is not valid: ${issueList(issues.map((issue) => `${issue.pointer || "/"}: ${issue.message}`))}.`,
  ),
  IdempotencyKeyReused: row(
    "IDEMPOTENCY_KEY_REUSED",
    ({ operation, key }: { readonly operation: string; readonly key: string }) =>
      `The key "${key}" already belongs to another ${operation} with different content.`,
  ),
  AccountNotFound: row("ACCOUNT_NOT_FOUND", ({ accountId }: OfAccount) => `There is no account "${accountId}".`),
  AccountNotOpen: row(
    "ACCOUNT_NOT_OPEN",
    ({ accountId, state }: OfAccount & InState) => `The account "${accountId}" is ${state}.`,
  ),
  AccountAlreadyExists: row(
    "ACCOUNT_ALREADY_EXISTS",
    ({ existing }: { readonly existing: OfAccount & InState & { readonly balanceLimit: number } }) =>
      `The account "${existing.accountId}" exists already: ${existing.state}, balance limit ${existing.balanceLimit}.`,
  ),
  AccountNotEmpty: row(
    "ACCOUNT_NOT_EMPTY",
    ({ accountId, balance }: OfAccount & { readonly balance: number }) =>
      `The account "${accountId}" still has ${balance} points.`,
  ),
  OrderNotFound: row("ORDER_NOT_FOUND", ({ orderId }: OfOrder) => `There is no order "${orderId}" of this account.`),
  OrderAlreadyCompleted: row(
    "ORDER_ALREADY_COMPLETED",
    ({ orderId }: OfOrder) => `The order "${orderId}" is completed.`,
  ),
  OrderAlreadyCancelled: row(
    "ORDER_ALREADY_CANCELLED",
    ({ orderId }: OfOrder) => `The order "${orderId}" is cancelled.`,
  ),
  ProductNotFound: row("PRODUCT_NOT_FOUND", ({ productIds }: OfProducts) => `Not registered: ${list(productIds)}.`),
  ProductRetired: row("PRODUCT_RETIRED", ({ productIds }: OfProducts) => `Retired: ${list(productIds)}.`),
  ProductAlreadyExists: row(
    "PRODUCT_ALREADY_EXISTS",
    ({ existing }: { readonly existing: { readonly productId: string } }) =>
      `The product "${existing.productId}" was registered with another definition.`,
  ),
  PriceChanged: row(
    "PRICE_CHANGED",
    ({
      lines,
      paid,
    }: {
      readonly lines: ReadonlyArray<Stated & { readonly productId: string }>
      readonly paid?: Stated | undefined
    }) =>
      `The price is not what the caller stated: ${list([
        ...lines.map((line) => `${line.productId} ${line.stated} → ${line.current}`),
        ...(paid === undefined ? [] : [`to pay ${paid.stated} → ${paid.current}`]),
      ])}.`,
  ),
  AmountTooLarge: row(
    "AMOUNT_TOO_LARGE",
    ({ what }: { readonly what: string }) => `The ${what} would be larger than can be counted exactly (2^53 − 1).`,
  ),
  OutOfStock: row(
    "OUT_OF_STOCK",
    ({ lines }: { readonly lines: ReadonlyArray<Shortage> }) =>
      `Not enough stock: ${list(lines.map((line) => `${line.productId} asked ${line.requested}, has ${line.available}`))}.`,
  ),
  CampaignNotFound: row("CAMPAIGN_NOT_FOUND", ({ campaignId }: OfCampaign) => `There is no campaign "${campaignId}".`),
  CampaignAlreadyExists: row(
    "CAMPAIGN_ALREADY_EXISTS",
    ({ existing }: { readonly existing: OfCampaign }) =>
      `The campaign "${existing.campaignId}" was created with another definition.`,
  ),
  CouponAlreadyIssued: row(
    "COUPON_ALREADY_ISSUED",
    ({ coupon }: { readonly coupon: OfCampaign & OfAccount & { readonly ticket: number } }) =>
      `The account "${coupon.accountId}" already has ticket ${coupon.ticket} of "${coupon.campaignId}".`,
  ),
  CampaignNotOpen: row(
    "CAMPAIGN_NOT_OPEN",
    ({ campaignId, state }: OfCampaign & InState) => `The campaign "${campaignId}" is ${state}.`,
  ),
  OutsideIssueWindow: row(
    "OUTSIDE_ISSUE_WINDOW",
    ({
      campaignId,
      opensAt,
      closesAt,
    }: OfCampaign & { readonly opensAt?: Date | undefined; readonly closesAt?: Date | undefined }) =>
      `The campaign "${campaignId}" issues from ${opensAt?.toISOString() ?? "its creation"} to ${closesAt?.toISOString() ?? "its end"}.`,
  ),
  CouponsSoldOut: row(
    "COUPONS_SOLD_OUT",
    ({ campaignId, limit }: OfCampaign & { readonly limit: number }) =>
      `All ${limit} coupons of "${campaignId}" are issued.`,
  ),
  LimitBelowIssued: row(
    "LIMIT_BELOW_ISSUED",
    ({ campaignId, requested, issued }: OfCampaign & { readonly requested: number; readonly issued: number }) =>
      `"${campaignId}" has issued ${issued} coupons, so its limit cannot become ${requested}.`,
  ),
  CouponNotFound: row(
    "COUPON_NOT_FOUND",
    ({ campaignId, accountId }: OfCampaign & OfAccount) =>
      `The account "${accountId}" has no coupon of "${campaignId}".`,
  ),
  RequestNotFound: row(
    "REQUEST_NOT_FOUND",
    ({ requestId }: { readonly requestId: string }) => `There is no coupon request "${requestId}".`,
  ),
  RequestsNotOffered: row(
    "REQUESTS_NOT_OFFERED",
    ({ campaignId }: OfCampaign) => `This shop keeps no requests: claim the coupon of "${campaignId}" directly.`,
  ),
  CouponNotUsable: row(
    "COUPON_NOT_USABLE",
    ({ campaignId, state }: OfCampaign & InState) => `The coupon of "${campaignId}" is ${state}.`,
  ),
  CouponExpired: row(
    "COUPON_EXPIRED",
    ({ campaignId, expiredAt }: OfCampaign & { readonly expiredAt: Date }) =>
      `The coupon of "${campaignId}" expired at ${expiredAt.toISOString()}.`,
  ),
  CouponMinimumNotMet: row(
    "COUPON_MINIMUM_NOT_MET",
    ({ campaignId, minTotal, total }: OfCampaign & { readonly minTotal: number; readonly total: number }) =>
      `The coupon of "${campaignId}" needs a total of ${minTotal}; this order comes to ${total}.`,
  ),
  PointsNotEnough: row(
    "POINTS_NOT_ENOUGH",
    ({ accountId, required, available }: OfAccount & { readonly required: number; readonly available: number }) =>
      `The account "${accountId}" has ${available} points; ${required} are needed.`,
  ),
  BalanceLimitExceeded: row(
    "BALANCE_LIMIT_EXCEEDED",
    ({
      accountId,
      balance,
      amount,
      limit,
    }: OfAccount & { readonly balance: number; readonly amount: number; readonly limit: number }) =>
      `The account "${accountId}" has ${balance} points and may hold ${limit}; ${amount} more do not fit.`,
  ),
  AlreadySubscribed: row(
    "ALREADY_SUBSCRIBED",
    ({ name }: { readonly name: string }) => `This process already serves the subscription "${name}".`,
  ),
} as const

/** Of every infrastructure no. */
export const unavailableCodes = {
  Overloaded: row(
    "OVERLOADED",
    ({ retryAfterMillis }: { readonly retryAfterMillis: number }) =>
      `Too many calls are waiting; try again in ${retryAfterMillis} ms.`,
  ),
  DeadlineExceeded: row(
    "DEADLINE_EXCEEDED",
    ({ deadlineMillis }: { readonly deadlineMillis: number }) =>
      `The call was not decided within ${deadlineMillis} ms and was withdrawn.`,
  ),
  Stopped: row("STOPPED", () => "The shop is stopped and takes no more calls."),
  TransactionConflict: row(
    "TRANSACTION_CONFLICT",
    () => "Another transaction is using the same records; run the whole transaction again.",
  ),
  JoinNotSupported: lasting(
    row(
      "JOIN_NOT_SUPPORTED",
      ({ store, reason }: { readonly store: string; readonly reason: string }) =>
        `The ${store} store cannot join this transaction: ${reason}.`,
    ),
  ),
  StoreUnavailable: row(
    "STORE_UNAVAILABLE",
    ({ outcome, reason }: { readonly outcome: "nothing-happened" | "unknown"; readonly reason: string }) =>
      outcome === "unknown"
        ? `The store is not available (${reason}). The outcome is unknown until asked for.`
        : `The store is not available: ${withoutEnd(reason)}.`,
  ),
  StoreRejected: lasting(
    row("STORE_REJECTED", ({ reason }: { readonly reason: string }) => `The store rejects it: ${withoutEnd(reason)}.`),
  ),
} as const
