import { createHoldfast, Holdfast, Orders, Points, Stock } from "@holdfast/core"
import { MemoryStore, memory } from "@holdfast/core/memory"
import { Context, Effect, Layer } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { describe, expect, it } from "vitest"
import { layer, shopHandler } from "../src/index.ts"
import { askedOf, callerOfHeader, freshKey } from "./support.ts"

const stocked = Layer.effectDiscard(
  Effect.gen(function* () {
    const points = yield* Points
    const stock = yield* Stock
    yield* points.open({ accountId: "ann" })
    yield* points.charge({ accountId: "ann", amount: 500, key: "opening" })
    yield* stock.register({ productId: "tee", name: "Tee", price: 100, onHand: 1 })
  }),
)

describe("the layer", () => {
  it("serves the services of an Effect program on its router", async () => {
    const routes = Layer.mergeAll(layer(callerOfHeader), stocked).pipe(
      Layer.provide(Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))),
    )
    const { handler, dispose } = HttpRouter.toWebHandler(routes.pipe(Layer.provide(HttpServer.layerServices)), {
      disableLogger: true,
    })
    const ask = async (method: string, path: string, body?: unknown) =>
      askedOf(
        await handler(
          new Request(`http://shop.test${path}`, {
            method,
            headers: { "x-caller": "ann", "content-type": "application/json", ...freshKey() },
            ...(body !== undefined && { body: JSON.stringify(body) }),
          }),
        ),
      )
    expect((await ask("GET", "/readyz")).body).toMatchObject({ status: "ok" })
    const order = { userId: "ann", orderItems: [{ productId: "tee", quantity: 1 }] }
    expect(await ask("POST", "/api/v1/orders", order)).toMatchObject({ status: 200, body: { paidAmount: 100 } })
    expect(await ask("POST", "/api/v1/orders", order)).toMatchObject({ status: 422, body: { code: "OUT_OF_STOCK" } })
    expect((await ask("GET", "/api/v1/nowhere")).headers.get("content-type")).toBe("application/problem+json")
    await dispose()
  })

  it("answers what the handler of a shop answers with the same options: ages and headers", async () => {
    const shop = createHoldfast({ store: memory() })
    await shop.stock.register({ productId: "tee", name: "Tee", price: 100, onHand: 1 })
    const authorize = () => true
    for (const options of [{}, { authorize }, { cache: { productMillis: 60_000, popularMillis: 500 } }]) {
      const routes = Layer.mergeAll(layer({ ...callerOfHeader, ...options }), stocked).pipe(
        Layer.provide(Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))),
      )
      const { handler, dispose } = HttpRouter.toWebHandler(routes.pipe(Layer.provide(HttpServer.layerServices)), {
        disableLogger: true,
      })
      const { fetch } = shopHandler(shop, { ...callerOfHeader, ...options })
      for (const path of ["/api/v1/products/tee", "/api/v1/products/popular"]) {
        const [ofLayer, ofHandler] = await Promise.all(
          [handler, fetch].map((ask) => ask(new Request(`http://shop.test${path}`))),
        )
        const said = (response: Response | undefined) => [
          response?.status,
          response?.headers.get("cache-control"),
          response?.headers.has("age"),
        ]
        expect(said(ofLayer)).toEqual(said(ofHandler))
        expect(said(ofHandler)).toEqual([200, expect.any(String), "cache" in options])
      }
      await dispose()
    }
    await shop.stop()
  })

  it("given a client that leaves, lets the call go: what no lane has taken will not happen", async () => {
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const held = Layer.effect(
      Orders,
      Effect.map(Orders, (orders) => ({
        ...orders,
        place: () =>
          Effect.onInterrupt(Effect.andThen(Effect.sync(begun.resolve), Effect.never), () =>
            Effect.sync(released.resolve),
          ),
      })),
    )
    const routes = layer(callerOfHeader).pipe(
      Layer.provide(held),
      Layer.provide(Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))),
    )
    const { handler, dispose } = HttpRouter.toWebHandler(routes.pipe(Layer.provide(HttpServer.layerServices)), {
      disableLogger: true,
    })
    const controller = new AbortController()
    const asked = handler(
      new Request("http://shop.test/api/v1/orders", {
        method: "POST",
        headers: { "x-caller": "ann", "content-type": "application/json", ...freshKey() },
        body: JSON.stringify({ userId: "ann", orderItems: [{ productId: "tee", quantity: 1 }] }),
        signal: controller.signal,
      }),
    ).catch(() => undefined)
    await begun.promise
    controller.abort()
    await released.promise
    await asked
    await dispose()
  })

  it("runs calls in the program's own context", async () => {
    const Tenant = Context.Reference("test/Tenant", { defaultValue: () => "none" })
    let seen = ""
    const asking = Layer.effect(
      Points,
      Effect.map(Points, (points) => ({
        ...points,
        balance: (accountId: string) =>
          Effect.flatMap(Effect.service(Tenant), (tenant) => {
            seen = tenant
            return points.balance(accountId)
          }),
      })),
    )
    const routes = layer(callerOfHeader).pipe(
      Layer.provide(asking),
      Layer.provide(Layer.succeed(Tenant, "acme")),
      Layer.provide(Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))),
    )
    const { handler, dispose } = HttpRouter.toWebHandler(routes.pipe(Layer.provide(HttpServer.layerServices)), {
      disableLogger: true,
    })
    const request = new Request("http://shop.test/api/v1/users/ann/points", { headers: { "x-caller": "ann" } })
    expect((await askedOf(await handler(request))).body.code).toBe("ACCOUNT_NOT_FOUND")
    expect(seen).toBe("acme")
    await dispose()
  })
})
