/**
 * Popularity: the products sold most in the last days.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { calendarWindow, rollingWindow, type Window } from "../popularity/SalesBucket.ts"
import type { InvalidInput } from "../refusals.ts"
import { type Quantity, wholeNumber } from "../values.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { orUnavailable, type Read, read } from "./method.ts"
import type { Product } from "./Stock.ts"

/** A product with the units sold in the window, cancelled ones not counted. */
export interface PopularProduct extends Pick<Product, "productId" | "name" | "price" | "onHand"> {
  readonly sold: Quantity
}

export interface PopularProducts {
  /** The moment that the list is true for. */
  readonly asOf: Date
  /** The window: sales from here on count. */
  readonly from: Date
  /** Most sold first, ties by product id. Retired products are left out. */
  readonly products: ReadonlyArray<PopularProduct>
}

const Top = Schema.Struct({
  limit: Schema.optional(wholeNumber(1, 100)),
  days: Schema.optional(wholeNumber(1, 366)),
  zone: Schema.optional(Schema.String),
})

export interface PopularityShape {
  /**
   * The `limit` (default 5, at most 100) products sold most in the last `days` (default 3): in the last 24 × days hours
   * including the current one, or, with a `zone` such as "Asia/Seoul", on that many calendar days including today.
   */
  readonly top: (input?: typeof Top.Encoded) => ReturnType<Read<typeof Top.Encoded, PopularProducts>>
}

export class Popularity extends Context.Service<Popularity, PopularityShape>()("@holdfast/core/Popularity") {
  static readonly layer: Layer.Layer<Popularity, never, Kernel> = Layer.effect(
    Popularity,
    Effect.map(Kernel, makePopularity),
  )
}

export function makePopularity(kernel: KernelShape): PopularityShape {
  const top = read(
    Top,
    Effect.fnUntraced(function* ({ limit = 5, days = 3, zone }) {
      const now = kernel.stamps.now()
      const window = zone === undefined ? rollingWindow(now, days) : calendarWindow(now, days, zone)
      if (window === undefined) return yield* unknownZone
      const sales = yield* orUnavailable(kernel.store.reads.top({ ...window, limit }))
      const products = yield* orUnavailable(kernel.store.reads.products(sales.map(({ productId }) => productId)))
      const soldOf = new Map(sales.map(({ productId, sold }) => [productId, sold]))
      return {
        asOf: new Date(now),
        from: startOf(window),
        products: products.flatMap(({ productId, name, price, onHand }) => {
          const sold = soldOf.get(productId)
          return sold === undefined ? [] : [{ productId, name, price, onHand, sold }]
        }),
      }
    }),
  )
  return { top: (input = {}) => top(input) }
}

const startOf = ({ fromHour }: Window): Date => new Date(fromHour * 3_600_000)

const unknownZone = Effect.fail<InvalidInput>({
  _tag: "InvalidInput",
  issues: [{ pointer: "/zone", message: "must be a time zone whose days begin on a whole hour, such as Asia/Seoul" }],
})
