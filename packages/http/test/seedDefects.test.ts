/**
 * Defects that the audit of the reference service found and that show at its API, each with the proof that it cannot
 * happen here.
 */
import { createHoldfast, HoldfastError } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { describe, expect, it } from "vitest"
import { documentOf, shopHandler } from "../src/index.ts"
import { type Ask, askOf, callerOfHeader, freshKey, stocked, surfaceOf } from "./support.ts"

const oneTee = { userId: "ann", orderItems: [{ productId: "1", quantity: 1 }] }

const doubleClick = async (ask: Ask, path: string, body: unknown) => {
  const key = freshKey()
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("POST", path, body, key)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true")).toHaveLength(4)
  return answers[0]?.body
}

describe("defects of the reference service that show at its API", () => {
  it("SB-15: the answer to an issue names the coupon, and a user can list their own", async () => {
    const { ask } = await surfaceOf()
    const { userCouponId } = (await ask("POST", "/coupons/issue", { userId: "ann", couponId: "10" }, freshKey())).body
    expect((await ask("GET", "/users/ann/coupons")).body.items).toMatchObject([{ userCouponId }])
    const redeemed = await ask("POST", "/orders", { ...oneTee, userCouponId }, freshKey())
    expect(redeemed.body).toMatchObject({ discountAmount: 1_200, userCouponId })
  })

  it("SB-16: an unknown coupon is 404 and not sold out, and asking for it leaves nothing behind", async () => {
    const { ask, shop } = await surfaceOf()
    for (let times = 0; times < 2; times++) {
      const answer = await ask("POST", "/coupons/issue", { userId: "ann", couponId: "nope" }, freshKey())
      expect(answer).toMatchObject({ status: 404, body: { legacyCode: "COUPON_NOT_FOUND" } })
    }
    await shop.coupons.createCampaign({
      campaignId: "nope",
      name: "Late",
      discount: { type: "flat", amount: 1 },
      limit: 1,
    })
    expect((await ask("POST", "/coupons/issue", { userId: "ann", couponId: "nope" }, freshKey())).status).toBe(200)
  })

  it("SB-24: an order without items is refused as input", async () => {
    const { ask } = await surfaceOf()
    expect(await ask("POST", "/orders", { userId: "ann", orderItems: [] }, freshKey())).toMatchObject({
      status: 400,
      body: { code: "INVALID_INPUT", errors: [{ pointer: "/orderItems" }] },
    })
  })

  it("SB-25: a retry after a lost answer is the same order and the same charge", async () => {
    const { ask } = await surfaceOf()
    for (const [path, body] of [
      ["/orders", oneTee],
      ["/users/ann/points", { amount: 100 }],
    ] as const) {
      const key = freshKey()
      const first = await ask("POST", path, body, key)
      const retried = await ask("POST", path, body, key)
      expect(retried.text).toBe(first.text)
    }
    expect((await ask("GET", "/users/ann/points")).body.totalPoint).toBe(100_000 - 12_000 + 100)
  })

  it("SB-34: what the store could not do is 503 with Retry-After and what is certain, never a bare 500", async () => {
    const shop = await stocked()
    for (const no of [
      { _tag: "StoreUnavailable", outcome: "unknown", reason: "deadlock detected" },
      { _tag: "TransactionConflict", outcome: "nothing-happened" },
      { _tag: "DeadlineExceeded", outcome: "nothing-happened", deadlineMillis: 10_000 },
    ] as const) {
      const place = () => Promise.reject(new HoldfastError(no))
      const ask = askOf(shopHandler({ ...shop, orders: { ...shop.orders, place } }, callerOfHeader), {
        "x-caller": "ann",
      })
      const answer = await ask("POST", "/orders", oneTee, freshKey())
      expect(answer).toMatchObject({ status: 503, body: { retryable: true, outcome: no.outcome } })
      expect(answer.headers.get("retry-after")).toBe("1")
    }
  })

  it("SB-36: the largest 64-bit amount is refused, and no balance wraps", async () => {
    const { ask } = await surfaceOf()
    const raw = '{"amount":9223372036854775807}'
    expect(await ask("POST", "/users/ann/points", raw, freshKey())).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/amount" }] },
    })
    const most = await ask("POST", "/users/ann/points", { amount: Number.MAX_SAFE_INTEGER }, freshKey())
    expect(most).toMatchObject({ status: 422, body: { code: "BALANCE_LIMIT_EXCEEDED" } })
    expect((await ask("GET", "/users/ann/points")).body.totalPoint).toBe(100_000)
  })

  it("SB-38: what a caller may not touch is refused before the shop hears of it", async () => {
    const shop = await stocked()
    let heard = 0
    const listening = {
      ...shop,
      orders: {
        ...shop.orders,
        place: (...input: Parameters<typeof shop.orders.place>) => {
          heard++
          return shop.orders.place(...input)
        },
      },
    }
    const ask = askOf(shopHandler(listening, callerOfHeader), { "x-caller": "bob" })
    expect((await ask("POST", "/orders", oneTee, freshKey())).status).toBe(403)
    expect((await ask("POST", "/orders", { userId: "bob", orderItems: [] }, freshKey())).status).toBe(400)
    expect(heard).toBe(0)
  })

  it("SB-39: an outage is 503 at once, and no message tells what is inside", async () => {
    const shop = await stocked()
    const reason = "connect ECONNREFUSED 10.0.0.7:6379 lock:user:ann"
    const place = () => Promise.reject(new HoldfastError({ _tag: "StoreUnavailable", outcome: "unknown", reason }))
    const ask = askOf(shopHandler({ ...shop, orders: { ...shop.orders, place } }, callerOfHeader), {
      "x-caller": "ann",
    })
    for (const language of ["en", "ko"]) {
      const answer = await ask("POST", "/orders", oneTee, { ...freshKey(), "accept-language": language })
      expect(answer.status).toBe(503)
      expect(answer.text).not.toMatch(/ECONNREFUSED|10\.0\.0\.7|lock:/)
    }
  })

  it("SB-47: the document names the statuses that are really answered, and every error has one form", async () => {
    const { ask } = await surfaceOf()
    const { paths } = JSON.parse(JSON.stringify(documentOf()))
    const responses = paths["/api/v1/coupons/issue"].post.responses
    const issue = (couponId: string, headers = freshKey()) =>
      ask("POST", "/coupons/issue", { userId: "ann", couponId }, headers)
    for (const answer of [await issue("10"), await issue("10"), await issue("nope"), await issue("", {})]) {
      expect(Object.keys(responses)).toContain(String(answer.status))
      if (answer.status === 200) continue
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      expect(responses[answer.status]["x-codes"]).toContain(answer.body.code)
    }
    expect(Object.keys(responses)).not.toContain("201")
  })
})

describe("a double click", () => {
  it("on order buys once", async () => {
    const { ask } = await surfaceOf()
    await doubleClick(ask, "/orders", oneTee)
    expect((await ask("GET", "/products/1")).body.stock).toBe(99)
    expect((await ask("GET", "/users/ann/orders")).body.items).toHaveLength(1)
  })

  it("on charge charges once", async () => {
    const { ask } = await surfaceOf()
    await doubleClick(ask, "/users/ann/points", { amount: 700 })
    expect((await ask("GET", "/users/ann/points")).body.totalPoint).toBe(100_700)
  })

  it("on coupon issues once, and without a common key says which coupon there is already", async () => {
    const { ask } = await surfaceOf()
    const issued = await doubleClick(ask, "/coupons/issue", { userId: "ann", couponId: "10" })
    const second = await ask("POST", "/coupons/issue", { userId: "ann", couponId: "10" }, freshKey())
    expect(second).toMatchObject({ status: 409, body: { code: "COUPON_ALREADY_ISSUED" } })
    expect(second.body.refusal.coupon.ticket).toBe(issued.ticket)
  })

  it("without keys is two orders: nobody said that they were the same", async () => {
    const shop = createHoldfast({ store: memory(), accounts: "open-on-first-charge" })
    await shop.stock.register({ productId: "1", name: "Tee", price: 1, onHand: 2 })
    const ask = askOf(
      shopHandler(shop, { demoIdentity: true, warn: () => {}, keys: "optional", charge: { by: "owner" } }),
    )
    await ask("POST", "/users/ann/points", { amount: 2 })
    const [first, second] = [await ask("POST", "/orders", oneTee), await ask("POST", "/orders", oneTee)]
    expect(first.body.orderId).not.toBe(second.body.orderId)
  })
})
