/**
 * Products have a `productName` and a `stock`, and the popular ones are a bare array.
 */
import type { PopularProducts, Product } from "@holdfast/core"
import type { Translations } from "./Words.ts"

export const products = {
  popular: {
    input: ({ query }) => query,
    body: ({ products }: PopularProducts) =>
      products.map(({ productId, name, price, onHand, sold }) => ({
        productId,
        productName: name,
        price,
        stock: onHand,
        sold,
      })),
    // A bare array has no place for the moment that it is true for, so that it stands beside it.
    headers: ({ asOf }: PopularProducts) => ({ "as-of": asOf.toISOString() }),
  },
  get: {
    input: ({ params }) => params,
    body: ({ productId, name, price, onHand, retired }: Product) => ({
      productId,
      productName: name,
      price,
      stock: onHand,
      retired,
    }),
  },
} satisfies Translations["products"]
