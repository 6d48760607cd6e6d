/**
 * A campaign: a limited, first-come-first-served offer of coupons, at most one for an account.
 *
 * Pure rules. `issue` gives the next ticket; tickets are 1, 2, 3 … in the order of acceptance and a place is never
 * given twice. Pause and close stop issuing and nothing else: coupons already issued stay usable.
 */
import type { CampaignNotOpen, CouponsSoldOut, LimitBelowIssued, OutsideIssueWindow } from "../refusals.ts"
import { type AccountId, type CampaignId, type Cause, plus, type Quantity, zero } from "../values.ts"
import type { Coupon } from "./Coupon.ts"
import { type Discount, sameDiscount } from "./Discount.ts"

export interface Campaign {
  readonly campaignId: CampaignId
  /** Counter: how many coupons are issued, and the last ticket. It moves by addition. */
  readonly issued: Quantity
  /** Terms: they change rarely, and `version` with them. */
  readonly name: string
  readonly discount: Discount
  readonly limit: Quantity
  /** Half-open, milliseconds since 1970: `opensAt ≤ at < closesAt`. Undefined means no bound on that side. */
  readonly opensAt: number | undefined
  readonly closesAt: number | undefined
  readonly validDays: number
  readonly state: "open" | "paused" | "closed"
  /** What was created first, so that a repeated creation is recognised after the limit or state changed. */
  readonly created: { readonly limit: Quantity; readonly state: "open" | "paused" }
  readonly version: number
}

/** What a campaign is created with. */
export interface CampaignDefinition {
  readonly campaignId: CampaignId
  readonly name: string
  readonly discount: Discount
  readonly limit: Quantity
  readonly opensAt: number | undefined
  readonly closesAt: number | undefined
  readonly validDays: number
  readonly state: "open" | "paused"
}

const dayMillis = 86_400_000

export const createCampaign = (definition: CampaignDefinition): Campaign => ({
  campaignId: definition.campaignId,
  issued: zero,
  name: definition.name,
  discount: definition.discount,
  limit: definition.limit,
  opensAt: definition.opensAt,
  closesAt: definition.closesAt,
  validDays: definition.validDays,
  state: definition.state,
  created: { limit: definition.limit, state: definition.state },
  version: 1,
})

/** True where the campaign was created with exactly this definition. */
export const sameDefinition = (campaign: Campaign, definition: CampaignDefinition): boolean =>
  campaign.name === definition.name &&
  sameDiscount(campaign.discount, definition.discount) &&
  campaign.created.limit === definition.limit &&
  campaign.created.state === definition.state &&
  campaign.opensAt === definition.opensAt &&
  campaign.closesAt === definition.closesAt &&
  campaign.validDays === definition.validDays

/** Issues the next ticket to an account that has none of this campaign yet. */
export const issue = (
  campaign: Campaign,
  accountId: AccountId,
  cause: Cause,
): { readonly campaign: Campaign; readonly coupon: Coupon } | CampaignNotOpen | OutsideIssueWindow | CouponsSoldOut => {
  const { campaignId, opensAt, closesAt, limit, issued } = campaign
  if (campaign.state !== "open") return { _tag: "CampaignNotOpen", campaignId, state: campaign.state }
  if ((opensAt !== undefined && cause.at < opensAt) || (closesAt !== undefined && cause.at >= closesAt)) {
    return { _tag: "OutsideIssueWindow", campaignId, opensAt: dateOf(opensAt), closesAt: dateOf(closesAt) }
  }
  const ticket = plus(issued, 1)
  if (ticket === undefined || ticket > limit) return { _tag: "CouponsSoldOut", campaignId, limit }
  return {
    campaign: { ...campaign, issued: ticket },
    coupon: {
      campaignId,
      accountId,
      ticket,
      discount: campaign.discount,
      issuedAt: cause.at,
      expiresAt: cause.at + campaign.validDays * dayMillis,
      state: "issued",
      orderId: undefined,
      changedAt: cause.at,
      commandId: cause.id,
      version: 1,
    },
  }
}

/** Opens, pauses or closes; undefined where it already is so. Closed is for good. */
export const changeState = (campaign: Campaign, state: Campaign["state"]): Campaign | undefined | CampaignNotOpen => {
  if (campaign.state === state) return undefined
  if (campaign.state === "closed") return { _tag: "CampaignNotOpen", campaignId: campaign.campaignId, state: "closed" }
  return { ...campaign, state, version: campaign.version + 1 }
}

/** Raises the limit freely and lowers it down to what is issued; undefined where it already is so. */
export const changeLimit = (
  campaign: Campaign,
  limit: Quantity,
): Campaign | undefined | LimitBelowIssued | CampaignNotOpen => {
  const { campaignId, issued } = campaign
  if (campaign.limit === limit) return undefined
  if (campaign.state === "closed") return { _tag: "CampaignNotOpen", campaignId, state: "closed" }
  if (limit < issued) return { _tag: "LimitBelowIssued", campaignId, requested: limit, issued }
  return { ...campaign, limit, version: campaign.version + 1 }
}

const dateOf = (millis: number | undefined): Date | undefined => (millis === undefined ? undefined : new Date(millis))
