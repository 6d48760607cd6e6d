/**
 * Products over HTTP: one with its exact stock, and the popular ones.
 */
import type { Contract } from "../contract/contract.ts"
import type { Handlings } from "./Handling.ts"

export const products: Handlings<typeof Contract>["products"] = {
  popular: {
    action: "popularity.top",
    resource: () => ({}),
    // The list changes with every order and nobody needs it to the second: caches may answer for us.
    cache: "public, max-age=1, stale-while-revalidate=5",
    run: async ({ query }, { shop }) => {
      const { asOf, products } = await shop.popularity.top(query)
      return {
        body: products.map(({ productId, name, price, onHand, sold }) => ({
          productId,
          productName: name,
          price,
          stock: onHand,
          sold,
        })),
        // The body is the reference service's bare array, so that the moment it is true for stands beside it.
        headers: { "as-of": asOf.toISOString() },
      }
    },
  },
  get: {
    action: "stock.product",
    resource: ({ params }) => params,
    cache: "public, no-cache",
    run: async ({ params: { productId } }, { shop }) => {
      const { name, price, onHand, retired } = await shop.stock.product(productId)
      return { body: { productId, productName: name, price, stock: onHand, retired } }
    },
  },
}
