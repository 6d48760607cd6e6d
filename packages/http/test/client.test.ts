import { isHoldfastError } from "@holdfast/core"
import { describe, expect, expectTypeOf, it } from "vitest"
import { type ClientOptions, holdfastClient, ProblemError } from "../src/client/index.ts"
import { surfaceOf } from "./support.ts"

const clientOf = async (
  options: Partial<ClientOptions> = {},
  headers: Record<string, string> = { "x-caller": "ann" },
) => {
  const { handler, shop } = await surfaceOf()
  const client = holdfastClient({
    baseUrl: "http://shop.test/api/v1/",
    fetch: handler.fetch,
    headers,
    pauseMillis: 1,
    ...options,
  })
  return { client, shop, handler }
}

const oneTee = { userId: "ann", orderItems: [{ productId: "1", quantity: 1 }] }

describe("the client", () => {
  it("answers decoded, with moments as dates and whether it was replayed", async () => {
    const { client } = await clientOf()
    const order = await client.orders.place({ ...oneTee, key: 'cart "1"' })
    expect(order).toMatchObject({ paidAmount: 12_000, replayed: false })
    expect(order.placedAt).toBeInstanceOf(Date)
    expectTypeOf(order.items[0]?.price).toEqualTypeOf<number | undefined>()
    expect(await client.orders.place({ ...oneTee, key: 'cart "1"' })).toEqual({ ...order, replayed: true })
    expect(await client.orders.get({ orderId: order.orderId })).toMatchObject({ orderId: order.orderId })
    expect(await client.outcomes.get({ operation: "orders.place", key: 'cart "1"' })).toMatchObject({
      status: "accepted",
    })
    expect(await client.points.charge({ userId: "ann", amount: 5 })).toMatchObject({ totalPoint: 88_005, seq: 3 })
    expect((await client.points.entries({ userId: "ann", limit: 1 })).nextCursor).toBe("3")
    expect(await client.coupons.issue({ userId: "ann", couponId: 10 })).toMatchObject({ ticket: 1 })
    expect(await client.products.popular({ limit: 1 })).toHaveLength(1)
  })

  it("gives refusals back as the library's own, typed", async () => {
    const { client } = await clientOf()
    const error = await client.orders
      .place({ userId: "ann", orderItems: [{ productId: "2", quantity: 4 }] })
      .catch((error: unknown) => error)
    if (!isHoldfastError(error)) throw new Error("expected a HoldfastError")
    expect(error.code).toBe("OUT_OF_STOCK")
    if (error.refusal?._tag !== "OutOfStock") throw new Error("expected OutOfStock")
    expect(error.refusal.lines).toEqual([{ productId: "2", requested: 4, available: 3 }])
    expect(error.cause).toMatchObject({ legacyCode: "PRODUCT_OUT_OF_STOCK", title: "Out of stock" })
    await client.coupons.issue({ userId: "ann", couponId: "10" })
    const again = await client.coupons.issue({ userId: "ann", couponId: "10" }).catch((error: unknown) => error)
    if (!isHoldfastError(again) || again.refusal?._tag !== "CouponAlreadyIssued") throw new Error("expected a refusal")
    expect(again.refusal.coupon.issuedAt).toBeInstanceOf(Date)
    const invalid = await client.points.charge({ userId: "ann", amount: 0 }).catch((error: unknown) => error)
    expect(invalid).toMatchObject({ refusal: { _tag: "InvalidInput", issues: [{ pointer: "/amount" }] } })
  })

  it("says what only a surface can say as a ProblemError", async () => {
    const { client } = await clientOf({}, {})
    const error = await client.points.balance({ userId: "ann" }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", status: 401 })
  })

  it("answers the same noes as values in its safe twin, and lets aborts reject", async () => {
    const { client } = await clientOf()
    const placed = await client.safe.orders.place(oneTee)
    if (!placed.ok) throw new Error("expected an order")
    expectTypeOf(placed.value.placedAt).toEqualTypeOf<Date>()
    expect(placed.value).toMatchObject({ paidAmount: 12_000, replayed: false })
    const refused = await client.safe.products.get({ productId: "9" })
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "PRODUCT_NOT_FOUND", refusal: { _tag: "ProductNotFound", productIds: ["9"] } },
    })
    const forbidden = await client.safe.points.balance({ userId: "bob" })
    if (forbidden.ok || !(forbidden.error instanceof ProblemError)) throw new Error("expected a ProblemError")
    expect(forbidden.error.status).toBe(403)
    const signal = AbortSignal.abort(new Error("left"))
    await expect(client.safe.products.get({ productId: "1" }, { signal })).rejects.toThrow("left")
    expect(Object.keys(client.safe.orders)).toEqual(Object.keys(client.orders))
  })

  it("repeats a change whose answer was lost with the same key, and the order happens once", async () => {
    const { handler, shop } = await surfaceOf()
    const keys: Array<string | null> = []
    let losses = 2
    const client = holdfastClient({
      baseUrl: "http://shop.test/api/v1",
      headers: { "x-caller": "ann" },
      pauseMillis: 1,
      fetch: async (request) => {
        keys.push(request.headers.get("idempotency-key"))
        const response = await handler.fetch(request)
        if (losses-- > 0) throw new TypeError("socket hang up")
        return response
      },
    })
    expect(await client.orders.place(oneTee)).toMatchObject({ replayed: true })
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect((await shop.orders.ofAccount({ accountId: "ann" })).items).toHaveLength(1)
  })

  it("repeats 503 and leaves refusals and unexpected answers alone", async () => {
    const answers = [503, 502, 409]
    let asked = 0
    const { client } = await clientOf({
      fetch: async () => {
        asked++
        return new Response("<html>", { status: answers.shift() ?? 500 })
      },
    })
    const error = await client.orders.place(oneTee).catch((error: unknown) => error)
    expect([asked, error]).toMatchObject([3, { code: "UNEXPECTED_ANSWER", status: 409 }])
  })

  it("gives up after its attempts with an unknown outcome, and at once when the caller leaves", async () => {
    let asked = 0
    const { client } = await clientOf({
      attempts: 3,
      fetch: async () => {
        asked++
        throw new TypeError("refused")
      },
    })
    await expect(client.products.get({ productId: "1" })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "unknown",
      retryable: true,
    })
    expect(asked).toBe(3)
    const left = AbortSignal.abort(new Error("left"))
    await expect(client.products.get({ productId: "1" }, { signal: left })).rejects.toThrow("left")
    expect(asked).toBe(3)
  })
})
