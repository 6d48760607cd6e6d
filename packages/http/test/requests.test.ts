import { inProcessRequests } from "@holdfast/core/memory"
import { describe, expect, it } from "vitest"
import { holdfastClient } from "../src/client/index.ts"
import { shopHandler } from "../src/index.ts"
import { askOf, callerOfHeader, freshKey, stocked } from "./support.ts"

const claim = (userId: string) => ({ userId, couponId: "10" })

const requesting = async (options: Parameters<typeof stocked>[0] = {}) => {
  const shop = await stocked({ requests: inProcessRequests(), ...options })
  const handler = shopHandler(shop, callerOfHeader)
  const ask = askOf(handler)
  const as = (caller: string, headers = {}) => ({ ...freshKey(), "x-caller": caller, ...headers })
  /** Below the base path. */
  const placeOf = (location: string | null) => `/coupons/${location}`
  return { shop, handler, ask, as, placeOf }
}

describe("a claim that is decided later", () => {
  it("is accepted with 202 and a place to ask, by preference or by its own address", async () => {
    const { ask, as, placeOf } = await requesting()
    const preferred = await ask("POST", "/coupons/issue", claim("ann"), as("ann", { prefer: "respond-async" }))
    expect(preferred).toMatchObject({ status: 202, body: { requestId: expect.any(String) } })
    expect(preferred.headers.get("preference-applied")).toBe("respond-async")
    const own = await ask("POST", "/coupons/issue-requests", claim("bob"), as("bob"))
    expect(own.status).toBe(202)
    expect(own.headers.get("preference-applied")).toBeNull()
    for (const [{ headers, body }, caller, ticket] of [
      [preferred, "ann", 1],
      [own, "bob", 2],
    ] as const) {
      expect(decodeURIComponent(headers.get("location") ?? "")).toBe(`issue-requests/${body.requestId}`)
      const decided = await ask("GET", placeOf(headers.get("location")), undefined, {
        "x-caller": caller,
        prefer: "wait=20",
      })
      expect(decided).toMatchObject({ status: 200, body: { state: "issued", coupon: { userId: caller, ticket } } })
    }
    expect((await ask("POST", "/coupons/issue", claim("7"), as("7"))).status).toBe(422)
    // What is refused was not decided later.
    const refused = await ask("POST", "/coupons/issue", claim("ann"), as("bob", { prefer: "respond-async" }))
    expect([refused.status, refused.headers.get("preference-applied")]).toEqual([403, null])
  })

  it("says that it waits, and when to ask again", async () => {
    const { ask, as, placeOf } = await requesting({ workers: false })
    const { headers } = await ask("POST", "/coupons/issue-requests", claim("ann"), as("ann"))
    const waiting = await ask("GET", placeOf(headers.get("location")), undefined, { "x-caller": "ann" })
    expect(waiting).toMatchObject({ status: 200, body: { state: "waiting" } })
    expect(waiting.headers.get("retry-after")).toBe("1")
  })

  it("is told to wait and ask again as soon as the process leaves, however long it would wait", async () => {
    const { shop } = await requesting({ workers: false })
    let looks = 0
    const requested: typeof shop.coupons.requested = async () => {
      // The first look finds a process that stays, the second one that leaves.
      if (++looks === 2) handler.leave()
      return { state: "waiting" }
    }
    const handler = shopHandler({ ...shop, coupons: { ...shop.coupons, requested } }, callerOfHeader)
    const headers = { "x-caller": "ann", prefer: "wait=14" }
    const told = await askOf(handler)("GET", "/coupons/issue-requests/abc", undefined, headers)
    expect(told).toMatchObject({ status: 200, body: { state: "waiting" } })
    expect(told.headers.get("retry-after")).toBe("1")
    expect(looks).toBe(2)
  })

  it("says what it was refused with, in the words of a claim that is decided at once", async () => {
    const { ask, as, placeOf } = await requesting()
    const { headers } = await ask("POST", "/coupons/issue-requests", { userId: "ann", couponId: "none" }, as("ann"))
    const address = `${placeOf(headers.get("location"))}?wait=20`
    expect((await ask("GET", address, undefined, { "x-caller": "ann" })).body).toEqual({
      state: "refused",
      code: "CAMPAIGN_NOT_FOUND",
      detail: expect.stringContaining("none"),
    })
  })

  it("is nobody else's, and only who may claim may claim later", async () => {
    const { ask, as, placeOf } = await requesting()
    expect((await ask("POST", "/coupons/issue-requests", claim("ann"), as("bob"))).status).toBe(403)
    const { headers } = await ask("POST", "/coupons/issue-requests", claim("ann"), as("ann"))
    const address = `${placeOf(headers.get("location"))}?wait=20`
    expect((await ask("GET", address, undefined, { "x-caller": "ann" })).body.state).toBe("issued")
    const { status, body } = await ask("GET", address, undefined, { "x-caller": "bob" })
    expect({ status, code: body.code }).toEqual({ status: 404, code: "REQUEST_NOT_FOUND" })
    expect((await ask("GET", "/coupons/issue-requests/none", undefined, { "x-caller": "ann" })).status).toBe(404)
  })

  it("tells nobody else what is wrong with an account: ids of requests made together differ by one", async () => {
    const { shop, ask, as, placeOf } = await requesting()
    await shop.points.suspend({ accountId: "ann" })
    for (const userId of ["ann", "nobody"]) {
      const { headers } = await ask("POST", "/coupons/issue-requests", claim(userId), as(userId))
      const address = `${placeOf(headers.get("location"))}?wait=20`
      expect((await ask("GET", address, undefined, { "x-caller": userId })).body.state).toBe("refused")
      const { status, body } = await ask("GET", address, undefined, { "x-caller": "bob" })
      expect({ status, code: body.code }).toEqual({ status: 404, code: "REQUEST_NOT_FOUND" })
    }
  })

  it("keeps to itself why a store rejects a claim, and what keys its caller has", async () => {
    const { shop, ask, as, placeOf } = await requesting()
    const issues = [{ pointer: "", message: "42501: permission denied for table coupon of db-7.internal" }]
    const requested: typeof shop.coupons.requested = async () => ({
      state: "refused",
      refusal: { _tag: "InvalidInput", issues },
    })
    const handler = shopHandler({ ...shop, coupons: { ...shop.coupons, requested } }, callerOfHeader)
    const { body } = await askOf(handler)("GET", "/coupons/issue-requests/abc", undefined, { "x-caller": "ann" })
    expect(body).toEqual({ state: "refused", code: "INVALID_INPUT", detail: "The store rejects the claim for good." })
    const key = as("bob", { "idempotency-key": "cart-of-bob" })
    await ask("POST", "/coupons/issue-requests", claim("bob"), key)
    const { headers } = await ask("POST", "/coupons/issue-requests", { userId: "bob", couponId: "none" }, key)
    const reused = await ask("GET", `${placeOf(headers.get("location"))}?wait=20`, undefined, { "x-caller": "ann" })
    expect(reused.body).toMatchObject({ state: "refused", code: "IDEMPOTENCY_KEY_REUSED" })
    expect(reused.text).not.toContain("cart-of-bob")
  })

  it("is what the typed client says", async () => {
    const { handler } = await requesting()
    const client = holdfastClient({
      baseUrl: `http://shop.test${handler.basePath}`,
      headers: { "x-caller": "ann" },
      fetch: handler.fetch,
    })
    const { requestId } = await client.coupons.request({ userId: "ann", couponId: 10 })
    const requested = await client.coupons.requested({ requestId, wait: 20 })
    expect(requested).toMatchObject({ state: "issued", coupon: { ticket: 1, issuedAt: expect.any(Date) } })
  })
})
