/**
 * The calls that change campaigns and coupons: createCampaign, openCampaign, pauseCampaign, closeCampaign, changeLimit,
 * issue, revoke.
 */
import { Schema } from "effect"
import {
  type Campaign,
  type CampaignDefinition,
  changeLimit,
  changeState,
  createCampaign,
  issue,
  sameDefinition,
} from "../coupons/Campaign.ts"
import { type Coupon, revoke } from "../coupons/Coupon.ts"
import { Discount } from "../coupons/Discount.ts"
import type { EventData, EventType } from "../events/Event.ts"
import { notOpen } from "../points/Account.ts"
import type {
  AccountNotFound,
  AccountNotOpen,
  CampaignAlreadyExists,
  CampaignNotFound,
  CampaignNotOpen,
  CouponAlreadyIssued,
  CouponNotFound,
  CouponsSoldOut,
  LimitBelowIssued,
  OutsideIssueWindow,
} from "../refusals.ts"
import { AccountId, CampaignId, Label, PositiveQuantity, type Quantity, ValidDays } from "../values.ts"
import type { EventOf } from "./Command.ts"
import { accept, asDecoded, type Call, keyOptional, noLane, repeat } from "./call.ts"
import type { Payload } from "./payloads.ts"
import { campaignChanged } from "./termsChanged.ts"

export const CreateCampaign = Schema.Struct({
  /** Your own id for it: 1–128 bytes of text. */
  campaignId: CampaignId,
  /** What it is called: 1–200 characters. */
  name: Label,
  /** What its coupons take off, copied into each at its issue. */
  discount: Discount,
  /** The most coupons that it issues, one an account. */
  limit: PositiveQuantity,
  /** It issues from this moment on. Default: its creation. */
  opensAt: Schema.optional(Schema.Date),
  /** It issues until before this moment. Default: no end. */
  closesAt: Schema.optional(Schema.Date),
  /** Whole days that a coupon stays valid after its issue: 1 to 36,500. Default 30. */
  validDays: Schema.optional(ValidDays),
  /** Whether it issues at once. Default "open". */
  state: Schema.optional(Schema.Literals(["open", "paused"])),
  ...keyOptional,
})
export const NameCampaign = Schema.Struct({
  /** The campaign. */
  campaignId: CampaignId,
  ...keyOptional,
})
export const ChangeLimit = Schema.Struct({
  /** The campaign. */
  campaignId: CampaignId,
  /** The most coupons from now on: at least as many as it has issued. */
  limit: PositiveQuantity,
  ...keyOptional,
})
export const NameCoupon = Schema.Struct({
  /** The campaign of the coupon. */
  campaignId: CampaignId,
  /** The account whose coupon it is. */
  accountId: AccountId,
  ...keyOptional,
})

/** A campaign as it was created. Times are milliseconds since 1970. */
export type CampaignAnswer = {
  readonly campaignId: CampaignId
  readonly name: string
  readonly discount: Discount
  readonly limit: Quantity
  readonly opensAt?: number | undefined
  readonly closesAt?: number | undefined
  readonly validDays: number
  readonly state: "open" | "paused"
}
export type CampaignStateAnswer = {
  /** The campaign. */
  readonly campaignId: CampaignId
  /** Only an open one issues. */
  readonly state: Campaign["state"]
}
export type CampaignLimitAnswer = {
  /** The campaign. */
  readonly campaignId: CampaignId
  /** The most coupons that it issues. */
  readonly limit: Quantity
}

/** The coupon as it was issued. Times are milliseconds since 1970. */
export type IssueAnswer = {
  readonly campaignId: CampaignId
  readonly accountId: AccountId
  readonly ticket: number
  readonly discount: Discount
  readonly issuedAt: number
  readonly expiresAt: number
}
export type RevokeAnswer = {
  /** The campaign of the coupon. */
  readonly campaignId: CampaignId
  /** The account that has lost it. */
  readonly accountId: AccountId
}

/** How long a coupon stays valid after its issue, unless the campaign says otherwise. */
const defaultValidDays = 30

export const createCampaignCall: Call<
  typeof CreateCampaign,
  CampaignDefinition,
  CampaignAnswer,
  CampaignAlreadyExists
> = {
  name: "coupons.createCampaign",
  input: CreateCampaign,
  normalise: ({ campaignId, name, discount, limit, opensAt, closesAt, validDays, state }) =>
    opensAt !== undefined && closesAt !== undefined && opensAt >= closesAt
      ? { _tag: "InvalidInput", issues: [{ pointer: "/closesAt", message: "must be later than opensAt" }] }
      : {
          campaignId,
          name,
          discount,
          limit,
          opensAt: opensAt?.getTime(),
          closesAt: closesAt?.getTime(),
          validDays: validDays ?? defaultValidDays,
          state: state ?? "open",
        },
  intention: ({ campaignId, name, discount, limit, opensAt, closesAt, validDays, state }) => ({
    campaignId,
    closesAt,
    discount: sortedDiscount(discount),
    limit,
    name,
    opensAt,
    state,
    validDays,
  }),
  keys: ({ campaignId }, add) => add("campaign", [campaignId]),
  lane: noLane,
  operator: true,
  decide: (records, definition) => {
    const existing = records.campaign(definition.campaignId)
    if (existing === undefined) {
      const event = eventOf("coupons.campaignCreated", definition.campaignId, { ...definition })
      return accept({ ...definition }, { records: { campaign: [createCampaign(definition)] } }, event)
    }
    return sameDefinition(existing, definition)
      ? repeat({ ...definition })
      : { _tag: "CampaignAlreadyExists", existing: definitionOf(existing) }
  },
}

type CampaignStateCall = Call<
  typeof NameCampaign,
  typeof NameCampaign.Type,
  CampaignStateAnswer,
  CampaignNotFound | CampaignNotOpen
>

type StateEvent = "coupons.campaignOpened" | "coupons.campaignPaused" | "coupons.campaignClosed"

const stateCall = (name: string, state: Campaign["state"], type: StateEvent): CampaignStateCall => ({
  name,
  input: NameCampaign,
  normalise: asDecoded,
  intention: ({ campaignId }) => ({ campaignId }),
  keys: ({ campaignId }, add) => add("campaign", [campaignId]),
  lane: noLane,
  operator: true,
  decide: (records, { campaignId }, cause) => {
    const campaign = records.campaign(campaignId)
    if (campaign === undefined) return campaignNotFound(campaignId)
    const changed = changeState(campaign, state)
    if (changed === undefined) return repeat({ campaignId, state })
    if ("_tag" in changed) return changed
    return accept(
      { campaignId, state },
      campaignChanged(campaign, changed, cause),
      eventOf(type, campaignId, { campaignId }),
    )
  },
})

export const openCampaignCall: CampaignStateCall = stateCall("coupons.openCampaign", "open", "coupons.campaignOpened")
export const pauseCampaignCall: CampaignStateCall = stateCall(
  "coupons.pauseCampaign",
  "paused",
  "coupons.campaignPaused",
)
export const closeCampaignCall: CampaignStateCall = stateCall(
  "coupons.closeCampaign",
  "closed",
  "coupons.campaignClosed",
)

export const changeLimitCall: Call<
  typeof ChangeLimit,
  typeof ChangeLimit.Type,
  CampaignLimitAnswer,
  CampaignNotFound | CampaignNotOpen | LimitBelowIssued
> = {
  name: "coupons.changeLimit",
  input: ChangeLimit,
  normalise: asDecoded,
  intention: ({ campaignId, limit }) => ({ campaignId, limit }),
  keys: ({ campaignId }, add) => add("campaign", [campaignId]),
  lane: noLane,
  operator: true,
  decide: (records, { campaignId, limit }, cause) => {
    const campaign = records.campaign(campaignId)
    if (campaign === undefined) return campaignNotFound(campaignId)
    const changed = changeLimit(campaign, limit)
    if (changed === undefined) return repeat({ campaignId, limit })
    if ("_tag" in changed) return changed
    const event = eventOf("coupons.limitChanged", campaignId, { campaignId, limit, previousLimit: campaign.limit })
    // A lower limit relies on the number issued too: the guard of a change of terms is exact.
    return accept({ campaignId, limit }, campaignChanged(campaign, changed, cause), event)
  },
}

export const issueCall: Call<
  typeof NameCoupon,
  typeof NameCoupon.Type,
  IssueAnswer,
  | AccountNotFound
  | AccountNotOpen
  | CampaignNotFound
  | CampaignNotOpen
  | OutsideIssueWindow
  | CouponAlreadyIssued
  | CouponsSoldOut
> = {
  name: "coupons.issue",
  input: NameCoupon,
  normalise: asDecoded,
  intention: ({ campaignId, accountId }) => ({ accountId, campaignId }),
  keys: ({ campaignId, accountId }, add) => {
    add("account", [accountId])
    add("coupon", [campaignId, accountId])
    add("campaign", [campaignId])
  },
  lane: ({ campaignId }) => campaignId,
  claim: asDecoded,
  operator: false,
  decide: (records, { campaignId, accountId }, cause) => {
    const account = records.account(accountId)
    if (account === undefined) return { _tag: "AccountNotFound", accountId }
    const closed = notOpen(account)
    if (closed !== undefined) return closed
    const campaign = records.campaign(campaignId)
    if (campaign === undefined) return campaignNotFound(campaignId)
    const owned = records.coupon(campaignId, accountId)
    if (owned !== undefined) return { _tag: "CouponAlreadyIssued", coupon: datedCoupon(owned) }
    const issued = issue(campaign, accountId, cause)
    if ("_tag" in issued) return issued
    const answer = issueAnswerOf(issued.coupon)
    const changes = { records: { campaign: [issued.campaign], coupon: [issued.coupon] }, exact: "campaign" } as const
    return accept(answer, changes, eventOf("coupons.issued", campaignId, answer))
  },
}

export const revokeCall: Call<typeof NameCoupon, typeof NameCoupon.Type, RevokeAnswer, CouponNotFound> = {
  name: "coupons.revoke",
  input: NameCoupon,
  normalise: asDecoded,
  intention: ({ campaignId, accountId }) => ({ accountId, campaignId }),
  keys: ({ campaignId, accountId }, add) => add("coupon", [campaignId, accountId]),
  lane: noLane,
  operator: true,
  decide: (records, { campaignId, accountId }, cause) => {
    const coupon = records.coupon(campaignId, accountId)
    if (coupon === undefined) return { _tag: "CouponNotFound", campaignId, accountId }
    const revoked = revoke(coupon, cause)
    const answer: RevokeAnswer = { campaignId, accountId }
    return revoked === undefined
      ? repeat(answer)
      : accept(
          answer,
          { records: { coupon: [revoked] } },
          eventOf("coupons.revoked", campaignId, { ...answer, ticket: coupon.ticket }),
        )
  },
}

const issueAnswerOf = ({ campaignId, accountId, ticket, discount, issuedAt, expiresAt }: Coupon): IssueAnswer => ({
  campaignId,
  accountId,
  ticket,
  discount,
  issuedAt,
  expiresAt,
})

const datedCoupon = (coupon: Coupon): CouponAlreadyIssued["coupon"] => ({
  ...issueAnswerOf(coupon),
  discount: { ...coupon.discount },
  issuedAt: new Date(coupon.issuedAt),
  expiresAt: new Date(coupon.expiresAt),
})

// What a repeat is compared with: limit and state as they were at first.
const definitionOf = (campaign: Campaign): CampaignAlreadyExists["existing"] => ({
  campaignId: campaign.campaignId,
  name: campaign.name,
  discount: { ...campaign.discount },
  limit: campaign.created.limit,
  opensAt: campaign.opensAt === undefined ? undefined : new Date(campaign.opensAt),
  closesAt: campaign.closesAt === undefined ? undefined : new Date(campaign.closesAt),
  validDays: campaign.validDays,
  state: campaign.created.state,
})

// Fingerprints need one order of fields, whatever order the caller wrote them in.
const sortedDiscount = (discount: Discount): EventData =>
  discount.type === "flat"
    ? { amount: discount.amount, minTotal: discount.minTotal, type: discount.type }
    : { max: discount.max, minTotal: discount.minTotal, percent: discount.percent, type: discount.type }

const campaignNotFound = (campaignId: CampaignId): CampaignNotFound => ({ _tag: "CampaignNotFound", campaignId })

type CouponsEvent = Extract<EventType, `coupons.${string}`>

const eventOf = <Type extends CouponsEvent>(type: Type, campaignId: CampaignId, data: Payload<Type>): EventOf => ({
  type,
  aggregate: { type: "campaign", id: campaignId },
  key: campaignId,
  data,
})
