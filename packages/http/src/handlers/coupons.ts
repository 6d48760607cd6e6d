/**
 * Coupons over HTTP. A `couponId` is a campaign: everybody who asks for it gets a coupon of their own.
 */
import type { Coupon, IssuedCoupon } from "@holdfast/core"
import type { Contract } from "../contract/contract.ts"
import type { Handlings } from "./Handling.ts"
import { pageBody } from "./pages.ts"

const names = { accountId: "userId", campaignId: "couponId" }

export const coupons: Handlings<typeof Contract>["coupons"] = {
  issue: {
    action: "coupons.issue",
    resource: ({ payload: { userId, couponId } }) => ({ userId: String(userId), campaignId: String(couponId) }),
    names,
    run: async ({ payload: { userId, couponId } }, { shop, key, scope, signal }) => {
      const issued = await shop.coupons.issue(
        { accountId: String(userId), campaignId: String(couponId), key, scope },
        { signal },
      )
      return { body: issuedBody(issued), replayed: issued.replayed }
    },
  },
  get: {
    action: "coupons.coupon",
    resource: ({ params }) => params,
    names: { accountId: "userId" },
    run: async ({ params: { campaignId, userId } }, { shop }) => ({
      body: couponBody(await shop.coupons.coupon({ campaignId, accountId: userId })),
    }),
  },
  ofUser: {
    action: "coupons.ofAccount",
    resource: ({ params }) => params,
    names,
    run: async ({ params: { userId }, query }, { shop }) => ({
      body: pageBody(await shop.coupons.ofAccount({ accountId: userId, ...query }), couponBody),
    }),
  },
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
