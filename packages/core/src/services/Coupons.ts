/**
 * Coupons: campaigns, and the first-come-first-served issue of their coupons.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { Campaign as CampaignRecord } from "../coupons/Campaign.ts"
import type { Coupon as CouponRecord } from "../coupons/Coupon.ts"
import type { Discount } from "../coupons/Discount.ts"
import { type Command, erased } from "../decision/Command.ts"
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
import type { RequestRefusal } from "../decision/storedRefusal.ts"
import { admissionOf, isInvalid } from "../engine/admission.ts"
import { isOwnKey } from "../engine/KeysInFlight.ts"
import type { SealedRefusal } from "../engine/Seals.ts"
import type {
  AccountNotFound,
  AccountNotOpen,
  CampaignAlreadyExists,
  CampaignNotFound,
  CampaignNotOpen,
  CouponAlreadyIssued,
  CouponNotFound,
  CouponsSoldOut,
  InvalidInput,
  LimitBelowIssued,
  OutsideIssueWindow,
  Overloaded,
  RequestNotFound,
  RequestsNotOffered,
  StoreNo,
  Unavailable,
} from "../refusals.ts"
import { AccountId, CampaignId, type OrderId, type Quantity, RequestId } from "../values.ts"
import type { Documented } from "./inputs.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { asStored, type Change, change, orUnavailable, type Read, read } from "./method.ts"
import { type Page, PositionCursor, pageFields, pageOf, positionOf, storePage } from "./pages.ts"

/** What a campaign was created with. */
export interface CampaignDefinition {
  /** The campaign. */
  readonly campaignId: CampaignId
  /** What it is called. */
  readonly name: string
  /** What its coupons take off. */
  readonly discount: Discount
  /** The most coupons that it issues. */
  readonly limit: Quantity
  /** It issues while `opensAt ≤ now < closesAt`; undefined means no bound on that side. */
  readonly opensAt: Date | undefined
  /** It issues until before this moment; undefined means no end. */
  readonly closesAt: Date | undefined
  /** Whole days that a coupon stays valid after its issue. */
  readonly validDays: number
  /** Whether it issued at once. */
  readonly state: "open" | "paused"
}

/** A campaign as it is now. */
export interface Campaign extends Omit<CampaignDefinition, "state"> {
  /** Only an open one issues. */
  readonly state: "open" | "paused" | "closed"
  /** How many coupons it has issued. */
  readonly issued: Quantity
}

/** A coupon as it was issued. */
export interface IssuedCoupon {
  /** The campaign, by which an order names it. */
  readonly campaignId: CampaignId
  /** Whose it is. */
  readonly accountId: AccountId
  /** 1 … limit in the order of acceptance. */
  readonly ticket: number
  /** Copied at issue. */
  readonly discount: Discount
  /** When the claim was admitted. Tickets tell the order. */
  readonly issuedAt: Date
  /** Usable until before this moment. */
  readonly expiresAt: Date
}

/** A coupon as it is now. */
export interface Coupon extends IssuedCoupon {
  /** Whether an order may use it. */
  readonly state: "issued" | "redeemed" | "expired" | "revoked"
  /** The order that redeemed it. */
  readonly orderId: OrderId | undefined
}

/** A claim that was accepted. */
export interface AcceptedRequest {
  /** By which `requested` finds it. */
  readonly requestId: RequestId
}

/** What became of an accepted claim. */
export type RequestedCoupon =
  | {
      /** It is not decided yet. */
      readonly state: "waiting"
    }
  | {
      /** It was decided, and got a coupon. */
      readonly state: "issued"
      /** The coupon, as it was issued. */
      readonly coupon: IssuedCoupon
    }
  | {
      /** It was decided, and got none. */
      readonly state: "refused"
      /** Why, with the numbers of that moment: what the same claim would have been refused with at once. */
      readonly refusal: RequestRefusal
    }

const NameOne = Schema.Struct({
  /** The campaign of the coupon. */
  campaignId: CampaignId,
  /** The account whose coupon it is. */
  accountId: AccountId,
})
const ListOfAccount = Schema.Struct({
  /** The account. */
  accountId: AccountId,
  cursor: Schema.optional(CampaignId),
  ...pageFields,
})
const ListOfCampaign = Schema.Struct({
  /** The campaign. */
  campaignId: CampaignId,
  cursor: Schema.optional(PositionCursor),
  ...pageFields,
})

export interface CouponsShape {
  /**
   * Creates a campaign. `discount` is `{ type: "flat", amount, minTotal? }` or `{ type: "rate", percent, max?, minTotal? }`
   * with whole percent 1–100. An order that it would take nothing off does not use it up: it is refused with the smallest
   * total that it takes something off. `validDays` defaults to 30, `state` to "open". Repeating it with the same definition is
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
  /**
   * Accepts a claim to be decided later, in the order of the shop's request log, and answers once it is stored. Needs the
   * option `requests`. `opensAt` and `closesAt` are judged by the moment of this call; limit, state and account when it is
   * decided. A campaign that is known to be sold out is refused at once, and too many that wait are `Overloaded`: in both
   * cases nothing is stored. Where the outcome is unknown, call again with the same key: two requests of one key make one
   * coupon.
   */
  readonly request: (
    input: Documented<typeof NameCoupon.Encoded>,
  ) => Effect.Effect<
    AcceptedRequest,
    InvalidInput | CouponsSoldOut | OutsideIssueWindow | RequestsNotOffered | Unavailable
  >
  /** What became of a request, or that it waits. What it says of a decided one never changes. */
  readonly requested: (
    requestId: string,
  ) => Effect.Effect<RequestedCoupon, InvalidInput | RequestNotFound | Overloaded | StoreNo>
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

/** After the closing an earlier request of a caller's key may still wait: the log tells then what became of it. */
const mayHaveComeInTime = (command: Pick<Command, "at" | "key" | "id">, refusal: SealedRefusal): boolean =>
  refusal._tag === "OutsideIssueWindow" &&
  refusal.closesAt !== undefined &&
  command.at >= refusal.closesAt.getTime() &&
  !isOwnKey(command)

export function makeCoupons(kernel: KernelShape): CouponsShape {
  const admitClaim = admissionOf(issueCall, kernel.stamps)
  const itself = <A>(answer: A): A => answer
  const present = (record: CouponRecord): Coupon => couponOf(record, kernel.stamps.now())
  return {
    createCampaign: change(kernel, createCampaignCall, asStored(definitionOf)),
    openCampaign: change(kernel, openCampaignCall, asStored(itself)),
    pauseCampaign: change(kernel, pauseCampaignCall, asStored(itself)),
    closeCampaign: change(kernel, closeCampaignCall, asStored(itself)),
    changeLimit: change(kernel, changeLimitCall, asStored(itself)),
    issue: change(kernel, issueCall, asStored(issuedOf)),
    request: Effect.fnUntraced(function* (input) {
      const command = admitClaim(input)
      if (isInvalid(command)) return yield* Effect.fail(command)
      const { requests } = kernel
      if (requests?.isOffered !== true) {
        return yield* Effect.fail<RequestsNotOffered>({
          _tag: "RequestsNotOffered",
          campaignId: command.request.campaignId,
        })
      }
      const refusal = yield* requests.refusedNow(erased(command))
      if (refusal !== undefined && !mayHaveComeInTime(command, refusal)) return yield* Effect.fail(refusal)
      const { id, at, scope, key, request } = command
      const { campaignId, accountId } = request
      return { requestId: yield* requests.accept({ campaignId, accountId, at, commandId: id, scope, key }) }
    }),
    requested: read(
      RequestId,
      Effect.fnUntraced(function* (requestId) {
        const { requests } = kernel
        if (requests === undefined) return yield* Effect.fail(noRequestsHere)
        const outcome = yield* requests.outcomeOf(requestId)
        return outcome.state === "issued" ? { state: "issued", coupon: issuedOf(outcome.coupon) } : outcome
      }),
    ),
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

/** Where the calls are those inside a transaction of the host, which have no requests. */
const noRequestsHere: StoreNo = {
  _tag: "StoreRejected",
  outcome: "nothing-happened",
  reason: "there are no coupon requests here",
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
