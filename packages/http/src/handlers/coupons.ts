/**
 * Coupons over HTTP: claim one, at once or later, read it, list an account's.
 */
import type { RequestedCoupon, RequestId } from "@holdfast/core"
import type { No } from "../problems/problem.ts"
import type { Call, Handlings } from "./Handling.ts"

export const coupons: Handlings["coupons"] = {
  issue: {
    action: "coupons.issue",
    run: (input, { shop, key, scope, signal, traceparent }) =>
      shop.coupons.issue({ ...input, key, scope }, { signal, traceparent }),
  },
  request: {
    action: "coupons.request",
    run: (input, { shop, key, scope, signal, traceparent }) =>
      shop.coupons.request({ ...input, key, scope }, { signal, traceparent }),
  },
  requested: {
    action: "coupons.requested",
    run: async ({ requestId, waitSeconds }, call) => {
      const requested = await decidedInTime(requestId, waitSeconds, call)
      if (requested.state === "waiting") {
        call.headers["retry-after"] = "1"
        return requested
      }
      // Ids of requests that were made together resemble each other: to know one proves nothing.
      const about = whoseIs(requested)
      return about === undefined || (await call.allows(about)) ? requested : notFound(requestId)
    },
  },
  get: {
    action: "coupons.coupon",
    run: (input, { shop }) => shop.coupons.coupon(input),
  },
  ofUser: {
    action: "coupons.ofAccount",
    run: (input, { shop }) => shop.coupons.ofAccount(input),
  },
}

/** How often a request is looked at while a caller waits. All who wait in a process are looked up together. */
const lookMillis = 200

/** What became of a request, once it is decided or the caller has waited long enough. */
const decidedInTime = async (requestId: string, waitSeconds: number, call: Call): Promise<RequestedCoupon> => {
  const { shop, signal, preferredWaitSeconds, longestWaitMillis, isLeaving } = call
  const wait = Math.min(Math.max(waitSeconds, preferredWaitSeconds) * 1_000, longestWaitMillis)
  const until = performance.now() + wait
  for (;;) {
    const requested = await shop.coupons.requested(requestId, { signal })
    const left = until - performance.now()
    // A process that leaves cuts connections after its drain: who waits hears it before, and asks another one.
    if (requested.state !== "waiting" || left <= 0 || isLeaving()) return requested
    await new Promise((resolve) => setTimeout(resolve, Math.min(lookMillis, left)))
  }
}

/** Whom it tells something of; undefined where it tells of the campaign alone. */
const whoseIs = (requested: RequestedCoupon): { readonly accountId: string } | undefined => {
  if (requested.state === "waiting") return undefined
  if (requested.state === "issued") return requested.coupon
  const { refusal } = requested
  if (refusal._tag === "CouponAlreadyIssued") return refusal.coupon
  return "accountId" in refusal ? refusal : undefined
}

const notFound = (requestId: string): No => ({
  _tag: "Core",
  // biome-ignore lint/plugin/casts: the id of a request that was found
  no: { _tag: "RequestNotFound", requestId: requestId as RequestId },
  names: {},
})
