import { describe, expect, it } from "vitest"
import { shopHandler } from "../src/index.ts"
import { callerOfHeader, stocked, surfaceOf } from "./support.ts"

describe("answers that may have an age", () => {
  it("say by Age and Cache-Control how old they are, and for how long they may be kept", async () => {
    const { ask } = await surfaceOf({ cache: { productMillis: 500, popularMillis: 3_600_000 } })
    const product = await ask("GET", "/products/1")
    expect(product.headers.get("cache-control")).toBe("public, no-cache")
    expect(["0", "1"]).toContain(product.headers.get("age"))
    for (let time = 0; time < 2; time++) {
      const popular = await ask("GET", "/products/popular")
      expect(popular.headers.get("cache-control")).toBe("public, max-age=3600")
      const age = Number(popular.headers.get("age"))
      const stoodFor = Date.now() - new Date(popular.headers.get("as-of") ?? "").getTime()
      expect(stoodFor).toBeGreaterThanOrEqual(0)
      expect(age * 1_000).toBeGreaterThanOrEqual(0)
      expect(age).toBeLessThan(3_600)
    }
    const known = product.headers.get("etag") ?? ""
    const unchanged = await ask("GET", "/products/1", undefined, { "if-none-match": known })
    expect([unchanged.status, unchanged.headers.get("age") !== null]).toEqual([304, true])
  })

  it("are for their caller alone where the host rules who may see them, also those that have no age", async () => {
    const closed = { authorize: ({ caller }: { readonly caller: unknown }) => caller !== undefined }
    for (const cache of [{}, { productMillis: 60_000, popularMillis: 60_000 }]) {
      const { ask } = await surfaceOf({ ...closed, cache })
      for (const path of ["/products/1", "/products/popular"]) {
        const { status, headers } = await ask("GET", path)
        expect([status, headers.get("cache-control")]).toEqual([200, "private, no-cache"])
        const known = { "if-none-match": headers.get("etag") ?? "" }
        const unchanged = await ask("GET", path, undefined, known)
        expect([unchanged.status, unchanged.headers.get("cache-control")]).toEqual([304, "private, no-cache"])
      }
    }
    const { ask } = await surfaceOf(closed)
    expect((await ask("GET", "/users/ann/points")).headers.get("cache-control")).toBe("private, no-store")
  })

  it("are exact where nothing is said, and show what the process itself changed", async () => {
    const exact = await surfaceOf()
    expect((await exact.ask("GET", "/products/1")).headers.get("age")).toBeNull()
    const { ask, shop } = await surfaceOf({ cache: { productMillis: 3_600_000 } })
    expect((await ask("GET", "/products/1")).body.price).toBe(12_000)
    await shop.stock.changePrice({ productId: "1", price: 9_000 })
    expect((await ask("GET", "/products/1")).body.price).toBe(9_000)
    expect((await ask("GET", "/products/none")).status).toBe(404)
  })

  it.each([
    [{ productMillis: 0 }, "/cache/productMillis: must be a whole number"],
    [{ popularMillis: 1.5 }, "/cache/popularMillis: must be a whole number"],
    [{ product: 5 }, "/cache/product: is not an option"],
  ])("refuses %j", async (cache, message) => {
    const shop = await stocked()
    expect(() => Reflect.apply(shopHandler, undefined, [shop, { ...callerOfHeader, cache }])).toThrow(message)
  })
})
