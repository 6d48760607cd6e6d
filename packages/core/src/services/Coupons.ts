/**
 * Coupons: campaigns, and the first-come-first-served issue of their coupons.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { Campaign as CampaignRecord } from "../coupons/Campaign.ts"
import type { Coupon as CouponRecord } from "../coupons/Coupon.ts"
import type { Discount } from "../coupons/Discount.ts"
import {
  type CampaignAnswer,
  type CampaignLimitAnswer,
  type CampaignStateAnswer,
  type ChangeLimit,
  type CreateCampaign,
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  type IssueAnswer,
  issueCall,
  type NameCampaign,
  type NameCoupon,
  openCampaignCall,
  pauseCampaignCall,
  type RevokeAnswer,
  revokeCall,
} from "../decision/couponCalls.ts"
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
import { AccountId, CampaignId, type OrderId, type Quantity } from "../values.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { asStored, type Change, change, orUnavailable, type Read, read } from "./method.ts"
import { type Page, PositionCursor, pageFields, pageOf, positionOf, storePage } from "./pages.ts"

/** What a campaign was created with. */
export interface CampaignDefinition {
  readonly campaignId: CampaignId
  readonly name: string
  readonly discount: Discount
  readonly limit: Quantity
  /** It issues while `opensAt ≤ now < closesAt`; undefined means no bound on that side. */
  readonly opensAt: Date | undefined
  readonly closesAt: Date | undefined
  readonly validDays: number
  readonly state: "open" | "paused"
}

/** A campaign as it is now. */
export interface Campaign extends Omit<CampaignDefinition, "state"> {
  readonly state: "open" | "paused" | "closed"
  readonly issued: Quantity
}

/** A coupon as it was issued. */
export interface IssuedCoupon {
  readonly campaignId: CampaignId
  readonly accountId: AccountId
  /** 1 … limit in the order of acceptance. */
  readonly ticket: number
  /** Copied at issue. */
  readonly discount: Discount
  readonly issuedAt: Date
  /** Usable until before this moment. */
  readonly expiresAt: Date
}

/** A coupon as it is now. */
export interface Coupon extends IssuedCoupon {
  readonly state: "issued" | "redeemed" | "expired" | "revoked"
  /** The order that redeemed it. */
  readonly orderId: OrderId | undefined
}

const NameOne = Schema.Struct({ campaignId: CampaignId, accountId: AccountId })
const ListOfAccount = Schema.Struct({ accountId: AccountId, cursor: Schema.optional(CampaignId), ...pageFields })
const ListOfCampaign = Schema.Struct({
  campaignId: CampaignId,
  cursor: Schema.optional(PositionCursor),
  ...pageFields,
})

export interface CouponsShape {
  /**
   * Creates a campaign. `discount` is `{ type: "flat", amount, minTotal? }` or `{ type: "rate", percent, max?, minTotal? }`
   * with whole percent 1–100. `validDays` defaults to 30, `state` to "open". Repeating it with the same definition is
   * `replayed: true`.
   */
  readonly createCampaign: Change<typeof CreateCampaign.Encoded, CampaignDefinition, CampaignAlreadyExists>
  /** Lets a paused campaign issue again. */
  readonly openCampaign: Change<typeof NameCampaign.Encoded, CampaignStateAnswer, CampaignNotFound | CampaignNotOpen>
  /** Stops issuing until it is opened again. Coupons already issued stay usable. */
  readonly pauseCampaign: Change<typeof NameCampaign.Encoded, CampaignStateAnswer, CampaignNotFound | CampaignNotOpen>
  /** Stops issuing for good. Coupons already issued stay usable. */
  readonly closeCampaign: Change<typeof NameCampaign.Encoded, CampaignStateAnswer, CampaignNotFound | CampaignNotOpen>
  /** Raises the limit freely, lowers it down to what is issued. */
  readonly changeLimit: Change<
    typeof ChangeLimit.Encoded,
    CampaignLimitAnswer,
    CampaignNotFound | CampaignNotOpen | LimitBelowIssued
  >
  /**
   * Issues the next ticket to an account, once per campaign. With a key a repeat answers the same coupon; without one it
   * is refused as `CouponAlreadyIssued`, which carries the coupon.
   */
  readonly issue: Change<
    typeof NameCoupon.Encoded,
    IssuedCoupon,
    | AccountNotFound
    | AccountNotOpen
    | CampaignNotFound
    | CampaignNotOpen
    | OutsideIssueWindow
    | CouponAlreadyIssued
    | CouponsSoldOut
  >
  /** Takes a coupon away for good. Its place is not given again, and an order that redeemed it stays as it is. */
  readonly revoke: Change<typeof NameCoupon.Encoded, RevokeAnswer, CouponNotFound>
  /** One campaign with the number issued now. */
  readonly campaign: Read<string, Campaign, CampaignNotFound>
  /** The coupon that an account owns of a campaign. */
  readonly coupon: Read<typeof NameOne.Encoded, Coupon, CouponNotFound>
  /** The coupons of an account, by campaign. */
  readonly ofAccount: Read<typeof ListOfAccount.Encoded, Page<Coupon>>
  /** The coupons of a campaign by ticket: the winners. */
  readonly ofCampaign: Read<typeof ListOfCampaign.Encoded, Page<Coupon>>
}

export class Coupons extends Context.Service<Coupons, CouponsShape>()("@holdfast/core/Coupons") {
  static readonly layer: Layer.Layer<Coupons, never, Kernel> = Layer.effect(Coupons, Effect.map(Kernel, makeCoupons))
}

export function makeCoupons(kernel: KernelShape): CouponsShape {
  const itself = <A>(answer: A): A => answer
  const present = (record: CouponRecord): Coupon => couponOf(record, kernel.stamps.now())
  return {
    createCampaign: change(kernel, createCampaignCall, asStored(definitionOf)),
    openCampaign: change(kernel, openCampaignCall, asStored(itself)),
    pauseCampaign: change(kernel, pauseCampaignCall, asStored(itself)),
    closeCampaign: change(kernel, closeCampaignCall, asStored(itself)),
    changeLimit: change(kernel, changeLimitCall, asStored(itself)),
    issue: change(kernel, issueCall, asStored(issuedOf)),
    revoke: change(kernel, revokeCall, asStored(itself)),
    campaign: read(
      CampaignId,
      Effect.fnUntraced(function* (campaignId) {
        const campaign = yield* orUnavailable(kernel.store.reads.campaign(campaignId))
        if (campaign !== undefined) return campaignOf(campaign)
        return yield* Effect.fail<CampaignNotFound>({ _tag: "CampaignNotFound", campaignId })
      }),
    ),
    coupon: read(
      NameOne,
      Effect.fnUntraced(function* ({ campaignId, accountId }) {
        const coupon = yield* orUnavailable(kernel.store.reads.coupon(campaignId, accountId))
        if (coupon !== undefined) return present(coupon)
        return yield* Effect.fail<CouponNotFound>({ _tag: "CouponNotFound", campaignId, accountId })
      }),
    ),
    ofAccount: read(
      ListOfAccount,
      Effect.fnUntraced(function* (list) {
        const page = storePage(list, list.cursor, "oldest-first")
        const coupons = yield* orUnavailable(kernel.store.reads.couponsOfAccount(list.accountId, page))
        return pageOf(coupons, page, ({ campaignId }) => campaignId, present)
      }),
    ),
    ofCampaign: read(
      ListOfCampaign,
      Effect.fnUntraced(function* (list) {
        const page = storePage(list, positionOf(list.cursor), "oldest-first")
        const coupons = yield* orUnavailable(kernel.store.reads.couponsOfCampaign(list.campaignId, page))
        return pageOf(coupons, page, ({ ticket }) => String(ticket), present)
      }),
    ),
  }
}

const dateOf = (millis: number | undefined): Date | undefined => (millis === undefined ? undefined : new Date(millis))

// What callers get is theirs: a store that keeps records as they are must not share them.
const definitionOf = (answer: CampaignAnswer): CampaignDefinition => ({
  ...answer,
  discount: { ...answer.discount },
  opensAt: dateOf(answer.opensAt),
  closesAt: dateOf(answer.closesAt),
})

const campaignOf = ({ created: _, version: __, ...campaign }: CampaignRecord): Campaign => ({
  ...campaign,
  discount: { ...campaign.discount },
  opensAt: dateOf(campaign.opensAt),
  closesAt: dateOf(campaign.closesAt),
})

const issuedOf = (answer: IssueAnswer): IssuedCoupon => ({
  campaignId: answer.campaignId,
  accountId: answer.accountId,
  ticket: answer.ticket,
  discount: { ...answer.discount },
  issuedAt: new Date(answer.issuedAt),
  expiresAt: new Date(answer.expiresAt),
})

// Expiry is computed when somebody looks: no sweep changes the record.
const couponOf = (record: CouponRecord, now: number): Coupon => ({
  ...issuedOf(record),
  state: record.state === "issued" && now >= record.expiresAt ? "expired" : record.state,
  orderId: record.orderId,
})
