/**
 * The reads of a store that many ask at once: products by many ids in one statement, and each list once however many want
 * it. Only what many are likely to want is read together; everything else is read alone.
 */
import type { Reads, StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { Equals, Together } from "./session/Together.ts"

type Product = Effect.Success<ReturnType<Reads["products"]>>[number]
type Ids = Parameters<Reads["products"]>[0]

/** The most ids of one statement, beside those of the last question that it takes. */
const mostIds = 1_000

export const readsTogether = (reads: Reads): Reads => {
  const equals = new Equals()
  const products = new Together<Ids, ReadonlyArray<Product>>(
    (asked) =>
      Effect.map(reads.products([...new Set(asked.flat())]), (found) => {
        const byId = new Map(found.map((product) => [product.productId, product]))
        return (ids) => ids.flatMap((id) => byId.get(id) ?? [])
      }),
    (ids) => ids.length,
    mostIds,
  )
  const once =
    <Args extends ReadonlyArray<unknown>, Answer>(
      name: string,
      read: (...args: Args) => Effect.Effect<Answer, StoreFault>,
    ) =>
    (...args: Args) =>
      equals.ask(`${name} ${JSON.stringify(args)}`, read(...args))
  return {
    ...reads,
    products: (ids) => products.ask(ids),
    top: once("top", reads.top),
    entries: once("entries", reads.entries),
    movements: once("movements", reads.movements),
    couponsOfAccount: once("coupons of an account", reads.couponsOfAccount),
    couponsOfCampaign: once("coupons of a campaign", reads.couponsOfCampaign),
    ordersOfAccount: once("orders of an account", reads.ordersOfAccount),
    ordersByReference: once("orders by reference", reads.ordersByReference),
  }
}
