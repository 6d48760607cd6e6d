/**
 * A coupon: what one account owns of one campaign, identified by (campaign, account).
 *
 * States: issued → redeemed → issued again when the order is cancelled; issued or redeemed → revoked for good. Expiry
 * is no state: it is computed from `expiresAt` whenever the coupon is used, so no sweep is needed.
 */
import type { CouponExpired, CouponMinimumNotMet, CouponNotUsable } from "../refusals.ts"
import type { AccountId, Amount, CampaignId, Cause, CommandId, OrderId } from "../values.ts"
import { type Discount, minimumOf } from "./Discount.ts"

export interface Coupon {
  readonly campaignId: CampaignId
  readonly accountId: AccountId
  /** Its ordinal in the campaign: 1 … limit in order of acceptance. */
  readonly ticket: number
  /** Copied at issue: a later change of the campaign does not reach it. */
  readonly discount: Discount
  readonly issuedAt: number
  /** Usable while `at < expiresAt`, milliseconds since 1970. */
  readonly expiresAt: number
  readonly state: "issued" | "redeemed" | "revoked"
  /** The order that redeemed it. A revoked coupon keeps the order it was redeemed by. */
  readonly orderId: OrderId | undefined
  /** When `state` last changed. */
  readonly changedAt: number
  /** The command that issued it. */
  readonly commandId: CommandId
  readonly version: number
}

/** The refusal for a coupon that an order of this total may not redeem now; undefined where it may. */
export const notUsable = (
  coupon: Coupon,
  total: Amount,
  at: number,
): CouponNotUsable | CouponExpired | CouponMinimumNotMet | undefined => {
  const { campaignId, accountId, state } = coupon
  if (state !== "issued") return { _tag: "CouponNotUsable", campaignId, accountId, state }
  if (at >= coupon.expiresAt) {
    return { _tag: "CouponExpired", campaignId, accountId, expiredAt: new Date(coupon.expiresAt) }
  }
  const minTotal = minimumOf(coupon.discount)
  return total < minTotal ? { _tag: "CouponMinimumNotMet", campaignId, minTotal, total } : undefined
}

/** Redeems a usable coupon for an order. */
export const redeem = (coupon: Coupon, orderId: OrderId, cause: Cause): Coupon => ({
  ...coupon,
  state: "redeemed",
  orderId,
  changedAt: cause.at,
  version: coupon.version + 1,
})

/** Gives the coupon of a cancelled order back; undefined where it was revoked meanwhile and so stays so. */
export const restore = (coupon: Coupon, cause: Cause): Coupon | undefined =>
  coupon.state === "redeemed"
    ? { ...coupon, state: "issued", orderId: undefined, changedAt: cause.at, version: coupon.version + 1 }
    : undefined

/** Takes the coupon away for good; undefined where it already is. The order that redeemed it stays as it is. */
export const revoke = (coupon: Coupon, cause: Cause): Coupon | undefined =>
  coupon.state === "revoked"
    ? undefined
    : { ...coupon, state: "revoked", changedAt: cause.at, version: coupon.version + 1 }
