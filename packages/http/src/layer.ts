/**
 * The surface as a layer, for programs in Effect that have the shop's services and an `HttpRouter`.
 */
import {
  type CallOptions,
  Coupons,
  Health,
  HoldfastError,
  Orders,
  Outcomes,
  Points,
  Popularity,
  type ReadOptions,
  type Refusal,
  Stock,
  spanOfTraceparent,
  type Unavailable,
} from "@holdfast/core"
import { Cause, type Context, Effect, Exit, Layer } from "effect"
import { HttpEffect, HttpRouter } from "effect/http"
import type { Caller } from "./exchange/identity.ts"
import type { ShopCalls } from "./handlers/Handling.ts"
import { checkOptions, type ShopHandlerOptions } from "./options.ts"
import { type ShopHandler, shopHandler } from "./shopHandler.ts"

type Needs = Points | Coupons | Stock | Orders | Popularity | Outcomes | Health

/**
 * Adds every route of the surface to the program's router. Throws for options that `shopHandler` would refuse. A path whose
 * percent-encoding is broken never gets here: the router itself answers it, with 404 and no body.
 */
export const layer = <C extends Caller>(
  options: ShopHandlerOptions<C>,
): Layer.Layer<never, never, Needs | HttpRouter.HttpRouter> => {
  // Here and not only when it is built, which a router may do as late as with its first request.
  checkOptions(options)
  return Layer.unwrap(
    Effect.map(shopCalls, (calls) => {
      const handler = shopHandler(calls, options)
      return Layer.mergeAll(
        route(handler, `${rooted(handler.basePath)}/*`),
        ...["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"].map((path) => route(handler, rooted(path))),
      )
    }),
  )
}

const route = ({ fetch }: ShopHandler, path: `/${string}`) =>
  // `fetch` answers everything, also what goes wrong.
  HttpRouter.add("*", path, Effect.orDie(HttpEffect.fromWebHandler(fetch)))

// Every path here begins with a slash: the options were checked.
const rooted = (path: string): `/${string}` => `/${path.slice(1)}`

/** The services' methods as promises, run in the program's own context. Refusals reject as they do from a `Shop`. */
const shopCalls: Effect.Effect<ShopCalls, never, Needs> = Effect.gen(function* () {
  const points = yield* Points
  const coupons = yield* Coupons
  const stock = yield* Stock
  const orders = yield* Orders
  const popularity = yield* Popularity
  const outcomes = yield* Outcomes
  const health = yield* Health
  const run = runnerIn(yield* Effect.context<never>())
  const promised =
    <Input, Answer>(method: (input: Input, options?: ReadOptions) => Effect.Effect<Answer, Refusal | Unavailable>) =>
    (input: Input, options?: CallOptions & ReadOptions): Promise<Answer> =>
      run(method(input, options), options)
  return {
    points: { charge: promised(points.charge), balance: promised(points.balance), entries: promised(points.entries) },
    coupons: {
      issue: promised(coupons.issue),
      request: promised(coupons.request),
      requested: promised(coupons.requested),
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
    popularity: { top: promised(popularity.top) },
    outcome: (query, options) => run(outcomes.outcome(query), options),
    health: () => run(health.health()),
    readiness: () => run(health.readiness()),
  }
})

type Run = <Answer>(effect: Effect.Effect<Answer, Refusal | Unavailable>, options?: CallOptions) => Promise<Answer>

/** Runs effects for callers who may leave: then the effect is interrupted, and what no lane has taken will not happen. */
const runnerIn =
  (context: Context.Context<never>): Run =>
  (effect, { signal, traceparent } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const caller = spanOfTraceparent(traceparent)
      const fiber = Effect.runForkWith(context)(caller === undefined ? effect : Effect.withParentSpan(effect, caller))
      const leave = (): void => {
        fiber.interruptUnsafe()
        reject(signal?.reason)
      }
      signal?.addEventListener("abort", leave)
      fiber.addObserver((exit) => {
        signal?.removeEventListener("abort", leave)
        if (Exit.isSuccess(exit)) resolve(exit.value)
        else reject(errorOf(exit.cause))
      })
    })

const errorOf = (cause: Cause.Cause<Refusal | Unavailable>): unknown => {
  for (const reason of cause.reasons) if (Cause.isFailReason(reason)) return new HoldfastError(reason.error)
  return Cause.squash(cause)
}
