import { createHoldfast, HoldfastError, type Refusal, type Shop, spanOfTraceparent } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { describe, expect, it, vi } from "vitest"
import { holdfastClient } from "../src/client/index.ts"
import { networkOf } from "../src/exchange/RateLimit.ts"
import { HostUnavailable, type RateLimitOptions, type RequestView, shopHandler } from "../src/index.ts"
import { askOf, callerOfHeader, freshKey, stocked, streamed, surfaceOf } from "./support.ts"

const oneTee = { userId: "ann", orderItems: [{ productId: "1", quantity: 1 }] }

describe("the reference service's six endpoints", () => {
  it("answer 200 with its fields, ids as text, numeric ids meaning the same", async () => {
    const { handler } = await surfaceOf()
    const ask = askOf(handler, { "x-caller": "7" })
    expect((await ask("GET", "/users/7/points")).body).toEqual({ userId: "7", totalPoint: 100_000 })
    expect((await ask("POST", "/users/7/points", { amount: 500 }, freshKey())).body).toMatchObject({
      userId: "7",
      chargedAmount: 500,
      totalPoint: 100_500,
    })
    const issued = await ask("POST", "/coupons/issue", { userId: 7, couponId: 10 }, freshKey())
    expect(issued.status).toBe(200)
    expect(issued.body).toMatchObject({ userId: "7", couponId: "10", userCouponId: "10", ticket: 1 })
    expect((await ask("GET", "/products/1")).body).toMatchObject({
      productId: "1",
      productName: "Tee",
      price: 12_000,
      stock: 100,
    })
    const placed = await ask(
      "POST",
      "/orders",
      { userId: 7, userCouponId: 10, orderItems: [{ productId: 1, quantity: 2 }] },
      freshKey(),
    )
    expect(placed.status).toBe(200)
    expect(placed.body).toMatchObject({ userId: "7", totalPrice: 24_000, discountAmount: 2_400, paidAmount: 21_600 })
    expect(placed.body.items).toMatchObject([
      { orderItemId: `${placed.body.orderId}-1`, productId: "1", productName: "Tee", quantity: 2, price: 12_000 },
    ])
    expect((await ask("GET", "/products/popular")).body).toMatchObject([
      { productId: "1", productName: "Tee", price: 12_000, stock: 98 },
    ])
  })

  it("take null for no coupon", async () => {
    const { ask } = await surfaceOf()
    expect((await ask("POST", "/orders", { ...oneTee, userCouponId: null }, freshKey())).status).toBe(200)
  })
})

describe("the added endpoints", () => {
  it("list the ledger, coupons and orders in pages that can be walked", async () => {
    const { ask } = await surfaceOf()
    for (let count = 0; count < 3; count++) await ask("POST", "/orders", oneTee, freshKey())
    const first = (await ask("GET", "/users/ann/orders?limit=2")).body
    expect(first.items).toHaveLength(2)
    const second = (await ask("GET", `/users/ann/orders?limit=2&cursor=${first.nextCursor}`)).body
    expect(second).toMatchObject({ items: [{ userId: "ann" }], nextCursor: null })
    const entries = (await ask("GET", "/users/ann/points/entries?limit=1")).body
    expect(entries.items).toMatchObject([{ seq: 4, type: "spend", change: -12_000, totalPoint: 64_000 }])
    expect(entries.nextCursor).toBe("4")
    await ask("POST", "/coupons/issue", { userId: "ann", couponId: "10" }, freshKey())
    expect((await ask("GET", "/users/ann/coupons")).body.items).toMatchObject([{ couponId: "10", state: "issued" }])
    expect((await ask("GET", "/coupons/10/issues/ann")).body).toMatchObject({ ticket: 1, state: "issued" })
  })

  it("tell what became of a key", async () => {
    const { ask } = await surfaceOf()
    const placed = await ask("POST", "/orders", oneTee, { "idempotency-key": "lost" })
    const found = await ask("GET", "/outcomes?operation=orders.place&key=lost")
    expect(found.body).toMatchObject({ status: "accepted", answer: placed.body })
    expect((await ask("GET", "/outcomes?operation=orders.place&key=other")).body).toEqual({ status: "not-found" })
    const others = await ask("GET", "/outcomes?operation=orders.place&key=lost", undefined, { "x-caller": "bob" })
    expect(others.body).toEqual({ status: "not-found" })
  })

  it("take for a number what is written as a whole number, and say so of the rest", async () => {
    const { ask } = await surfaceOf()
    const asked = (limit: string) => ask("GET", `/users/ann/points/entries?${new URLSearchParams({ limit })}`)
    expect((await asked("10")).status).toBe(200)
    for (const limit of ["0x10", "1e1", " 5", "5.0", "+5", ""]) {
      const { status, body } = await asked(limit)
      expect([limit, status, body.detail]).toEqual([limit, 400, "/limit: must be a whole number"])
    }
    expect((await asked("-1")).body.detail).toBe("/limit: must be from 1 to 1000")
  })

  it("do not leave out that a change may be done where its answer fails", async () => {
    const shop = await stocked()
    const placedAt = new Date(Number.NaN)
    const place: typeof shop.orders.place = async (...input) => ({ ...(await shop.orders.place(...input)), placedAt })
    const ask = askOf(
      shopHandler({ ...shop, orders: { ...shop.orders, place } }, { ...callerOfHeader, onDefect: () => {} }),
      { "x-caller": "ann" },
    )
    const failed = await ask("POST", "/orders", oneTee, freshKey())
    expect(failed).toMatchObject({ status: 500, body: { code: "INTERNAL", outcome: "unknown" } })
    expect((await shop.orders.ofAccount({ accountId: "ann" })).items).toHaveLength(1)
  })

  it("take for the moment of a call what says its zone, and nothing that has to be guessed", async () => {
    const { ask } = await surfaceOf()
    const statusOf = async (moment: string) => {
      const query = new URLSearchParams({ operation: "orders.place", key: "other", calledAt: moment })
      return (await ask("GET", `/outcomes?${query}`)).status
    }
    for (const moment of ["2026-12-01T12:00:00Z", "2026-12-01T21:00:00.000+09:00"]) {
      expect([moment, await statusOf(moment)]).toEqual([moment, 200])
    }
    for (const day of ["2024-02-29", "2026-12-31", "0000-01-01", "9999-12-31"]) {
      expect([day, await statusOf(`${day}T23:59:59Z`)]).toEqual([day, 200])
    }
    for (const moment of ["2026-12-01T12:00:00", "2026-12-01", "1", "12/01/2026", "2026-13-01T12:00:00Z"]) {
      expect([moment, await statusOf(moment)]).toEqual([moment, 400])
    }
    for (const day of ["2026-02-29", "2026-02-30", "2026-04-31", "2026-01-32", "2026-01-00"]) {
      expect([day, await statusOf(`${day}T12:00:00Z`)]).toEqual([day, 400])
    }
  })

  it("given no word of the host about charging, charge nothing; given a rule, charge what it allows", async () => {
    const charge = { amount: 500 }
    const off = await surfaceOf({ charge: undefined })
    const refused = await off.ask("POST", "/users/ann/points", charge, freshKey())
    expect(refused).toMatchObject({ status: 403, body: { code: "CHARGE_NOT_OFFERED" } })
    expect(await off.shop.points.balance("ann")).toBe(100_000)

    const asked: Array<unknown> = []
    const ruled = await surfaceOf({
      charge: {
        by: (question) => {
          asked.push(question)
          return question.amount <= 500
        },
      },
    })
    expect((await ruled.ask("POST", "/users/ann/points", charge, freshKey())).status).toBe(200)
    expect(await ruled.ask("POST", "/users/ann/points", { amount: 501 }, freshKey())).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN" },
    })
    expect(asked[0]).toEqual({ caller: { id: "ann" }, accountId: "ann", amount: 500 })
    expect(await ruled.shop.points.balance("ann")).toBe(100_500)
  })

  it("keep cancelling off until the host says who may, and until when", async () => {
    const off = await surfaceOf()
    const order = (await off.ask("POST", "/orders", oneTee, freshKey())).body
    const refused = await off.ask("POST", `/orders/${order.orderId}/cancel`, { userId: "ann" }, freshKey())
    expect(refused).toMatchObject({ status: 403, body: { code: "CANCEL_NOT_OFFERED" } })

    let now = Date.now()
    const on = await surfaceOf({ cancel: { by: "owner", until: 60_000 }, clock: () => now })
    const place = async () => (await on.ask("POST", "/orders", oneTee, freshKey())).body.orderId
    const [inTime, tooLate] = [await place(), await place()]
    const key = freshKey()
    const cancelled = await on.ask("POST", `/orders/${inTime}/cancel`, { userId: "ann" }, key)
    expect(cancelled).toMatchObject({ status: 200, body: { state: "cancelled" } })
    now += 61_000
    const repeated = await on.ask("POST", `/orders/${inTime}/cancel`, { userId: "ann" }, key)
    expect(repeated.headers.get("idempotency-replayed")).toBe("true")
    expect(repeated.body).toEqual(cancelled.body)
    const late = await on.ask("POST", `/orders/${tooLate}/cancel`, { userId: "ann" }, freshKey())
    expect(late).toMatchObject({ status: 409, body: { code: "CANCEL_TOO_LATE" } })
    const stranger = await on.ask(
      "POST",
      `/orders/${tooLate}/cancel`,
      { userId: "bob" },
      {
        ...freshKey(),
        "x-caller": "bob",
      },
    )
    expect(stranger).toMatchObject({ status: 404, body: { code: "ORDER_NOT_FOUND" } })
  })

  it("answer probes at the root and below the base path, and metrics in the Prometheus format", async () => {
    const { ask } = await surfaceOf()
    for (const path of ["//livez", "/livez", "//readyz", "/readyz"]) {
      expect(await ask("GET", path)).toMatchObject({ status: 200, body: { status: "ok" } })
    }
    await ask("GET", "/products/1")
    const { text, headers } = await ask("GET", "//metrics")
    expect(headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(text).toContain('holdfast_http_requests_total{route="GET /products/{productId}",status="200"} 1\n')
    expect(text).toContain('holdfast_operations_total{operation="points.charge",outcome="accepted"} 3\n')
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.\deE]+)$/)
    }
    expect((await (await surfaceOf({ metrics: false })).ask("GET", "//metrics")).status).toBe(404)
  })
})

describe("problems", () => {
  it("list a hundred errors at most, and say how many more there are", async () => {
    const { ask, handler } = await surfaceOf()
    const order = { userId: "ann", orderItems: Array.from({ length: 1_500 }, () => ({ productId: "1", quantity: 0 })) }
    const { status, text, body } = await ask("POST", "/orders", order, freshKey())
    expect([status, body.errors.length]).toEqual([400, 101])
    expect(body.errors[99]).toEqual({ pointer: "/orderItems/99/quantity", message: expect.any(String) })
    expect(body.errors[100]).toEqual({ pointer: "", message: "has 1400 more errors, which are not listed" })
    expect(body.detail).toMatch(/; \/: has 1400 more errors, which are not listed$/)
    expect(text.length).toBeLessThan(20_000)
    const korean = await ask("POST", "/orders", order, { ...freshKey(), "accept-language": "ko" })
    expect(korean.body.errors[100].message).toContain("1400")
    // As many as there is room for are all listed.
    const hundred = { ...order, orderItems: order.orderItems.slice(0, 100) }
    expect((await ask("POST", "/orders", hundred, freshKey())).body.errors).toHaveLength(100)
    // The typed client's error says the same.
    const client = holdfastClient({
      baseUrl: `http://shop.test${handler.basePath}`,
      headers: { "x-caller": "ann" },
      fetch: handler.fetch,
    })
    await expect(client.orders.place(order)).rejects.toThrow(/has 1400 more errors, which are not listed\.$/)
  })

  it("are problem+json for everything that is not a success", async () => {
    const { ask } = await surfaceOf()
    const key = freshKey()
    const cases: ReadonlyArray<readonly [number, string, Parameters<typeof ask>]> = [
      [404, "ROUTE_NOT_FOUND", ["GET", "/nowhere"]],
      [404, "ROUTE_NOT_FOUND", ["GET", "//elsewhere"]],
      [404, "ROUTE_NOT_FOUND", ["GET", "/products/"]],
      [405, "METHOD_NOT_ALLOWED", ["DELETE", "/orders"]],
      [405, "METHOD_NOT_ALLOWED", ["OPTIONS", "/products/1"]],
      [400, "MALFORMED_PATH", ["GET", "/products/%zz"]],
      [400, "MALFORMED_JSON", ["POST", "/orders", "{", key]],
      [400, "MALFORMED_JSON", ["POST", "/orders", "", key]],
      [415, "UNSUPPORTED_MEDIA_TYPE", ["POST", "/orders", "a=1", { ...key, "content-type": "text/plain" }]],
      [415, "UNSUPPORTED_MEDIA_TYPE", ["POST", "/orders", "{}", { ...key, "content-encoding": "gzip" }]],
      [413, "BODY_TOO_LARGE", ["POST", "/orders", `"${"x".repeat(70_000)}"`, key]],
      [414, "URI_TOO_LONG", ["GET", `/products/${"x".repeat(5_000)}`]],
      [431, "HEADERS_TOO_LARGE", ["GET", "/products/1", undefined, manyHeaders]],
      [400, "IDEMPOTENCY_KEY_REQUIRED", ["POST", "/orders", oneTee]],
      [400, "IDEMPOTENCY_KEY_INVALID", ["POST", "/orders", oneTee, { "idempotency-key": "x".repeat(256) }]],
      [401, "UNAUTHENTICATED", ["GET", "/users/ann/points", undefined, { "x-caller": "" }]],
      [403, "FORBIDDEN", ["GET", "/users/bob/points"]],
      [404, "PRODUCT_NOT_FOUND", ["GET", "/products/nope"]],
      [400, "INVALID_INPUT", ["GET", "/products/popular?days=x"]],
      [400, "INVALID_INPUT", ["GET", "/products/popular?zone=Nowhere"]],
      [400, "INVALID_INPUT", ["GET", "/users/ann/orders?limit=0"]],
    ]
    for (const [status, code, asked] of cases) {
      const answer = await ask(...asked)
      expect([answer.status, answer.body.code], asked.join(" ")).toEqual([status, code])
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      expect(answer.body).toMatchObject({ status, type: `/api/v1/docs#${code}`, retryable: false })
      expect(answer.body.traceId).toBe(answer.headers.get("trace-id"))
    }
    expect((await ask("DELETE", "/orders")).headers.get("allow")).toBe("POST")
  })

  it("name every wrong field by a JSON pointer, in the request's own names", async () => {
    const { ask } = await surfaceOf()
    const body = { orderItems: [{ productId: true, quantity: 0 }, {}], userId: 2 ** 53, expectedpaid: 1 }
    const { errors } = (await ask("POST", "/orders", body, freshKey())).body
    expect(errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      "/expectedpaid",
      "/orderItems/0/productId",
      "/orderItems/0/quantity",
      "/orderItems/1/productId",
      "/orderItems/1/quantity",
      "/userId",
    ])
    const messages = new Map(
      errors.map((error: { pointer: string; message: string }) => [error.pointer, error.message]),
    )
    // It is a whole number, and no double is it alone.
    expect(messages.get("/userId")).toContain("must be a whole number up to 9007199254740991")
    const twice = { productId: "1", quantity: 600_000 }
    const late = await ask("POST", "/orders", { userId: "ann", orderItems: [twice, twice] }, freshKey())
    expect(late.body.errors).toMatchObject([{ pointer: "/orderItems/1/quantity" }])
  })

  it("speak English and Korean by Accept-Language, and never translate codes", async () => {
    const { ask } = await surfaceOf()
    const inLanguage = async (language: string) => {
      const { body, headers } = await ask("GET", "/products/nope", undefined, { "accept-language": language })
      return [headers.get("content-language"), body.code, body.title]
    }
    const korean = ["ko", "PRODUCT_NOT_FOUND", "존재하지 않는 상품입니다."]
    const english = ["en", "PRODUCT_NOT_FOUND", "Product not found"]
    expect(await inLanguage("ko-KR,ko;q=0.9,en;q=0.8")).toEqual(korean)
    expect(await inLanguage("en;q=0.5, ko;q=0.9")).toEqual(korean)
    expect(await inLanguage("en-US, ko;q=0.9")).toEqual(english)
    expect(await inLanguage("fr")).toEqual(english)
  })

  it("keep a body's nesting from reaching the stack's end", async () => {
    const { ask } = await surfaceOf({ limits: { bodyBytes: 2_000_000 } })
    const deep = `${"[".repeat(500_000)}${"]".repeat(500_000)}`
    const body = `{"userId":"ann","orderItems":[{"productId":"1","quantity":1}],"metadata":{"a":${deep}}}`
    expect((await ask("POST", "/orders", body, freshKey())).status).toBe(400)
  })

  it("given a no of a shop of another version, tell the host of it: it is answered, and no connection breaks", async () => {
    const shop = await stocked()
    for (const tag of ["OutOfLuck", "toString"]) {
      const said = { code: "OUT_OF_LUCK", retryable: false, outcome: "nothing-happened", refusal: { _tag: tag } }
      const error = Object.assign(new Error("a no of tomorrow"), { name: "HoldfastError", ...said })
      const onDefect = vi.fn()
      const place = () => Promise.reject(error)
      const handler = shopHandler({ ...shop, orders: { ...shop.orders, place } }, { ...callerOfHeader, onDefect })
      const answer = await askOf(handler, { "x-caller": "ann" })("POST", "/orders", oneTee, freshKey())
      expect(answer).toMatchObject({ status: 500, body: { code: "INTERNAL", outcome: "unknown" } })
      expect(onDefect.mock.calls.map(([told]) => told)).toEqual([error])
    }
  })

  it("given a runtime whose requests have no signal, answer what they would with one", async () => {
    for (const signal of [undefined, null]) {
      for (const [authorize, status] of [
        [() => true, 200],
        [() => 1 as unknown as boolean, 500],
      ] as const) {
        const { handler } = await surfaceOf({ authorize, onDefect: () => {} })
        const headers = { "content-type": "application/json", "x-caller": "ann", ...freshKey() }
        const init = { method: "POST", body: JSON.stringify(oneTee), headers }
        const request = Object.defineProperty(new Request("http://shop.test/api/v1/orders", init), "signal", {
          value: signal,
        })
        expect((await handler.fetch(request)).status).toBe(status)
      }
    }
  })

  it("tell a defect to the host and not to the caller", async () => {
    const onDefect = vi.fn()
    const { ask } = await surfaceOf({
      onDefect,
      authorize: () => {
        throw new Error("secret")
      },
    })
    const { status, text, body } = await ask("GET", "/products/1")
    expect([status, body.code]).toEqual([500, "INTERNAL"])
    expect(text).not.toContain("secret")
    expect(onDefect).toHaveBeenCalledWith(expect.objectContaining({ message: "secret" }), {
      traceId: body.traceId,
      route: "GET /products/{productId}",
    })
  })
})

/** A promise of a library of its own. */
// biome-ignore lint/suspicious/noThenProperty: that is what makes it one
const thenable = (value: unknown) => ({ then: (heard: (value: unknown) => void) => heard(value) })

const manyHeaders = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`x-${index}`, "1"]))

describe("idempotency keys", () => {
  it("replay the same body, quoted or bare, and refuse another body", async () => {
    const { ask } = await surfaceOf()
    const first = await ask("POST", "/orders", oneTee, { "idempotency-key": '"a \\"b\\""' })
    const again = await ask("POST", "/orders", oneTee, { "idempotency-key": 'a "b"' })
    expect(again.text).toBe(first.text)
    expect(first.headers.get("idempotency-replayed")).toBeNull()
    expect(again.headers.get("idempotency-replayed")).toBe("true")
    const other = { ...oneTee, orderItems: [{ productId: "1", quantity: 2 }] }
    const refused = await ask("POST", "/orders", other, { "idempotency-key": 'a "b"' })
    expect(refused).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } })
  })

  it("belong to their caller", async () => {
    const { ask } = await surfaceOf()
    const key = { "idempotency-key": "shared" }
    const ann = await ask("POST", "/users/ann/points", { amount: 1 }, key)
    const bob = await ask("POST", "/users/bob/points", { amount: 1 }, { ...key, "x-caller": "bob" })
    expect([ann.status, bob.status, bob.headers.get("idempotency-replayed")]).toEqual([200, 200, null])
  })

  it("are made where they are optional, and told", async () => {
    const { ask } = await surfaceOf({ keys: "optional" })
    const placed = await ask("POST", "/orders", oneTee)
    const key = placed.headers.get("idempotency-key") ?? ""
    expect(key).toMatch(/^"[0-9a-f-]{36}"$/)
    const again = await ask("POST", "/orders", oneTee, { "idempotency-key": key })
    expect(again.text).toBe(placed.text)
  })
})

describe("identity", () => {
  it("lets authorize allow and forbid, and leave it to the rule", async () => {
    const { ask } = await surfaceOf({
      authorize: ({ caller, action }) =>
        caller?.id === "root" ? true : action === "points.charge" ? false : undefined,
    })
    expect((await ask("GET", "/users/bob/points", undefined, { "x-caller": "root" })).status).toBe(200)
    expect((await ask("POST", "/users/ann/points", { amount: 1 }, freshKey())).status).toBe(403)
    expect((await ask("GET", "/users/ann/points")).status).toBe(200)
    expect((await ask("GET", "/users/bob/points")).status).toBe(403)
  })

  it("given an answer of the host as any kind of promise, waits for it and believes exactly true", async () => {
    // What authorize and what a rule come to, which has nothing to leave it to.
    const answers: ReadonlyArray<readonly [number, number, unknown]> = [
      [200, 200, true],
      [200, 500, undefined],
      [403, 403, false],
      [200, 200, Promise.resolve(true)],
      [403, 403, Promise.resolve(false)],
      [200, 200, thenable(true)],
      [200, 500, thenable(undefined)],
      [403, 403, thenable(false)],
      [403, 403, thenable(thenable(false))],
      ...["yes", 1, {}, [], null, "", 0, thenable("yes"), Promise.resolve(1)].map(
        (other) => [500, 500, other] as const,
      ),
    ]
    for (const [authorized, ruled, answer] of answers) {
      const onDefect = vi.fn()
      const asked = await surfaceOf({ authorize: () => answer as boolean, onDefect })
      expect((await asked.ask("GET", "/users/ann/points")).status).toBe(authorized)
      expect(onDefect).toHaveBeenCalledTimes(authorized === 500 ? 1 : 0)
      const by = () => answer as boolean
      const rules = await surfaceOf({ charge: { by }, cancel: { by, until: "completed" }, onDefect: () => {} })
      const { orderId } = (await rules.ask("POST", "/orders", oneTee, freshKey())).body
      expect((await rules.ask("POST", "/users/ann/points", { amount: 1 }, freshKey())).status).toBe(ruled)
      const cancelled = await rules.ask("POST", `/orders/${orderId}/cancel`, { userId: "ann" }, freshKey())
      expect(cancelled.status).toBe(ruled)
      expect(await rules.shop.points.balance("ann")).toBe(ruled === 200 ? 100_001 : 88_000)
    }
  })

  it("given a caller as any kind of promise, waits for it; given something else than a caller, says so", async () => {
    const callers: ReadonlyArray<readonly [number, unknown]> = [
      [200, { id: "ann" }],
      [200, thenable({ id: "ann" })],
      [401, null],
      [401, Promise.resolve(null)],
      [401, { id: "" }],
      [500, { id: 7 }],
      [500, "ann"],
      [500, true],
      [500, Promise.resolve({ id: 7 })],
    ]
    for (const [status, caller] of callers) {
      const { ask } = await surfaceOf({ resolveCaller: () => caller as { id: string }, onDefect: () => {} })
      expect((await ask("GET", "/users/ann/points")).status).toBe(status)
    }
  })

  it("given a host that cannot know now, answers 503 with Retry-After: nothing happened, and it is no defect", async () => {
    const onDefect = vi.fn()
    const away = () => {
      throw new HostUnavailable({ retryAfterMillis: 2_500, cause: new Error("ECONNREFUSED 10.0.0.7") })
    }
    const charge = ["POST", "/users/ann/points", { amount: 1 }] as const
    for (const options of [
      { resolveCaller: away },
      { resolveCaller: () => Promise.reject(new HostUnavailable({ retryAfterMillis: 2_500 })) },
      { authorize: away },
      { charge: { by: away } },
    ]) {
      const { ask, shop } = await surfaceOf({ ...options, onDefect })
      const answer = await ask(...charge, freshKey())
      expect(answer).toMatchObject({
        status: 503,
        body: { code: "HOST_UNAVAILABLE", retryable: true, outcome: "nothing-happened" },
      })
      expect(answer.headers.get("retry-after")).toBe("3")
      expect(answer.text).not.toContain("10.0.0.7")
      expect(await shop.points.balance("ann")).toBe(100_000)
    }
    expect(onDefect).not.toHaveBeenCalled()
  })

  it("given a host that cannot say when, asks to come back in a second", async () => {
    for (const retryAfterMillis of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -5, 0, "soon" as unknown as number]) {
      const { ask } = await surfaceOf({
        resolveCaller: () => Promise.reject(new HostUnavailable({ retryAfterMillis })),
      })
      expect((await ask("GET", "/users/ann/points")).headers.get("retry-after")).toBe("1")
    }
  })

  it("given a host that never answers, answers 503 when an answer is due", async () => {
    const never = () => new Promise<never>(() => {})
    for (const options of [{ resolveCaller: never }, { authorize: never }]) {
      const { ask } = await surfaceOf({ ...options, limits: { answerMillis: 20 } })
      expect(await ask("GET", "/products/1")).toMatchObject({ status: 503, body: { code: "HOST_UNAVAILABLE" } })
    }
  })

  it("given a rule that never answers, says that nothing happened, and lets nothing happen when it answers after all", async () => {
    const verdict = Promise.withResolvers<boolean>()
    const by = () => verdict.promise
    // Slow enough that the rule about the order is asked a good while after the answer's time began.
    const late = new Promise<void>((resolve) => setTimeout(resolve, 60))
    const shop = await stocked()
    const get: typeof shop.orders.get = async (...input) => {
      await late
      return shop.orders.get(...input)
    }
    const { orderId } = await shop.orders.place({
      accountId: "ann",
      lines: [{ productId: "1", quantity: 1 }],
      key: "1",
    })
    const onDefect = vi.fn()
    const handler = shopHandler(
      { ...shop, orders: { ...shop.orders, get } },
      {
        ...callerOfHeader,
        // Who may see an order is asked again once its owner is known.
        authorize: ({ action, resource }) =>
          action === "orders.get" && resource.userId !== undefined ? verdict.promise : undefined,
        charge: { by },
        cancel: { by, until: "completed" },
        limits: { answerMillis: 400 },
        onDefect,
      },
    )
    const ask = askOf(handler, { "x-caller": "ann" })
    const answers = [
      ask("POST", "/users/ann/points", { amount: 1 }, freshKey()),
      ask("POST", `/orders/${orderId}/cancel`, { userId: "ann" }, freshKey()),
      ask("GET", `/orders/${orderId}`),
    ]
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({
        status: 503,
        body: { code: "HOST_UNAVAILABLE", outcome: "nothing-happened", retryable: true },
      })
      expect(answer.headers.get("retry-after")).toBe("1")
    }
    verdict.resolve(true)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await shop.points.balance("ann")).toBe(88_000)
    expect((await shop.orders.get(orderId)).state).toBe("placed")
    expect(onDefect).not.toHaveBeenCalled()
  })

  it("given a host that asks a shop of its own, answers nothing that this shop said to the host", async () => {
    const coupon = { campaignId: "10", accountId: "bob", ticket: 1, discount: { type: "flat", amount: 1 } } as const
    const dates = { issuedAt: new Date(0), expiresAt: new Date(1) }
    const refused = new HoldfastError({ _tag: "CouponAlreadyIssued", coupon: { ...coupon, ...dates } } as Refusal)
    const lost = new HoldfastError({ _tag: "StoreUnavailable", outcome: "unknown", reason: "10.0.0.7" })
    const rejected = new HoldfastError({ _tag: "StoreRejected", outcome: "nothing-happened", reason: "10.0.0.7" })
    for (const [error, status, code] of [
      [refused, 500, "INTERNAL"],
      [rejected, 500, "INTERNAL"],
      [lost, 503, "HOST_UNAVAILABLE"],
    ] as const) {
      const fail = () => {
        throw error
      }
      for (const option of [
        { resolveCaller: fail },
        { resolveCaller: () => Promise.reject(error) },
        { authorize: fail },
        { charge: { by: fail } },
        { charge: { by: () => Promise.reject(error) } },
      ]) {
        const onDefect = vi.fn()
        const { ask, shop } = await surfaceOf({ ...option, onDefect })
        const answer = await ask("POST", "/users/ann/points", { amount: 1 }, freshKey())
        expect(answer).toMatchObject({ status, body: { code } })
        expect(answer.body.outcome).toBe(status === 503 ? "nothing-happened" : undefined)
        expect(answer.text).not.toMatch(/bob|10\.0\.0\.7/)
        expect(onDefect.mock.calls.map(([told]) => told)).toEqual(status === 500 ? [error] : [])
        expect(await shop.points.balance("ann")).toBe(100_000)
      }
    }
  })

  it("hides other users' orders", async () => {
    const { ask } = await surfaceOf()
    const { orderId } = (await ask("POST", "/orders", oneTee, freshKey())).body
    expect((await ask("GET", `/orders/${orderId}`)).body.orderId).toBe(orderId)
    expect(await ask("GET", `/orders/${orderId}`, undefined, { "x-caller": "bob" })).toMatchObject({
      status: 404,
      body: { code: "ORDER_NOT_FOUND" },
    })
  })

  it("gives the host a cheap view, and a real Request on demand", async () => {
    const { ask } = await surfaceOf({
      resolveCaller: async ({ request, url, method }) =>
        request.headers.get("authorization") === "Bearer t" ? { id: `${method} ${url}` } : undefined,
      authorize: ({ caller }) => caller?.id === "GET /api/v1/users/ann/points",
    })
    expect((await ask("GET", "/users/ann/points", undefined, { authorization: "Bearer t" })).status).toBe(200)
    expect((await ask("GET", "/users/ann/points")).status).toBe(401)
  })

  it("believes the request only in a demonstration", async () => {
    const shop = await stocked()
    const warn = vi.fn()
    const ask = askOf(shopHandler(shop, { demoIdentity: true, warn }))
    expect(warn).toHaveBeenCalledOnce()
    expect((await ask("GET", "/users/bob/points")).status).toBe(200)
    const placed = await ask("POST", "/orders", oneTee, freshKey())
    expect(placed.status).toBe(200)
    const order = `/orders/${placed.body.orderId}`
    expect((await ask("GET", order)).status).toBe(401)
    expect((await ask("GET", order, undefined, { "x-user-id": "ann" })).status).toBe(200)
    expect((await ask("GET", order, undefined, { "x-user-id": "bob" })).status).toBe(404)
    vi.stubEnv("NODE_ENV", "production")
    expect(() => shopHandler(shop, { demoIdentity: true, warn })).toThrow(/refused in production/)
    vi.unstubAllEnvs()
  })

  it("is required, and unknown options are refused", () => {
    const shop = createHoldfast({ store: memory() })
    // @ts-expect-error the types ask for one of the two identities
    expect(() => shopHandler(shop, {})).toThrow(/resolveCaller/)
    // @ts-expect-error there is no such option
    expect(() => shopHandler(shop, { resolveCaller: () => undefined, basepath: "/" })).toThrow(
      /did you mean "basePath"/,
    )
  })
})

describe("limits", () => {
  it("answer Overloaded with Retry-After when too many requests are under way", async () => {
    const { ask } = await surfaceOf({ limits: { inFlight: 1 } })
    const answers = await Promise.all([ask("GET", "/products/1"), ask("GET", "/products/1")])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503])
    const refused = answers.find(({ status }) => status === 503)
    expect(refused?.headers.get("retry-after")).toBe("1")
    expect(refused?.body).toMatchObject({ code: "OVERLOADED", retryable: true, outcome: "nothing-happened" })
  })

  it("let probes, metrics and the documentation through however much is under way, and do not count them", async () => {
    const shop = await stocked()
    const held = Promise.withResolvers<never>()
    const health = Promise.withResolvers<void>()
    const slow: Shop = {
      ...shop,
      stock: { ...shop.stock, product: () => held.promise },
      health: () => health.promise.then(() => shop.health()),
      readiness: () => health.promise.then(() => shop.readiness()),
    }
    const ask = askOf(shopHandler(slow, { ...callerOfHeader, docs: true, limits: { inFlight: 1 } }))
    // Probes that wait for the store take nothing from those who buy.
    const waiting = ["//readyz", "//metrics"].map((path) => ask("GET", path))
    const under = ask("GET", "/products/1", undefined, { "x-caller": "ann" })
    health.resolve()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200])
    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"]) {
      expect([path, (await ask("GET", `/${path}`)).status]).toEqual([path, 200])
      expect([path, (await ask("GET", path)).status]).toEqual([path, 200])
    }
    expect((await ask("GET", "//metrics")).text).toContain("holdfast_http_requests_in_flight 1\n")
    for (const path of ["/products/1", "/none", "//livez/none"]) {
      expect(await ask("GET", path)).toMatchObject({ status: 503, body: { code: "OVERLOADED" } })
    }
    held.reject(new HoldfastError({ _tag: "ProductNotFound", productIds: [] }))
    expect((await under).status).toBe(404)
  })

  it("ask how the shop is once at a time, however many want to know", async () => {
    const shop = await stocked()
    const gate = Promise.withResolvers<void>()
    let asked = 0
    const counted: Shop = {
      ...shop,
      health: () => {
        asked++
        return gate.promise.then(() => shop.health())
      },
    }
    const ask = askOf(shopHandler(counted, callerOfHeader))
    const answers = Array.from({ length: 20 }, () => ask("GET", "//metrics"))
    gate.resolve()
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]))
    expect(asked).toBe(1)
    await ask("GET", "//metrics")
    expect(asked).toBe(2)
  })

  it("count a body on the stream, whatever its length claims", async () => {
    const { handler } = await surfaceOf({ limits: { bodyBytes: 1_000 } })
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 100
        controller.enqueue(new Uint8Array(100).fill(0x20))
      },
    })
    const headers = { "content-type": "application/json", "x-caller": "ann", ...freshKey() }
    const response = await handler.fetch(streamed("http://shop.test/api/v1/orders", headers, body))
    expect(response.status).toBe(413)
    expect(pulled).toBeLessThan(2_000)
  })

  it("bound how deep metadata goes by its length, and never by the stack", async () => {
    const { ask } = await surfaceOf()
    const order = (deep: string) => `${JSON.stringify(oneTee).slice(0, -1)},"metadata":{"deep":${deep}}}`
    for (const nested of ["[".repeat(30_000) + "]".repeat(30_000), `${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}`]) {
      expect(await ask("POST", "/orders", order(nested), freshKey())).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: "/metadata" }] },
      })
    }
    const kept = await ask("POST", "/orders", order("[".repeat(900) + "]".repeat(900)), freshKey())
    expect(kept.status).toBe(200)
    expect((await ask("GET", `/orders/${kept.body.orderId}`)).body).toEqual(kept.body)
  })

  it("bound the items of an order and the time of a body", async () => {
    const { ask } = await surfaceOf({ limits: { orderItems: 1 } })
    const { handler } = await surfaceOf({ limits: { bodyMillis: 20 } })
    const two = { userId: "ann", orderItems: ["1", "2"].map((productId) => ({ productId, quantity: 1 })) }
    expect(await ask("POST", "/orders", two, freshKey())).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/orderItems" }] },
    })
    const headers = { "content-type": "application/json", "x-caller": "ann", ...freshKey() }
    const slow = await handler.fetch(streamed("http://shop.test/api/v1/orders", headers, new ReadableStream()))
    expect(slow.status).toBe(408)
  })

  it("answer 503 when an answer takes too long: with an unknown outcome of a change, and of a read that nothing happened", async () => {
    const shop = await stocked()
    const never = () => new Promise<never>(() => {})
    const slow = { ...shop, stock: { product: never }, orders: { ...shop.orders, place: never } }
    const ask = askOf(shopHandler(slow, { ...callerOfHeader, limits: { answerMillis: 20 } }), { "x-caller": "ann" })
    for (const [outcome, asked] of [
      ["unknown", ["POST", "/orders", oneTee, freshKey()]],
      ["nothing-happened", ["GET", "/products/1"]],
    ] as ReadonlyArray<readonly [string, Parameters<typeof ask>]>) {
      expect(await ask(...asked)).toMatchObject({
        status: 503,
        body: { code: "STORE_UNAVAILABLE", outcome, retryable: true },
      })
    }
  })

  it("answer 500 where the store rejects something for good, and tell only the host why", async () => {
    const shop = await stocked()
    const no = { _tag: "StoreRejected", outcome: "nothing-happened", reason: "permission denied for ann" } as const
    const rejecting = { ...shop, stock: { product: () => Promise.reject(new HoldfastError(no)) } }
    const told: Array<unknown> = []
    const ask = askOf(
      shopHandler(rejecting, { resolveCaller: () => undefined, onDefect: (error) => void told.push(error) }),
    )
    const { status, body, text, headers } = await ask("GET", "/products/1")
    expect([status, body]).toMatchObject([
      500,
      { code: "STORE_REJECTED", outcome: "nothing-happened", retryable: false },
    ])
    expect(text).not.toContain("ann")
    expect(headers.get("retry-after")).toBeNull()
    expect(told).toMatchObject([{ message: "The store rejects it: permission denied for ann." }])
  })

  it("limit the rate per caller where the host asks for it", async () => {
    let now = 0
    const { ask } = await surfaceOf({ rateLimit: { requests: 2, perSeconds: 10 }, clock: () => now })
    const first = await ask("GET", "/products/1")
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=2;w=10')
    expect(first.headers.get("ratelimit")).toBe('"requests";r=1;t=10')
    await ask("GET", "/products/1")
    const refused = await ask("GET", "/products/1")
    expect(refused).toMatchObject({ status: 429, body: { code: "RATE_LIMITED", retryable: true } })
    expect(refused.headers.get("retry-after")).toBe("10")
    expect((await ask("GET", "/products/1", undefined, { "x-caller": "bob" })).status).toBe(200)
    now = 10_000
    expect((await ask("GET", "/products/1")).status).toBe(200)
  })

  it("limit the rate by a clock of Dates, and answer 500 where that tells no time: it limited nobody", async () => {
    const told: Array<unknown> = []
    const of = (clock: () => Date | number) =>
      surfaceOf({ rateLimit: { requests: 1, perSeconds: 10 }, clock, onDefect: (error) => told.push(error) })
    const { ask } = await of(() => new Date(0))
    const path = "/products/1"
    expect([(await ask("GET", path)).status, (await ask("GET", path)).status]).toEqual([200, 429])
    for (const none of [Number.NaN, new Date("now"), undefined as unknown as number]) {
      const broken = await of(() => none)
      expect((await broken.ask("GET", path)).status).toBe(500)
    }
    expect(told.map(String)).toEqual(Array(3).fill(expect.stringContaining("The clock tells no time")))
  })

  it("limit the rate per caller, and lock nobody out where the clock is set back", async () => {
    let now = 3_600_000
    const { ask } = await surfaceOf({ rateLimit: { requests: 1, perSeconds: 10 }, clock: () => now })
    const statuses = async () => [(await ask("GET", "/products/1")).status, (await ask("GET", "/products/1")).status]
    expect(await statuses()).toEqual([200, 429])
    now = 0
    expect(await statuses()).toEqual([200, 429])
    now = 10_000
    expect(await statuses()).toEqual([200, 429])
  })

  it("given callers who are not signed in, count each by what tells them apart, and failed sign-ins too", async () => {
    const addressOf = (request: RequestView) => request.headers.get("x-forwarded-for") ?? undefined
    const { handler } = await surfaceOf({ rateLimit: { requests: 2, perSeconds: 10, addressOf }, clock: () => 0 })
    const ask = askOf(handler)
    const from = (address: string, more: Record<string, string> = {}) => ({ "x-forwarded-for": address, ...more })
    for (const path of ["/products/1", "/users/ann/points"]) {
      const [one, other] = [`1.1.1.${path.length}`, `2.2.2.${path.length}`]
      const signedOut = path === "/products/1" ? 200 : 401
      for (const status of [signedOut, signedOut, 429, 429]) {
        expect((await ask("GET", path, undefined, from(one))).status).toBe(status)
      }
      expect((await ask("GET", path, undefined, from(other))).status).toBe(signedOut)
      // A caller who is signed in has a window of their own, whoever else sits behind the same address.
      expect((await ask("GET", path, undefined, from(one, { "x-caller": "ann" }))).status).toBe(200)
    }
    // An id that is none is a failed sign-in as well.
    for (const status of [401, 401, 429]) {
      expect((await ask("GET", "/products/1", undefined, from("3.3.3.3", { "x-caller": "" }))).status).toBe(status)
    }
  })

  it("given callers whom nothing tells apart, say so once and let none of them lock out the others", async () => {
    const warn = vi.fn()
    const { handler } = await surfaceOf({ rateLimit: { requests: 1, perSeconds: 10 }, warn })
    const ask = askOf(handler)
    for (let times = 0; times < 5; times++) expect((await ask("GET", "/products/1")).status).toBe(200)
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toContain("rateLimit.addressOf")
  })

  it("given something else than a text as address, tell nobody apart by it, and say so where it cannot be meant", async () => {
    const statusesOf = async (address: unknown) => {
      const [warn, onDefect] = [vi.fn(), vi.fn()]
      const addressOf = () => address as string
      const { handler } = await surfaceOf({ rateLimit: { requests: 1, perSeconds: 10, addressOf }, warn, onDefect })
      const ask = askOf(handler)
      const statuses = [(await ask("GET", "/products/1")).status, (await ask("GET", "/products/1")).status]
      return [statuses, warn.mock.calls.length, onDefect.mock.calls.length]
    }
    // A header that is not there is null.
    for (const nothing of [undefined, null, ""]) expect(await statusesOf(nothing)).toEqual([[200, 200], 1, 0])
    for (const other of [7, ["1.1.1.1"], Promise.resolve("1.1.1.1")]) {
      expect(await statusesOf(other)).toEqual([[500, 500], 0, 2])
    }
  })

  it("given an address, take of IPv6 what a peer cannot choose", () => {
    const networks: ReadonlyArray<readonly [string, string]> = [
      ["10.0.0.7", "10.0.0.7"],
      ["::ffff:10.0.0.7", "10.0.0.7"],
      ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
      ["2001:0db8:0001:0002:ffff::1", "2001:db8:1:2::"],
      ["2001:db8::1", "2001:db8:0:0::"],
      ["fe80::1%eth0", "fe80:0:0:0::"],
      ["::1", "0:0:0:0::"],
    ]
    for (const [address, network] of networks) expect(networkOf(address)).toBe(network)
  })

  it("given a rate that is none, are refused before the first request", () => {
    const shop = createHoldfast({ store: memory() })
    const handlerWith = (rateLimit: object) => () =>
      shopHandler(shop, { ...callerOfHeader, rateLimit: rateLimit as RateLimitOptions })
    expect(handlerWith({ requests: 0, perSeconds: 1 })).toThrow(/rateLimit.requests/)
    expect(handlerWith({ requests: 1, perSeconds: Number.NaN })).toThrow(/rateLimit.perSeconds/)
    expect(handlerWith({ requests: 1, perSecond: 1 })).toThrow(/did you mean "perSeconds"/)
  })
})

describe("reads", () => {
  it("have entity tags, and HEAD answers without a body", async () => {
    const { ask } = await surfaceOf()
    const { headers, text } = await ask("GET", "/products/1")
    const etag = headers.get("etag") ?? ""
    const unchanged = await ask("GET", "/products/1", undefined, { "if-none-match": etag })
    expect([unchanged.status, unchanged.text, unchanged.headers.get("etag")]).toEqual([304, "", etag])
    const head304 = await ask("HEAD", "/products/1", undefined, { "if-none-match": etag })
    expect([head304.status, head304.headers.get("content-length")]).toEqual([304, null])
    await ask("POST", "/orders", oneTee, freshKey())
    expect((await ask("GET", "/products/1", undefined, { "if-none-match": etag })).status).toBe(200)
    const head = await ask("HEAD", "/products/1")
    expect([head.status, head.text]).toEqual([200, ""])
    // One unit fewer than before: 99 instead of 100.
    expect(head.headers.get("content-length")).toBe(String(text.length - 1))
  })

  it("carry the trace of the request", async () => {
    const { ask } = await surfaceOf()
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`
    expect((await ask("GET", "/products/1", undefined, { traceparent })).headers.get("trace-id")).toBe(trace)
    // What is no traceparent to the core, whose spans are then in another trace, is none here.
    const none = [
      "rubbish",
      `ff-${trace}-00f067aa0ba902b7-01`,
      `00-${trace}-${"0".repeat(16)}-01`,
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
      `${traceparent}-more`,
    ]
    for (const text of none) {
      expect(spanOfTraceparent(text)).toBeUndefined()
      const own = (await ask("GET", "/products/1", undefined, { traceparent: text })).headers.get("trace-id")
      expect(own).toMatch(/^(?!0{32}|4bf92f)[0-9a-f]{32}$/)
    }
    const later = { traceparent: `cc-${trace}-00f067aa0ba902b7-01-more` }
    expect((await ask("GET", "/products/1", undefined, later)).headers.get("trace-id")).toBe(trace)
  })
})
