/**
 * A `couponId` is a campaign, from which everybody who asks gets a coupon of their own. An account has at most one coupon of
 * a campaign, so that `userCouponId` is the campaign again.
 */
import {
  type AcceptedRequest,
  type Coupon,
  codeOf,
  type IssuedCoupon,
  messageOf,
  type Page,
  type RequestedCoupon,
  type RequestRefusal,
} from "@holdfast/core"
import { pageBody, type Translations } from "./Words.ts"

const names = { accountId: "userId", campaignId: "couponId" }

export const coupons = {
  issue: {
    names,
    input: ({ payload: { userId, couponId } }) => ({ accountId: String(userId), campaignId: String(couponId) }),
    body: (issued: IssuedCoupon) => issuedBody(issued),
  },
  request: {
    names,
    input: ({ payload: { userId, couponId } }) => ({ accountId: String(userId), campaignId: String(couponId) }),
    body: ({ requestId }: AcceptedRequest) => ({ requestId }),
    // Relative to both addresses that accept claims, wherever the host has mounted them.
    headers: ({ requestId }: AcceptedRequest) => ({ location: `issue-requests/${encodeURIComponent(requestId)}` }),
  },
  requested: {
    input: ({ params: { requestId }, query: { wait = 0 } }) => ({ requestId, waitSeconds: wait }),
    body: (requested: RequestedCoupon) => requestedBody(requested),
  },
  get: {
    names: { accountId: "userId" },
    input: ({ params: { campaignId, userId } }) => ({ campaignId, accountId: userId }),
    body: (coupon: Coupon) => couponBody(coupon),
  },
  ofUser: {
    names,
    input: ({ params: { userId }, query }) => ({ accountId: userId, ...query }),
    body: (page: Page<Coupon>) => pageBody(page, couponBody),
  },
} satisfies Translations["coupons"]

const requestedBody = (requested: RequestedCoupon) => {
  switch (requested.state) {
    case "waiting":
      return requested
    case "issued":
      return { state: requested.state, coupon: issuedBody(requested.coupon) }
    case "refused":
      return { state: requested.state, code: codeOf(requested.refusal), detail: detailOf(requested.refusal) }
  }
}

/** What anybody may hear who knows the id: no key of a caller's, and not why the store rejects a claim that was valid. */
const detailOf = (refusal: RequestRefusal): string => {
  switch (refusal._tag) {
    case "InvalidInput":
      return "The store rejects the claim for good."
    case "IdempotencyKeyReused":
      return "The key of the claim already belongs to another one with different content."
    default:
      return messageOf(refusal)
  }
}

export const issuedBody = ({ accountId, campaignId, ticket, discount, issuedAt, expiresAt }: IssuedCoupon) => ({
  userId: accountId,
  couponId: campaignId,
  userCouponId: campaignId,
  ticket,
  discount: discountBody(discount),
  issuedAt: issuedAt.toISOString(),
  expiresAt: expiresAt.toISOString(),
})

const couponBody = (coupon: Coupon) => ({
  ...issuedBody(coupon),
  state: coupon.state,
  ...(coupon.orderId !== undefined && { orderId: coupon.orderId }),
})

const discountBody = (discount: IssuedCoupon["discount"]) => {
  const minTotal = discount.minTotal === undefined ? {} : { minTotal: discount.minTotal }
  if (discount.type === "flat") return { type: discount.type, amount: discount.amount, ...minTotal }
  const max = discount.max === undefined ? {} : { max: discount.max }
  return { type: discount.type, percent: discount.percent, ...max, ...minTotal }
}
