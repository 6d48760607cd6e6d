/**
 * The popular list out of the ranking, where there is one that is whole and has the window.
 */
import { Effect } from "effect"
import type { Aged } from "../cache/ReadCache.ts"
import { elapsedMillis } from "../elapsed.ts"
import type { ProductSales, SalesWindow } from "../popularity/SalesBucket.ts"
import type { Product } from "../stock/Product.ts"
import type { KernelShape } from "./Kernel.ts"

/** A product, and how many units of it were sold. */
export type Sold = readonly [Product, ProductSales["sold"]]

/** How many products are read beyond the limit, for those that are retired. */
const spare = 5
/** Where more of the best have been retired than this, the store is asked. */
const mostAsked = 1_000

/** The first products of a window that are not retired. Undefined where the store has to be asked. Never fails. */
export const rankedList = (
  kernel: KernelShape,
  window: SalesWindow,
  limit: number,
): Effect.Effect<Aged<ReadonlyArray<Sold>> | undefined> | undefined => {
  const { ranking, store } = kernel
  if (ranking === undefined) return undefined
  const days = (window.untilHour - window.fromHour) / 24
  if (!ranking.guarantees.days.includes(days)) return undefined
  const found = Effect.gen(function* () {
    for (let asked = limit + spare; asked <= mostAsked; asked *= 3) {
      const askedAt = yield* elapsedMillis
      const ranked = yield* ranking.top(window, asked)
      if (ranked === undefined) return undefined
      const products = yield* store.reads.products(ranked.sales.map(({ productId }) => productId))
      const soldOf = new Map(ranked.sales.map(({ productId, sold }) => [productId, sold]))
      const list = products
        .filter(({ retired }) => !retired)
        .flatMap((product): ReadonlyArray<Sold> => {
          const sold = soldOf.get(product.productId)
          return sold === undefined ? [] : [[product, sold]]
        })
      if (list.length < limit && ranked.sales.length >= asked) continue
      return { value: list.slice(0, limit), ageMillis: ranked.ageMillis + (yield* elapsedMillis) - askedAt }
    }
    return undefined
  })
  // Whatever went wrong, the store knows the list, or is told to be away.
  return Effect.catchCause(found, () => Effect.succeed(undefined))
}
