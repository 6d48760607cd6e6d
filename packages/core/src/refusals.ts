/**
 * The one table of everything that can be answered instead of success: refusals and unavailability.
 *
 * Types and the errors page of the docs come from here; codes and sentences stand in `codes.ts`. Rows stand in order of precedence: where several refusals
 * apply, the one that stands first is the answer, so that two adapters never answer differently.
 */
import { Schema } from "effect"
import { refusalCodes, unavailableCodes } from "./codes.ts"
import {
  AccountId,
  Amount,
  CampaignId,
  IdempotencyKey,
  OrderId,
  ProductId,
  Quantity,
  RequestId,
  SubscriptionName,
} from "./values.ts"

interface Row<Fields extends Schema.Struct.Fields> {
  /** One sentence for the docs: when this is the answer. */
  readonly when: string
  /** The numbers and names that the answer carries. */
  readonly fields: Fields
}

/** A row with the code and the sentence that belong to it: a sentence that asks for other fields does not compile. */
const row = <const Code extends string, const Fields extends Schema.Struct.Fields>(
  { code, message }: { readonly code: Code; readonly message: (fields: Schema.Struct.Type<Fields>) => string },
  definition: Row<Fields>,
): Row<Fields> & {
  /** What programs compare: stable, never translated. */
  readonly code: Code
  /** A sentence for logs and developers. */
  readonly message: (fields: Schema.Struct.Type<Fields>) => string
} => ({ code, message, ...definition })

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
  state: Schema.Literals(["open", "paused"]),
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
  InvalidInput: row(refusalCodes.InvalidInput, {
    when: "A field is missing, unknown, of the wrong type or outside its limits.",
    fields: {
      issues: Schema.Array(Schema.Struct({ pointer: Schema.String, message: Schema.String })),
    },
  }),
  IdempotencyKeyReused: row(refusalCodes.IdempotencyKeyReused, {
    when: "The same key was used before for a different intention.",
    fields: { operation: Schema.String, key: IdempotencyKey },
  }),
  AccountNotFound: row(refusalCodes.AccountNotFound, {
    when: "The account was never opened.",
    fields: { accountId: AccountId },
  }),
  AccountNotOpen: row(refusalCodes.AccountNotOpen, {
    when: "The account is suspended or closed, and the call needs an open one.",
    fields: { accountId: AccountId, state: Schema.Literals(["suspended", "closed"]) },
  }),
  AccountAlreadyExists: row(refusalCodes.AccountAlreadyExists, {
    when: "An account of this id exists with another definition.",
    fields: { existing: AccountDefinition },
  }),
  AccountNotEmpty: row(refusalCodes.AccountNotEmpty, {
    when: "An account that still has points cannot be closed.",
    fields: { accountId: AccountId, balance: Amount },
  }),
  OrderNotFound: row(refusalCodes.OrderNotFound, {
    when: "There is no such order, or it belongs to another account.",
    fields: { orderId: OrderId },
  }),
  OrderAlreadyCompleted: row(refusalCodes.OrderAlreadyCompleted, {
    when: "A completed order can no longer be cancelled.",
    fields: { orderId: OrderId },
  }),
  OrderAlreadyCancelled: row(refusalCodes.OrderAlreadyCancelled, {
    when: "A cancelled order cannot be completed.",
    fields: { orderId: OrderId },
  }),
  ProductNotFound: row(refusalCodes.ProductNotFound, {
    when: "One or more products were never registered; all of them are named.",
    fields: { productIds: Schema.Array(ProductId) },
  }),
  ProductRetired: row(refusalCodes.ProductRetired, {
    when: "One or more products are retired and can no longer be sold or changed; all of them are named.",
    fields: { productIds: Schema.Array(ProductId) },
  }),
  ProductAlreadyExists: row(refusalCodes.ProductAlreadyExists, {
    when: "A product of this id was registered with another definition, which is given: as it was registered, whatever changed since.",
    fields: { existing: ProductDefinition },
  }),
  PriceChanged: row(refusalCodes.PriceChanged, {
    when: "A stated unit price or the expected amount to pay is not the current one; old and new are given.",
    fields: {
      lines: Schema.Array(Schema.Struct({ productId: ProductId, stated: Amount, current: Amount })),
      paid: Schema.optional(Schema.Struct({ stated: Amount, current: Amount })),
    },
  }),
  AmountTooLarge: row(refusalCodes.AmountTooLarge, {
    when: "A total, a balance or a quantity would pass 2^53 − 1.",
    fields: { what: Schema.Literals(["order total", "balance", "on hand", "units sold"]) },
  }),
  OutOfStock: row(refusalCodes.OutOfStock, {
    when: "One or more products have fewer units on hand than asked for; all of them are named.",
    fields: {
      lines: Schema.Array(Schema.Struct({ productId: ProductId, requested: Quantity, available: Quantity })),
    },
  }),
  CampaignNotFound: row(refusalCodes.CampaignNotFound, {
    when: "The campaign was never created.",
    fields: { campaignId: CampaignId },
  }),
  CampaignAlreadyExists: row(refusalCodes.CampaignAlreadyExists, {
    when: "A campaign of this id was created with another definition, which is given: as it was created, whatever changed since.",
    fields: { existing: CampaignDefinition },
  }),
  CouponAlreadyIssued: row(refusalCodes.CouponAlreadyIssued, {
    when: "The account already has its one coupon of the campaign; the coupon is given.",
    fields: { coupon: CouponFields },
  }),
  CampaignNotOpen: row(refusalCodes.CampaignNotOpen, {
    when: "The campaign is paused, or closed for good.",
    fields: { campaignId: CampaignId, state: Schema.Literals(["paused", "closed"]) },
  }),
  OutsideIssueWindow: row(refusalCodes.OutsideIssueWindow, {
    when: "The call came before the campaign opens or at or after the time it closes.",
    fields: {
      campaignId: CampaignId,
      opensAt: Schema.optional(Schema.Date),
      closesAt: Schema.optional(Schema.Date),
    },
  }),
  CouponsSoldOut: row(refusalCodes.CouponsSoldOut, {
    when: "All coupons of the campaign are issued.",
    fields: { campaignId: CampaignId, limit: Quantity },
  }),
  LimitBelowIssued: row(refusalCodes.LimitBelowIssued, {
    when: "The new limit is lower than the number of coupons already issued.",
    fields: { campaignId: CampaignId, requested: Quantity, issued: Quantity },
  }),
  CouponNotFound: row(refusalCodes.CouponNotFound, {
    when: "The account has no coupon of this campaign.",
    fields: { campaignId: CampaignId, accountId: AccountId },
  }),
  RequestNotFound: row(refusalCodes.RequestNotFound, {
    when: "No coupon request of this id was accepted, or its log lost it before it was decided.",
    fields: { requestId: RequestId },
  }),
  RequestsNotOffered: row(refusalCodes.RequestsNotOffered, {
    when: "The shop was made without the option `requests`, so claims are decided at once or not at all.",
    fields: { campaignId: CampaignId },
  }),
  CouponNotUsable: row(refusalCodes.CouponNotUsable, {
    when: "The coupon was redeemed by an order already, or was revoked.",
    fields: {
      campaignId: CampaignId,
      accountId: AccountId,
      state: Schema.Literals(["redeemed", "revoked"]),
    },
  }),
  CouponExpired: row(refusalCodes.CouponExpired, {
    when: "The coupon's validity is over.",
    fields: { campaignId: CampaignId, accountId: AccountId, expiredAt: Schema.Date },
  }),
  CouponMinimumNotMet: row(refusalCodes.CouponMinimumNotMet, {
    when: "The order's total is below the minimum that the coupon asks for, or so small that the coupon would take nothing off; `minTotal` is the smallest total that it takes something off.",
    fields: { campaignId: CampaignId, minTotal: Amount, total: Amount },
  }),
  PointsNotEnough: row(refusalCodes.PointsNotEnough, {
    when: "The account has fewer points than are to be taken.",
    fields: { accountId: AccountId, required: Amount, available: Amount },
  }),
  BalanceLimitExceeded: row(refusalCodes.BalanceLimitExceeded, {
    when: "The charge or the adjustment would lift the balance above the account's limit.",
    fields: { accountId: AccountId, balance: Amount, amount: Amount, limit: Amount },
  }),
  AlreadySubscribed: row(refusalCodes.AlreadySubscribed, {
    when: "This process serves the subscription already; one process handles a name once.",
    fields: { name: SubscriptionName },
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
export type RequestNotFound = Refusal<"RequestNotFound">
export type RequestsNotOffered = Refusal<"RequestsNotOffered">
export type CouponNotUsable = Refusal<"CouponNotUsable">
export type CouponExpired = Refusal<"CouponExpired">
export type CouponMinimumNotMet = Refusal<"CouponMinimumNotMet">
export type PointsNotEnough = Refusal<"PointsNotEnough">
export type AlreadySubscribed = Refusal<"AlreadySubscribed">
export type BalanceLimitExceeded = Refusal<"BalanceLimitExceeded">

const nothingHappened = Schema.Literal("nothing-happened")
const whateverIsCertain = Schema.Literals(["nothing-happened", "unknown"])

/** Every infrastructure no. Each is safe to repeat with the same key; `outcome` says what is certain. */
export const unavailabilities = {
  Overloaded: row(unavailableCodes.Overloaded, {
    when: "The queue is full, or one hot key holds its whole share of it. Nothing was sent to the store.",
    fields: { outcome: nothingHappened, retryAfterMillis: Schema.Number },
  }),
  DeadlineExceeded: row(unavailableCodes.DeadlineExceeded, {
    when: "The call waited until its deadline and was withdrawn before it was decided.",
    fields: { outcome: nothingHappened, deadlineMillis: Schema.Number },
  }),
  Stopped: row(unavailableCodes.Stopped, {
    when: "The shop is stopping or stopped.",
    fields: { outcome: nothingHappened },
  }),
  TransactionConflict: row(unavailableCodes.TransactionConflict, {
    when: "Inside the host's own transaction, another transaction holds or changed what this call needs.",
    fields: { outcome: nothingHappened },
  }),
  JoinNotSupported: row(unavailableCodes.JoinNotSupported, {
    when: "The store cannot join a transaction of the host, or not one of this kind.",
    fields: { outcome: nothingHappened, store: Schema.String, reason: Schema.String },
  }),
  StoreUnavailable: row(unavailableCodes.StoreUnavailable, {
    when: "The store did not answer in time or failed, or could not be opened. Where `outcome` is unknown, the command may or may not have happened: repeat it with the same key, or ask `outcome`.",
    fields: { outcome: whateverIsCertain, reason: Schema.String },
  }),
  StoreRejected: row(unavailableCodes.StoreRejected, {
    when: "The store rejects it for good: an option that cannot be, a wrong password, a missing right, text that the database cannot hold, a constraint that was added to our tables. Nothing happened, and the same call again is answered the same until that is mended.",
    fields: { outcome: nothingHappened, reason: Schema.String },
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
export type StoreRejected = Unavailable<"StoreRejected">
/** What any call may be answered where the store does not do what it is asked. */
export type StoreNo = StoreUnavailable | StoreRejected

/** The code that belongs to a tag, as a literal type: `CodeOf<"OutOfStock">` is `"OUT_OF_STOCK"`. */
export type CodeOf<Tag extends RefusalTag | UnavailableTag> = Tag extends RefusalTag
  ? (typeof refusals)[Tag]["code"]
  : Tag extends UnavailableTag
    ? (typeof unavailabilities)[Tag]["code"]
    : never
