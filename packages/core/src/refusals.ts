/**
 * The one table of everything that can be answered instead of success: refusals and unavailability.
 *
 * Types, codes, the errors page of the docs and the statuses of the HTTP package all come from here. Rows stand in
 * order of precedence: where several refusals apply, the one that stands first is the answer, so that two adapters
 * never answer differently.
 */
import { Schema } from "effect"
import {
  AccountId,
  Amount,
  CampaignId,
  IdempotencyKey,
  OrderId,
  ProductId,
  Quantity,
  SubscriptionName,
} from "./values.ts"

interface Row<Fields extends Schema.Struct.Fields> {
  /** What programs compare: stable, never translated. */
  readonly code: string
  /** The HTTP status: the reference service's where it has one for this case. */
  readonly status: number
  /** The code that the reference service gives, where it has one. */
  readonly referenceCode?: string
  /** One sentence for the docs: when this is the answer. */
  readonly when: string
  /** The numbers and names that the answer carries. */
  readonly fields: Fields
  /** A sentence for logs and developers. */
  readonly message: (fields: Schema.Struct.Type<Fields>) => string
}

const row = <const Code extends string, const Fields extends Schema.Struct.Fields>(
  definition: Row<Fields> & { readonly code: Code },
): Row<Fields> & { readonly code: Code } => definition

const list = (items: ReadonlyArray<string>): string => items.join(", ")

const AccountDefinition = Schema.Struct({
  accountId: AccountId,
  balanceLimit: Amount,
  state: Schema.Literals(["open", "suspended", "closed"]),
})
const ProductDefinition = Schema.Struct({ productId: ProductId, name: Schema.String, price: Amount, onHand: Quantity })
const DiscountFields = Schema.Union([
  Schema.Struct({ type: Schema.Literal("flat"), amount: Amount, minTotal: Schema.optional(Amount) }),
  Schema.Struct({
    type: Schema.Literal("rate"),
    percent: Schema.Number,
    max: Schema.optional(Amount),
    minTotal: Schema.optional(Amount),
  }),
])
const CampaignDefinition = Schema.Struct({
  campaignId: CampaignId,
  name: Schema.String,
  discount: DiscountFields,
  limit: Quantity,
  opensAt: Schema.optional(Schema.Date),
  closesAt: Schema.optional(Schema.Date),
  validDays: Schema.Number,
})
const CouponFields = Schema.Struct({
  campaignId: CampaignId,
  accountId: AccountId,
  ticket: Schema.Number,
  discount: DiscountFields,
  issuedAt: Schema.Date,
  expiresAt: Schema.Date,
})

/** Every business no, in order of precedence. Nothing happened in the attempt that was refused. */
export const refusals = {
  InvalidInput: row({
    code: "INVALID_INPUT",
    status: 400,
    referenceCode: "INVALID_PARAMETER",
    when: "A field is missing, unknown, of the wrong type or outside its limits.",
    fields: {
      issues: Schema.Array(Schema.Struct({ pointer: Schema.String, message: Schema.String })),
    },
    message: ({ issues }) =>
      `The input is not valid: ${list(issues.map((issue) => `${issue.pointer || "/"}: ${issue.message}`))}.`,
  }),
  IdempotencyKeyReused: row({
    code: "IDEMPOTENCY_KEY_REUSED",
    status: 422,
    when: "The same key was used before for a different intention.",
    fields: { operation: Schema.String, key: IdempotencyKey },
    message: ({ operation, key }) => `The key "${key}" already belongs to another ${operation} with different content.`,
  }),
  AccountNotFound: row({
    code: "ACCOUNT_NOT_FOUND",
    status: 404,
    referenceCode: "USER_NOT_FOUND",
    when: "The account was never opened.",
    fields: { accountId: AccountId },
    message: ({ accountId }) => `There is no account "${accountId}".`,
  }),
  AccountNotOpen: row({
    code: "ACCOUNT_NOT_OPEN",
    status: 409,
    when: "The account is suspended or closed, and the call needs an open one.",
    fields: { accountId: AccountId, state: Schema.Literals(["suspended", "closed"]) },
    message: ({ accountId, state }) => `The account "${accountId}" is ${state}.`,
  }),
  AccountAlreadyExists: row({
    code: "ACCOUNT_ALREADY_EXISTS",
    status: 409,
    when: "An account of this id exists with another definition.",
    fields: { existing: AccountDefinition },
    message: ({ existing }) =>
      `The account "${existing.accountId}" exists already: ${existing.state}, balance limit ${existing.balanceLimit}.`,
  }),
  AccountNotEmpty: row({
    code: "ACCOUNT_NOT_EMPTY",
    status: 409,
    when: "An account that still has points cannot be closed.",
    fields: { accountId: AccountId, balance: Amount },
    message: ({ accountId, balance }) => `The account "${accountId}" still has ${balance} points.`,
  }),
  OrderNotFound: row({
    code: "ORDER_NOT_FOUND",
    status: 404,
    when: "There is no such order, or it belongs to another account.",
    fields: { orderId: OrderId },
    message: ({ orderId }) => `There is no order "${orderId}" of this account.`,
  }),
  OrderAlreadyCompleted: row({
    code: "ORDER_ALREADY_COMPLETED",
    status: 409,
    when: "A completed order can no longer be cancelled.",
    fields: { orderId: OrderId },
    message: ({ orderId }) => `The order "${orderId}" is completed.`,
  }),
  OrderAlreadyCancelled: row({
    code: "ORDER_ALREADY_CANCELLED",
    status: 409,
    when: "A cancelled order cannot be completed.",
    fields: { orderId: OrderId },
    message: ({ orderId }) => `The order "${orderId}" is cancelled.`,
  }),
  ProductNotFound: row({
    code: "PRODUCT_NOT_FOUND",
    status: 404,
    referenceCode: "PRODUCT_NOT_FOUND",
    when: "One or more products were never registered; all of them are named.",
    fields: { productIds: Schema.Array(ProductId) },
    message: ({ productIds }) => `Not registered: ${list(productIds)}.`,
  }),
  ProductRetired: row({
    code: "PRODUCT_RETIRED",
    status: 409,
    when: "One or more products are retired and can no longer be sold or changed; all of them are named.",
    fields: { productIds: Schema.Array(ProductId) },
    message: ({ productIds }) => `Retired: ${list(productIds)}.`,
  }),
  ProductAlreadyExists: row({
    code: "PRODUCT_ALREADY_EXISTS",
    status: 409,
    when: "A product of this id was registered with another definition.",
    fields: { existing: ProductDefinition },
    message: ({ existing }) => `The product "${existing.productId}" was registered with another definition.`,
  }),
  PriceChanged: row({
    code: "PRICE_CHANGED",
    status: 409,
    when: "A stated unit price or the expected amount to pay is not the current one; old and new are given.",
    fields: {
      lines: Schema.Array(Schema.Struct({ productId: ProductId, stated: Amount, current: Amount })),
      paid: Schema.optional(Schema.Struct({ stated: Amount, current: Amount })),
    },
    message: ({ lines, paid }) =>
      `The price is not what the caller stated: ${list([
        ...lines.map((line) => `${line.productId} ${line.stated} → ${line.current}`),
        ...(paid === undefined ? [] : [`to pay ${paid.stated} → ${paid.current}`]),
      ])}.`,
  }),
  AmountTooLarge: row({
    code: "AMOUNT_TOO_LARGE",
    status: 422,
    when: "A total, a balance or a quantity would pass 2^53 − 1.",
    fields: { what: Schema.Literals(["order total", "balance", "on hand", "units sold"]) },
    message: ({ what }) => `The ${what} would be larger than can be counted exactly (2^53 − 1).`,
  }),
  OutOfStock: row({
    code: "OUT_OF_STOCK",
    status: 422,
    referenceCode: "PRODUCT_OUT_OF_STOCK",
    when: "One or more products have fewer units on hand than asked for; all of them are named.",
    fields: {
      lines: Schema.Array(Schema.Struct({ productId: ProductId, requested: Quantity, available: Quantity })),
    },
    message: ({ lines }) =>
      `Not enough stock: ${list(lines.map((line) => `${line.productId} asked ${line.requested}, has ${line.available}`))}.`,
  }),
  CampaignNotFound: row({
    code: "CAMPAIGN_NOT_FOUND",
    status: 404,
    referenceCode: "COUPON_NOT_FOUND",
    when: "The campaign was never created.",
    fields: { campaignId: CampaignId },
    message: ({ campaignId }) => `There is no campaign "${campaignId}".`,
  }),
  CampaignAlreadyExists: row({
    code: "CAMPAIGN_ALREADY_EXISTS",
    status: 409,
    when: "A campaign of this id was created with another definition.",
    fields: { existing: CampaignDefinition },
    message: ({ existing }) => `The campaign "${existing.campaignId}" was created with another definition.`,
  }),
  CouponAlreadyIssued: row({
    code: "COUPON_ALREADY_ISSUED",
    status: 409,
    referenceCode: "COUPON_ALREADY_ISSUED",
    when: "The account already has its one coupon of the campaign; the coupon is given.",
    fields: { coupon: CouponFields },
    message: ({ coupon }) =>
      `The account "${coupon.accountId}" already has ticket ${coupon.ticket} of "${coupon.campaignId}".`,
  }),
  CampaignNotOpen: row({
    code: "CAMPAIGN_NOT_OPEN",
    status: 400,
    referenceCode: "INVALID_COUPON",
    when: "The campaign is paused, or closed for good.",
    fields: { campaignId: CampaignId, state: Schema.Literals(["paused", "closed"]) },
    message: ({ campaignId, state }) => `The campaign "${campaignId}" is ${state}.`,
  }),
  OutsideIssueWindow: row({
    code: "OUTSIDE_ISSUE_WINDOW",
    status: 400,
    referenceCode: "INVALID_COUPON",
    when: "The call came before the campaign opens or at or after the time it closes.",
    fields: {
      campaignId: CampaignId,
      opensAt: Schema.optional(Schema.Date),
      closesAt: Schema.optional(Schema.Date),
    },
    message: ({ campaignId, opensAt, closesAt }) =>
      `The campaign "${campaignId}" issues from ${opensAt?.toISOString() ?? "its creation"} to ${closesAt?.toISOString() ?? "its end"}.`,
  }),
  CouponsSoldOut: row({
    code: "COUPONS_SOLD_OUT",
    status: 422,
    referenceCode: "COUPON_OUT_OF_STOCK",
    when: "All coupons of the campaign are issued.",
    fields: { campaignId: CampaignId, limit: Quantity },
    message: ({ campaignId, limit }) => `All ${limit} coupons of "${campaignId}" are issued.`,
  }),
  LimitBelowIssued: row({
    code: "LIMIT_BELOW_ISSUED",
    status: 409,
    when: "The new limit is lower than the number of coupons already issued.",
    fields: { campaignId: CampaignId, requested: Quantity, issued: Quantity },
    message: ({ campaignId, requested, issued }) =>
      `"${campaignId}" has issued ${issued} coupons, so its limit cannot become ${requested}.`,
  }),
  CouponNotFound: row({
    code: "COUPON_NOT_FOUND",
    status: 404,
    referenceCode: "COUPON_NOT_FOUND",
    when: "The account has no coupon of this campaign.",
    fields: { campaignId: CampaignId, accountId: AccountId },
    message: ({ campaignId, accountId }) => `The account "${accountId}" has no coupon of "${campaignId}".`,
  }),
  CouponNotUsable: row({
    code: "COUPON_NOT_USABLE",
    status: 400,
    referenceCode: "INVALID_COUPON",
    when: "The coupon was redeemed by an order already, or was revoked.",
    fields: {
      campaignId: CampaignId,
      accountId: AccountId,
      state: Schema.Literals(["redeemed", "revoked"]),
    },
    message: ({ campaignId, state }) => `The coupon of "${campaignId}" is ${state}.`,
  }),
  CouponExpired: row({
    code: "COUPON_EXPIRED",
    status: 400,
    referenceCode: "COUPON_EXPIRED",
    when: "The coupon's validity is over.",
    fields: { campaignId: CampaignId, accountId: AccountId, expiredAt: Schema.Date },
    message: ({ campaignId, expiredAt }) => `The coupon of "${campaignId}" expired at ${expiredAt.toISOString()}.`,
  }),
  CouponMinimumNotMet: row({
    code: "COUPON_MINIMUM_NOT_MET",
    status: 400,
    referenceCode: "INVALID_COUPON",
    when: "The order's total is below the minimum that the coupon asks for.",
    fields: { campaignId: CampaignId, minTotal: Amount, total: Amount },
    message: ({ campaignId, minTotal, total }) =>
      `The coupon of "${campaignId}" needs a total of ${minTotal}; this order comes to ${total}.`,
  }),
  PointsNotEnough: row({
    code: "POINTS_NOT_ENOUGH",
    status: 400,
    referenceCode: "POINT_NOT_ENOUGH",
    when: "The account has fewer points than are to be taken.",
    fields: { accountId: AccountId, required: Amount, available: Amount },
    message: ({ accountId, required, available }) =>
      `The account "${accountId}" has ${available} points; ${required} are needed.`,
  }),
  BalanceLimitExceeded: row({
    code: "BALANCE_LIMIT_EXCEEDED",
    status: 422,
    referenceCode: "POINT_CHARGE_FAILED",
    when: "The charge would lift the balance above the account's limit.",
    fields: { accountId: AccountId, balance: Amount, amount: Amount, limit: Amount },
    message: ({ accountId, balance, amount, limit }) =>
      `The account "${accountId}" has ${balance} points and may hold ${limit}; ${amount} more do not fit.`,
  }),
  AlreadySubscribed: row({
    code: "ALREADY_SUBSCRIBED",
    status: 409,
    when: "This process serves the subscription already; one process handles a name once.",
    fields: { name: SubscriptionName },
    message: ({ name }) => `This process already serves the subscription "${name}".`,
  }),
} as const

export type RefusalTag = keyof typeof refusals

type FieldsOf<Tag extends RefusalTag> = Schema.Struct.Type<(typeof refusals)[Tag]["fields"]>

/** A business no with its numbers: a plain tagged value, cheap enough for a sold-out storm. */
export type Refusal<Tag extends RefusalTag = RefusalTag> = Tag extends RefusalTag
  ? { readonly _tag: Tag } & FieldsOf<Tag>
  : never

export type InvalidInput = Refusal<"InvalidInput">
export type IdempotencyKeyReused = Refusal<"IdempotencyKeyReused">
export type AccountNotFound = Refusal<"AccountNotFound">
export type AccountNotOpen = Refusal<"AccountNotOpen">
export type AccountAlreadyExists = Refusal<"AccountAlreadyExists">
export type AccountNotEmpty = Refusal<"AccountNotEmpty">
export type OrderNotFound = Refusal<"OrderNotFound">
export type OrderAlreadyCompleted = Refusal<"OrderAlreadyCompleted">
export type OrderAlreadyCancelled = Refusal<"OrderAlreadyCancelled">
export type ProductNotFound = Refusal<"ProductNotFound">
export type ProductRetired = Refusal<"ProductRetired">
export type ProductAlreadyExists = Refusal<"ProductAlreadyExists">
export type PriceChanged = Refusal<"PriceChanged">
export type AmountTooLarge = Refusal<"AmountTooLarge">
export type OutOfStock = Refusal<"OutOfStock">
export type CampaignNotFound = Refusal<"CampaignNotFound">
export type CampaignAlreadyExists = Refusal<"CampaignAlreadyExists">
export type CampaignNotOpen = Refusal<"CampaignNotOpen">
export type OutsideIssueWindow = Refusal<"OutsideIssueWindow">
export type CouponAlreadyIssued = Refusal<"CouponAlreadyIssued">
export type CouponsSoldOut = Refusal<"CouponsSoldOut">
export type LimitBelowIssued = Refusal<"LimitBelowIssued">
export type CouponNotFound = Refusal<"CouponNotFound">
export type CouponNotUsable = Refusal<"CouponNotUsable">
export type CouponExpired = Refusal<"CouponExpired">
export type CouponMinimumNotMet = Refusal<"CouponMinimumNotMet">
export type PointsNotEnough = Refusal<"PointsNotEnough">
export type AlreadySubscribed = Refusal<"AlreadySubscribed">
export type BalanceLimitExceeded = Refusal<"BalanceLimitExceeded">

const nothingHappened = Schema.Literal("nothing-happened")
const unknownOutcome = Schema.Literal("unknown")

/** Every infrastructure no. Each is safe to retry with the same key; `outcome` says what is certain. */
export const unavailabilities = {
  Overloaded: row({
    code: "OVERLOADED",
    status: 503,
    when: "The queue is full, or one hot key holds its whole share of it. Nothing was sent to the store.",
    fields: { outcome: nothingHappened, retryAfterMillis: Schema.Number },
    message: ({ retryAfterMillis }) => `Too many calls are waiting; try again in ${retryAfterMillis} ms.`,
  }),
  DeadlineExceeded: row({
    code: "DEADLINE_EXCEEDED",
    status: 503,
    when: "The call waited until its deadline and was withdrawn before it was decided.",
    fields: { outcome: nothingHappened, deadlineMillis: Schema.Number },
    message: ({ deadlineMillis }) => `The call was not decided within ${deadlineMillis} ms and was withdrawn.`,
  }),
  Stopped: row({
    code: "STOPPED",
    status: 503,
    when: "The shop is stopping or stopped.",
    fields: { outcome: nothingHappened },
    message: () => "The shop is stopped and takes no more calls.",
  }),
  TransactionConflict: row({
    code: "TRANSACTION_CONFLICT",
    status: 503,
    referenceCode: "DISTRIBUTED_LOCK_ACQUISITION_FAILED",
    when: "Inside the host's own transaction, another transaction holds or changed what this call needs.",
    fields: { outcome: nothingHappened },
    message: () => "Another transaction is using the same records; run the whole transaction again.",
  }),
  JoinNotSupported: row({
    code: "JOIN_NOT_SUPPORTED",
    status: 500,
    when: "The store cannot join a transaction of the host, or not one of this kind.",
    fields: { outcome: nothingHappened, store: Schema.String, reason: Schema.String },
    message: ({ store, reason }) => `The ${store} store cannot join this transaction: ${reason}.`,
  }),
  StoreUnavailable: row({
    code: "STORE_UNAVAILABLE",
    status: 503,
    when: "The store did not answer in time or failed. The command may or may not have happened: repeat it with the same key, or ask `outcome`.",
    fields: { outcome: unknownOutcome, reason: Schema.String },
    message: ({ reason }) => `The store is not available (${reason}). The outcome is unknown until asked for.`,
  }),
} as const

export type UnavailableTag = keyof typeof unavailabilities

/** Infrastructure said no. `outcome` is "nothing-happened" where that is certain, else "unknown". */
export type Unavailable<Tag extends UnavailableTag = UnavailableTag> = Tag extends UnavailableTag
  ? { readonly _tag: Tag } & Schema.Struct.Type<(typeof unavailabilities)[Tag]["fields"]>
  : never

export type Overloaded = Unavailable<"Overloaded">
export type DeadlineExceeded = Unavailable<"DeadlineExceeded">
export type Stopped = Unavailable<"Stopped">
export type TransactionConflict = Unavailable<"TransactionConflict">
export type JoinNotSupported = Unavailable<"JoinNotSupported">
export type StoreUnavailable = Unavailable<"StoreUnavailable">

/** The code that belongs to a tag, as a literal type: `CodeOf<"OutOfStock">` is `"OUT_OF_STOCK"`. */
export type CodeOf<Tag extends RefusalTag | UnavailableTag> = Tag extends RefusalTag
  ? (typeof refusals)[Tag]["code"]
  : Tag extends UnavailableTag
    ? (typeof unavailabilities)[Tag]["code"]
    : never

/** The code of a refusal or of unavailability. */
export const codeOf = (no: Refusal | Unavailable): CodeOf<RefusalTag | UnavailableTag> => rowOf(no).code

/** A sentence for developers that names the numbers. Not for end users: those texts are the host's. */
export const messageOf = (no: Refusal | Unavailable): string => rowOf(no).message(no)

/** True for a refusal, false for unavailability. */
export const isRefusal = (no: Refusal | Unavailable): no is Refusal => no._tag in refusals

interface AnyRow {
  readonly code: CodeOf<RefusalTag | UnavailableTag>
  readonly message: (fields: Refusal | Unavailable) => string
}

const rows = { ...refusals, ...unavailabilities }

const rowOf = (no: Refusal | Unavailable): AnyRow =>
  // biome-ignore lint/plugin/casts: a row's message takes the fields of its own tag, and the tag chose the row
  rows[no._tag] as unknown as AnyRow
