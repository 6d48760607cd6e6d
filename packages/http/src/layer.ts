/**
 * The surface as a layer, for programs in Effect that have the shop's services and an `HttpRouter`.
 */
import {
  Coupons,
  Health,
  HoldfastError,
  Orders,
  Outcomes,
  Points,
  Popularity,
  type Refusal,
  Stock,
  type Unavailable,
} from "@holdfast/core"
import { Effect, Layer } from "effect"
import { HttpEffect, HttpRouter } from "effect/http"
import type { Caller } from "./core/identity.ts"
import type { ShopCalls } from "./handlers/Handling.ts"
import type { ShopHandlerOptions } from "./options.ts"
import { type ShopHandler, shopHandler } from "./shopHandler.ts"

type Needs = Points | Coupons | Stock | Orders | Popularity | Outcomes | Health

/** Adds every route of the surface to the program's router. */
export const layer = <C extends Caller>(
  options: ShopHandlerOptions<C>,
): Layer.Layer<never, never, Needs | HttpRouter.HttpRouter> =>
  Layer.unwrap(
    Effect.map(shopCalls, (calls) => {
      const handler = shopHandler(calls, options)
      return Layer.mergeAll(
        route(handler, `${rooted(handler.basePath)}/*`),
        ...["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"].map((path) => route(handler, rooted(path))),
      )
    }),
  )

const route = ({ fetch }: ShopHandler, path: `/${string}`) =>
  // `fetch` answers everything, also what goes wrong.
  HttpRouter.add("*", path, Effect.orDie(HttpEffect.fromWebHandler(fetch)))

// Every path here begins with a slash: the options were checked.
const rooted = (path: string): `/${string}` => `/${path.slice(1)}`

/** The services' methods as promises. Refusals reject as they do from a `Shop`. */
const shopCalls: Effect.Effect<ShopCalls, never, Needs> = Effect.gen(function* () {
  const points = yield* Points
  const coupons = yield* Coupons
  const stock = yield* Stock
  const orders = yield* Orders
  const popularity = yield* Popularity
  const outcomes = yield* Outcomes
  const health = yield* Health
  return {
    points: { charge: promised(points.charge), balance: promised(points.balance), entries: promised(points.entries) },
    coupons: {
      issue: promised(coupons.issue),
      coupon: promised(coupons.coupon),
      ofAccount: promised(coupons.ofAccount),
    },
    stock: { product: promised(stock.product) },
    orders: {
      place: promised(orders.place),
      get: promised(orders.get),
      cancel: promised(orders.cancel),
      ofAccount: promised(orders.ofAccount),
    },
    popularity: { top: (input) => run(popularity.top(input)) },
    outcome: (query) => run(outcomes.outcome(query)),
    health: () => run(health.health()),
  }
})

const promised =
  <Input, Answer>(method: (input: Input) => Effect.Effect<Answer, Refusal | Unavailable>) =>
  (input: Input): Promise<Answer> =>
    run(method(input))

const run = <Answer>(effect: Effect.Effect<Answer, Refusal | Unavailable>): Promise<Answer> =>
  Effect.runPromise(Effect.mapError(effect, (no) => new HoldfastError(no)))
