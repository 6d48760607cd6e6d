/**
 * The whole shop as layers: everything that a program in Effect provides once.
 */
import { Effect, Layer } from "effect"
import { makeSubscriptions } from "../delivery/Subscriptions.ts"
import type { Store } from "../ports/Store.ts"
import { Audit } from "./Audit.ts"
import { Coupons } from "./Coupons.ts"
import { Events, eventOf, makeEvents } from "./Events.ts"
import { Health, makeHealth } from "./Health.ts"
import { Orders } from "./Orders.ts"
import { makeOutcomes, Outcomes } from "./Outcomes.ts"
import { Points } from "./Points.ts"
import { Popularity } from "./Popularity.ts"
import { kernelLayer, Runtime } from "./Runtime.ts"
import { Stock } from "./Stock.ts"
import type { HoldfastOptions } from "./stamps.ts"

/** The services of a shop. */
export type Services = Points | Stock | Coupons | Orders | Popularity | Audit | Events | Outcomes | Health

/** How often other processes' commits are looked for, where a store has several. */
const pollMillis = 250

/** The services with what they run on. */
export const layerWithRuntime = (options: HoldfastOptions): Layer.Layer<Services | Runtime, never, Store> => {
  const groups = Layer.mergeAll(Points.layer, Stock.layer, Coupons.layer, Orders.layer, Popularity.layer)
  return outcomesLayer.pipe(
    Layer.provideMerge(groups),
    Layer.provide(kernelLayer),
    Layer.provideMerge(Layer.mergeAll(Audit.layer, eventsLayer, healthLayer)),
    Layer.provideMerge(Runtime.layer(options)),
  )
}

/** The shop on a store, with options. */
export const layerWith = (options: HoldfastOptions): Layer.Layer<Services, never, Store> => layerWithRuntime(options)

const outcomesLayer: Layer.Layer<Outcomes, never, Runtime | Points | Stock | Coupons | Orders> = Layer.effect(
  Outcomes,
  Effect.gen(function* () {
    const { engine, kernel } = yield* Runtime
    const groups = { points: yield* Points, stock: yield* Stock, coupons: yield* Coupons, orders: yield* Orders }
    return makeOutcomes(kernel, groups, engine.isPending)
  }),
)

const healthLayer: Layer.Layer<Health, never, Runtime> = Layer.effect(Health, Effect.map(Runtime, makeHealth))

const eventsLayer: Layer.Layer<Events, never, Runtime> = Layer.effect(
  Events,
  Effect.gen(function* () {
    const { engine, kernel, options } = yield* Runtime
    const { outbox, guarantees } = kernel.store
    const { onEventError } = options
    const subscriptions = yield* makeSubscriptions({
      outbox,
      owner: kernel.stamps.nextId(kernel.stamps.now()),
      changed: engine.committed,
      pollMillis: guarantees.scope === "one process" ? undefined : pollMillis,
      workers: options.workers,
      onError: onEventError && ((error, event, name) => Effect.sync(() => onEventError(error, eventOf(event), name))),
    })
    return makeEvents(subscriptions)
  }),
)

/** The shop on a store: `Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))`. */
export const layer: Layer.Layer<Services, never, Store> = layerWith({})
