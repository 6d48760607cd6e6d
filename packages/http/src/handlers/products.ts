/**
 * Products over HTTP: one with its exact stock, and the popular ones; or as they were a moment ago, where the host says so.
 */
import type { ReadOptions } from "@holdfast/core"
import type { Call, Handlings } from "./Handling.ts"

export const products: Handlings["products"] = {
  popular: {
    action: "popularity.top",
    // The list changes with every order and nobody needs it to the second: caches may answer for us.
    cache: "public, max-age=1, stale-while-revalidate=5",
    run: (input, call) => call.shop.popularity.top(input, upTo(call.cache.popularMillis, call)),
  },
  get: {
    action: "stock.product",
    cache: "public, no-cache",
    run: ({ productId }, call) => call.shop.stock.product(productId, upTo(call.cache.productMillis, call)),
  },
}

/** A read that may be so old, whose answer says how old it is. */
const upTo = (maxAgeMillis: number | undefined, { headers }: Call): ReadOptions | undefined =>
  maxAgeMillis === undefined
    ? undefined
    : {
        maxAgeMillis,
        onAge: (ageMillis) => {
          // HTTP counts whole seconds. Rounded like this no cache in between keeps it for longer than the host allows.
          headers.age = String(Math.ceil(ageMillis / 1_000))
          const maxAge = Math.floor(maxAgeMillis / 1_000)
          headers["cache-control"] = maxAge === 0 ? "public, no-cache" : `public, max-age=${maxAge}`
        },
      }
