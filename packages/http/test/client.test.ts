import { createServer, type Server } from "node:http"
import { gzipSync } from "node:zlib"
import { isHoldfastError } from "@holdfast/core"
import { inProcessRequests } from "@holdfast/core/memory"
import { Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { build } from "esbuild"
import { describe, expect, expectTypeOf, it } from "vitest"
import { type ClientOptions, holdfastClient, ProblemError } from "../src/client/index.ts"
import { Contract } from "../src/index.ts"
import { toNodeHandler } from "../src/node/index.ts"
import { surfaceOf } from "./support.ts"

const clientOf = async (
  options: Partial<ClientOptions> = {},
  headers: Record<string, string> = { "x-caller": "ann" },
) => {
  const { handler, shop } = await surfaceOf({}, { requests: inProcessRequests() })
  const client = holdfastClient({
    baseUrl: "http://shop.test/api/v1/",
    fetch: handler.fetch,
    headers,
    pauseMillis: 1,
    ...options,
  })
  return { client, shop, handler }
}

const addressOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : address}`
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
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", status: 401, message: "Authentication is required" })
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
    const { handler, shop } = await surfaceOf({}, { requests: inProcessRequests() })
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

  it("repeats 503 and leaves unexpected answers alone", async () => {
    const answers = [503, 502, 409]
    let asked = 0
    const { client } = await clientOf({
      fetch: async () => {
        asked++
        return new Response("<html>", { status: answers.shift() ?? 500 })
      },
    })
    const error = await client.orders.ofUser({ userId: "ann" }).catch((error: unknown) => error)
    expect([asked, error]).toMatchObject([3, { code: "UNEXPECTED_ANSWER", status: 409 }])
  })

  const overloaded = { code: "OVERLOADED", unavailable: { _tag: "Overloaded", retryAfterMillis: 1 } }
  const afterwards = {
    "that the shop is overloaded": [503, { ...overloaded, outcome: "nothing-happened" }],
    "that nobody is signed in": [401, { code: "UNAUTHENTICATED" }],
    "that there were too many": [429, { code: "RATE_LIMITED" }],
    "a proxy's page": [504, undefined],
    // Of a server of another version, which allows an order fewer items.
    "what is wrong with it": [
      400,
      { code: "INVALID_INPUT", errors: [{ pointer: "/orderItems", message: "is too long" }] },
    ],
    "that there are no requests": [
      403,
      { code: "REQUESTS_NOT_OFFERED", refusal: { _tag: "RequestsNotOffered", campaignId: "10" } },
    ],
  } as const

  it.each(Object.entries(afterwards))(
    "does not say of a change whose answer was lost that it did not happen: then it hears %s",
    async (_, [status, problem]) => {
      const { handler, shop } = await surfaceOf({})
      let asked = 0
      const client = holdfastClient({
        baseUrl: "http://shop.test/api/v1",
        headers: { "x-caller": "ann" },
        pauseMillis: 1,
        fetch: async (request) => {
          if (asked++ > 0)
            return new Response(problem && JSON.stringify({ status, title: "No", detail: "No.", ...problem }), {
              status,
            })
          await handler.fetch(request)
          throw new TypeError("socket hang up")
        },
      })
      const placed = await client.safe.orders.place(oneTee)
      expect(placed).toMatchObject({ ok: false, error: { code: "STORE_UNAVAILABLE", outcome: "unknown" } })
      expect(placed).toMatchObject({ error: { cause: { status } } })
      expect((await shop.orders.ofAccount({ accountId: "ann" })).items).toHaveLength(1)
    },
  )

  it("keeps the refusal that comes after a lost answer, and says of a proxy's page that the outcome is unknown", async () => {
    const { handler } = await surfaceOf({})
    const losing = (answers: Array<Response | undefined>) =>
      holdfastClient({
        baseUrl: "http://shop.test/api/v1",
        headers: { "x-caller": "ann" },
        pauseMillis: 1,
        attempts: answers.length,
        fetch: async (request) => {
          const answer = answers.shift()
          if (answer === undefined) return handler.fetch(request)
          return answer.status === 408 ? Promise.reject(new TypeError("socket hang up")) : answer
        },
      })
    const refused = await losing([new Response(null, { status: 408 }), undefined])
      .orders.place({ userId: "ann", orderItems: [{ productId: "2", quantity: 4 }] })
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: "OUT_OF_STOCK" })
    const page = await losing([new Response("<html>", { status: 504 })])
      .orders.place(oneTee)
      .catch((error: unknown) => error)
    expect(page).toMatchObject({ code: "UNEXPECTED_ANSWER", problem: { status: 504, outcome: "unknown" } })
  })

  it("follows no redirect of a change, which would ask for something else", async () => {
    const { handler, shop } = await surfaceOf({})
    const served = createServer(toNodeHandler(handler)).listen(0)
    const moved = createServer((request, response) => {
      response.writeHead(301, { location: `${addressOf(served)}${request.url}` }).end()
    }).listen(0)
    const client = holdfastClient({ baseUrl: `${addressOf(moved)}/api/v1`, headers: { "x-caller": "ann" } })
    const charged = await client.safe.points.charge({ userId: "ann", amount: 500 })
    expect(charged).toMatchObject({ ok: false, error: { code: "UNEXPECTED_ANSWER", status: 301 } })
    expect(await client.points.balance({ userId: "ann" })).toMatchObject({ totalPoint: 100_000 })
    expect(await shop.points.balance("ann")).toBe(100_000)
    served.close()
    moved.close()
  })

  it("ends an attempt after its time, and at once when the caller leaves, also where the host's own fetch or headers never end", async () => {
    const never = () => new Promise<never>(() => {})
    for (const options of [{ fetch: never }, { headers: never }]) {
      const { client } = await clientOf({ attempts: 2, timeoutMillis: 20, ...options })
      const late = await client.safe.orders.place(oneTee)
      expect(late).toMatchObject({ ok: false, error: { code: "STORE_UNAVAILABLE", outcome: "unknown" } })
      const patient = (await clientOf(options)).client
      const leaving = new AbortController()
      const left = patient.orders.place(oneTee, { signal: leaving.signal })
      leaving.abort(new Error("left"))
      await expect(left).rejects.toThrow("left")
    }
    const leaving = new AbortController()
    const busy = async () => {
      leaving.abort(new Error("left"))
      return new Response("<html>", { status: 503, headers: { "retry-after": "30" } })
    }
    const { client } = await clientOf({ fetch: busy })
    await expect(client.orders.place(oneTee, { signal: leaving.signal })).rejects.toThrow("left")
  })

  it("sends its own headers once, however the host spells them", async () => {
    const headers = { "x-caller": "ann", "Content-Type": "application/json", "Idempotency-Key": "the-hosts" }
    const { client } = await clientOf({ headers })
    expect(await client.orders.place({ ...oneTee, key: "ours" })).toMatchObject({ replayed: false })
    const found = await client.outcomes.get({ operation: "orders.place", key: "ours" })
    expect(found.status).toBe("accepted")
  })

  it("asks for an outcome with the moment to the millisecond", async () => {
    const asked: Array<string | null> = []
    const { client } = await clientOf({
      fetch: async ({ url }) => {
        asked.push(new URL(url).searchParams.get("calledAt"))
        return Response.json({ status: "not-found" })
      },
    })
    const calledAt = new Date(1_796_126_400_999)
    await client.outcomes.get({ operation: "orders.place", key: "k", calledAt })
    expect(asked).toEqual([calledAt.toISOString()])
  })

  it("says that the outcome is unknown where the host's headers fail after an attempt was lost", async () => {
    let made = 0
    const { client } = await clientOf({
      fetch: async () => {
        throw new TypeError("connection lost")
      },
      headers: () => {
        if (made++ % 2 === 1) throw new Error("the session is over")
        return { "x-caller": "ann" }
      },
    })
    const unknown = { code: "STORE_UNAVAILABLE", outcome: "unknown", cause: { message: "the session is over" } }
    await expect(client.orders.place({ ...oneTee, key: "k" })).rejects.toMatchObject(unknown)
    expect(await client.safe.orders.place({ ...oneTee, key: "k" })).toMatchObject({ ok: false, error: unknown })
    // Where nothing was sent, what the host threw is what there is to say.
    made = 1
    await expect(client.orders.place({ ...oneTee, key: "k" })).rejects.toThrow(/^the session is over$/)
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

  it("given any endpoint's answer, makes of it what the contract's own schema makes", async () => {
    const { handler, shop } = await surfaceOf(
      { cancel: { by: "owner", until: "completed" } },
      { requests: inProcessRequests() },
    )
    let text = ""
    const client = holdfastClient({
      baseUrl: "http://shop.test/api/v1",
      headers: { "x-caller": "ann" },
      fetch: async (request) => {
        const response = await handler.fetch(request)
        text = await response.clone().text()
        return response
      },
    })
    const metadata = { at: "noon", placedAt: "2026-01-01T00:00:00.000Z", deep: [{ expiresAt: "never" }] }
    await client.coupons.issue({ userId: "ann", couponId: "10", key: "issue" })
    const { orderId } = await client.orders.place({ ...oneTee, userCouponId: "10", metadata, key: "place" })
    const userId = "ann"
    const { requestId } = await client.coupons.request({ userId, couponId: "10", key: "issue" })
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      "points.balance": () => client.points.balance({ userId }),
      "points.charge": () => client.points.charge({ userId, amount: 5, key: "charge" }),
      "points.entries": () => client.points.entries({ userId }),
      "coupons.issue": () => client.coupons.issue({ userId, couponId: "10", key: "issue" }),
      "coupons.request": () => client.coupons.request({ userId, couponId: "10", key: "issue" }),
      "coupons.requested": () => client.coupons.requested({ requestId, wait: 20 }),
      "coupons.get": () => client.coupons.get({ campaignId: "10", userId }),
      "coupons.ofUser": () => client.coupons.ofUser({ userId }),
      "products.popular": () => client.products.popular({ days: 1 }),
      "products.get": () => client.products.get({ productId: "1" }),
      "orders.place": () => client.orders.place({ ...oneTee, userCouponId: "10", metadata, key: "place" }),
      "orders.get": () => client.orders.get({ orderId }),
      "orders.ofUser": () => client.orders.ofUser({ userId }),
      "orders.cancel": () => client.orders.cancel({ orderId, userId, key: "cancel" }),
      "outcomes.get": () => client.outcomes.get({ operation: "orders.place", key: "place" }),
    }
    const found: Array<string> = []
    const schemas = new Map<string, Schema.Top>()
    HttpApi.reflect(Contract, {
      onGroup: () => {},
      onEndpoint: ({ group, endpoint, successes }) => {
        const [success] = successes.get(200) ?? successes.get(202) ?? []
        if (success !== undefined) schemas.set(`${group.identifier}.${endpoint.identifier}`, success)
      },
    })
    for (const [name, call] of Object.entries(calls)) {
      const answer = await call()
      const schema = Schema.fromJsonString(Schema.toCodecJson(schemas.get(name) ?? Schema.Never))
      const expected: unknown = Schema.decodeUnknownSync(schema as unknown as Schema.Codec<unknown, unknown>)(text)
      if (typeof answer === "object" && answer !== null && "replayed" in answer) {
        expect({ ...answer }, name).toEqual({ ...(expected as object), replayed: answer.replayed })
      } else expect(answer, name).toEqual(expected)
      found.push(name)
    }
    expect(found.sort()).toEqual([...schemas.keys()].sort())
    expect((await client.orders.get({ orderId })).metadata).toEqual(metadata)
    await shop.stop()
  })

  it('given "." or ".." as an id, refuses it before anything is sent: it would ask for something else', async () => {
    let asked = 0
    const { client } = await clientOf({
      fetch: async () => {
        asked++
        return new Response("{}")
      },
    })
    for (const productId of [".", ".."]) {
      await expect(client.products.get({ productId })).rejects.toMatchObject({
        refusal: { _tag: "InvalidInput", issues: [{ pointer: "/productId" }] },
      })
    }
    expect(await client.safe.orders.get({ orderId: ".." })).toMatchObject({
      ok: false,
      error: { code: "INVALID_INPUT" },
    })
    expect(asked).toBe(0)
  })

  it("refuses a key that is no text for a header before anything is sent: of two objects one act would be made", async () => {
    let asked = 0
    const fetch = async () => {
      asked++
      return new Response("{}")
    }
    const { client } = await clientOf({ fetch })
    const keys: ReadonlyArray<unknown> = [{}, Number.NaN, "가", "a\nb", "", " k ", "k".repeat(256)]
    for (const key of keys as ReadonlyArray<string>) {
      const refusal = { _tag: "InvalidInput", issues: [{ pointer: "/key" }] }
      await expect(client.orders.place({ ...oneTee, key })).rejects.toMatchObject({ refusal })
      expect(await client.safe.orders.place({ ...oneTee, key })).toMatchObject({ ok: false, error: { refusal } })
    }
    const { client: without } = await clientOf({ fetch, makeKey: () => undefined as unknown as string })
    await expect(without.orders.place(oneTee)).rejects.toMatchObject({ code: "INVALID_INPUT" })
    expect(asked).toBe(0)
  })

  it("refuses an id that is not there, and options of a call that it does not know, before anything is sent", async () => {
    let asked = 0
    const { client } = await clientOf({
      fetch: async () => {
        asked++
        return new Response("[]")
      },
    })
    const ids: ReadonlyArray<unknown> = [undefined, null, "", {}, "\ud800"]
    for (const userId of ids as ReadonlyArray<string>) {
      const issues = [{ pointer: "/userId" }]
      await expect(client.points.balance({ userId })).rejects.toMatchObject({ refusal: { issues } })
    }
    for (const options of [null, { sginal: AbortSignal.abort() }, { signal: 5 }] as ReadonlyArray<object>) {
      await expect(client.products.popular({}, options)).rejects.toMatchObject({ code: "INVALID_INPUT" })
      expect(await client.safe.products.popular({}, options)).toMatchObject({ ok: false })
    }
    expect(asked).toBe(0)
    expect(await client.products.popular()).toEqual([])
    expect(await client.safe.products.popular()).toEqual({ ok: true, value: [] })
    expect(asked).toBe(2)
  })

  it("given a success that breaks off, takes it for a lost answer and asks again with the same key", async () => {
    const { handler, shop } = await surfaceOf({}, { requests: inProcessRequests() })
    let broken = 2
    const client = holdfastClient({
      baseUrl: "http://shop.test/api/v1",
      headers: { "x-caller": "ann" },
      pauseMillis: 1,
      fetch: async (request) => {
        const response = await handler.fetch(request)
        return broken-- > 0 ? new Response((await response.text()).slice(0, -5), response) : response
      },
    })
    expect(await client.orders.place(oneTee)).toMatchObject({ replayed: true, paidAmount: 12_000 })
    expect((await shop.orders.ofAccount({ accountId: "ann" })).items).toHaveLength(1)
  })

  it("given a document that says a code and not its numbers, is a problem and no refusal", async () => {
    const problem = { status: 422, code: "OUT_OF_STOCK", title: "Out of stock", detail: "Out of stock" }
    for (const refusal of [
      undefined,
      null,
      "OutOfStock",
      { _tag: "OutOfStock" },
      { _tag: "CouponsSoldOut" },
      { _tag: "x" },
    ]) {
      const { client } = await clientOf({ fetch: async () => Response.json({ ...problem, refusal }, { status: 422 }) })
      await expect(client.orders.place(oneTee)).rejects.toMatchObject({ name: "ProblemError", code: "OUT_OF_STOCK" })
    }
  })
})

describe("the client's program", () => {
  it("given to a browser, weighs no more than 15 kB, and brings nothing of Effect", async () => {
    const { outputFiles, metafile } = await build({
      stdin: {
        contents: 'import { holdfastClient } from "@holdfast/http/client"; globalThis.client = holdfastClient',
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      conditions: ["@holdfast/source"],
      write: false,
      metafile: true,
    })
    expect(gzipSync(outputFiles[0]?.contents ?? new Uint8Array(1_000_000)).length).toBeLessThanOrEqual(15_000)
    expect(Object.keys(metafile.inputs).filter((file) => file.includes("node_modules"))).toEqual([])
  })
})
