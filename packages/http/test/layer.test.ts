import { Holdfast, Points, Stock } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { describe, expect, it } from "vitest"
import { layer } from "../src/index.ts"
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
})
