/**
 * Popularity: the products sold most in the last days.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { calendarWindow, rollingWindow, type SalesWindow } from "../popularity/SalesBucket.ts"
import type { InvalidInput } from "../refusals.ts"
import { type Quantity, wholeNumber } from "../values.ts"
import { aged, asJson, hasFields, isListOf, listKey, type ReadOptions } from "./ages.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { orUnavailable, type Read, read } from "./method.ts"
import { rankedList } from "./rankedList.ts"
import type { Product } from "./Stock.ts"

/** A product with the units sold in the window, cancelled ones not counted. */
export interface PopularProduct extends Pick<Product, "productId" | "name" | "price" | "onHand"> {
  /** The units sold in the window. */
  readonly sold: Quantity
}

export interface PopularProducts {
  /**
   * The moment that `sold` is true for: no sale is missing that was committed before it, and of later ones those may be
   * counted that were committed before the answer. Names, prices and stock are read right after what was sold, in a read of
   * their own: they may be a moment newer, never older.
   */
  readonly asOf: Date
  /** The window: sales from here on count. */
  readonly from: Date
  /**
   * Most sold first, ties by product id. Retired products are left out: the list is shorter than `limit` where one was
   * retired while it was read.
   */
  readonly products: ReadonlyArray<PopularProduct>
}

const Top = Schema.Struct({
  /** The most products: 1 to 100. Default 5. */
  limit: Schema.optional(wholeNumber(1, 100)),
  /** The length of the window: 1 to 366. Default 3. */
  days: Schema.optional(wholeNumber(1, 366)),
  /** Counts calendar days of this time zone, such as "Asia/Seoul", instead of the last 24 × days hours. */
  zone: Schema.optional(Schema.String),
})

export interface PopularityShape {
  /**
   * The `limit` (default 5, at most 100) products sold most in the last `days` (default 3): in the last 24 × days hours
   * including the current one, or, with a `zone` such as "Asia/Seoul", on that many calendar days including today; now, or
   * as it was at most `maxAgeMillis` ago, which `asOf` says.
   */
  readonly top: (
    input?: typeof Top.Encoded,
    options?: ReadOptions,
  ) => ReturnType<Read<typeof Top.Encoded, PopularProducts>>
}

export class Popularity extends Context.Service<Popularity, PopularityShape>()("@holdfast/core/Popularity") {
  static readonly layer: Layer.Layer<Popularity, never, Kernel> = Layer.effect(
    Popularity,
    Effect.map(Kernel, makePopularity),
  )
}

export function makePopularity(kernel: KernelShape): PopularityShape {
  const listOf = Effect.fnUntraced(function* (window: SalesWindow, limit: number) {
    const sales = yield* orUnavailable(kernel.store.reads.top({ ...window, limit }))
    const products = yield* orUnavailable(kernel.store.reads.products(sales.map(({ productId }) => productId)))
    const soldOf = new Map(sales.map(({ productId, sold }) => [productId, sold]))
    return products.flatMap(({ productId, name, price, onHand, retired }): ReadonlyArray<PopularProduct> => {
      const sold = soldOf.get(productId)
      return sold === undefined || retired ? [] : [{ productId, name, price, onHand, sold }]
    })
  })
  const quickList = (window: SalesWindow, limit: number) => {
    const ranked = rankedList(kernel, window, limit)
    return (
      ranked &&
      Effect.map(
        ranked,
        (found) =>
          found && {
            ageMillis: found.ageMillis,
            value: found.value.map(([{ productId, name, price, onHand }, sold]) => ({
              ...{ productId, name, price, onHand },
              sold,
            })),
          },
      )
    )
  }
  const top = read(
    Top,
    Effect.fnUntraced(function* ({ limit = 5, days = 3, zone }, options) {
      const calledAt = kernel.stamps.now()
      const window = zone === undefined ? rollingWindow(calledAt, days) : calendarWindow(calledAt, days, zone)
      if (window === undefined) return yield* unknownZone
      const key = listKey("popular", window.fromHour, window.untilHour, limit)
      const asked = { key, source: listOf(window, limit), quicker: quickList(window, limit), codec: list }
      const { value, ageMillis } = yield* aged(kernel, options, asked)
      return {
        // Its age is told of now. An exact answer has none: what it counts was true after the call at the earliest.
        asOf: new Date(Math.min(calledAt, kernel.stamps.now() - Math.ceil(ageMillis))),
        from: startOf(window),
        // What callers get is theirs to change, and what is kept is everybody's.
        products: value.map((product) => ({ ...product })),
      }
    }),
  )
  return { top: (input = {}, options) => top(input, options) }
}

const list = asJson(
  isListOf(
    hasFields<PopularProduct>({
      productId: "string",
      name: "string",
      price: "number",
      onHand: "number",
      sold: "number",
    }),
  ),
)

const startOf = ({ fromHour }: SalesWindow): Date => new Date(fromHour * 3_600_000)

const unknownZone = Effect.fail<InvalidInput>({
  _tag: "InvalidInput",
  issues: [{ pointer: "/zone", message: "must be a time zone whose days begin on a whole hour, such as Asia/Seoul" }],
})
