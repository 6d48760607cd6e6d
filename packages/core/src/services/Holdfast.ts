/**
 * The whole shop as layers: everything that a program in Effect provides once.
 */
import { Context, Effect, Layer, Schedule } from "effect"
import { feedsRanking, rankingName } from "../delivery/rankingFeed.ts"
import { noProgress, type RelayProgress } from "../delivery/relay.ts"
import { makeSubscriptions, type Subscriptions } from "../delivery/Subscriptions.ts"
import * as Options from "../options.ts"
import { EventBus, type Store, type StoreFault } from "../ports/index.ts"
import { Audit } from "./Audit.ts"
import { Coupons } from "./Coupons.ts"
import { Events, eventOf, makeEvents } from "./Events.ts"
import { Health, makeHealth } from "./Health.ts"
import type { KernelShape } from "./Kernel.ts"
import { Orders } from "./Orders.ts"
import { makeOutcomes, Outcomes } from "./Outcomes.ts"
import { Points } from "./Points.ts"
import { Popularity } from "./Popularity.ts"
import { kernelLayer, Runtime } from "./Runtime.ts"
import { Stock } from "./Stock.ts"
import { type HoldfastOptions, holdfastChecks } from "./stamps.ts"

/** The services of a shop. */
export type Services = Points | Stock | Coupons | Orders | Popularity | Audit | Events | Outcomes | Health

/** How often other processes' commits are looked for, where a store has several. */
const pollMillis = 250

/** The services with what they run on. */
export const layerWithRuntime = (options: HoldfastOptions): Layer.Layer<Services | Runtime, never, Store> =>
  servicesOn(Layer.mergeAll(subscriptionsLayer, Layer.succeed(Relayed, undefined))).pipe(
    Layer.provideMerge(Runtime.layer(options)),
  )

/** The same, and committed events are published to a bus. Fails where the store does not take the relay's name. */
export const relayedWithRuntime = (
  options: HoldfastOptions,
  bus: string,
): Layer.Layer<Services | Runtime, StoreFault, Store | EventBus> =>
  servicesOn(Layer.provideMerge(relayLayer(bus), subscriptionsLayer)).pipe(Layer.provideMerge(Runtime.layer(options)))

/** The subscriptions of this process, for its `Events` and its relay. */
class Subscribed extends Context.Service<Subscribed, Subscriptions>()("@holdfast/core/Subscribed") {}

/** The bus of this shop, and how its relay gets on. Undefined where it has none. */
class Relayed extends Context.Service<
  Relayed,
  { readonly name: string; readonly progress: RelayProgress } | undefined
>()("@holdfast/core/Relayed") {}

const servicesOn = <E, R>(
  delivery: Layer.Layer<Subscribed | Relayed, E, R>,
): Layer.Layer<Services, E, R | Store | Runtime> => {
  const groups = Layer.mergeAll(Points.layer, Stock.layer, Coupons.layer, Orders.layer, Popularity.layer)
  return outcomesLayer.pipe(
    Layer.provideMerge(groups),
    Layer.provide(kernelLayer),
    Layer.provideMerge(Layer.mergeAll(Audit.layer, Layer.provide(Layer.merge(eventsLayer, healthLayer), delivery))),
  )
}

/** The shop on a store, with options. Throws a `HoldfastError` for one that is unknown or not as it must be. */
export const layerWith = (options: HoldfastOptions): Layer.Layer<Services, never, Store> => {
  Options.check(options, holdfastChecks)
  return layerWithRuntime(options)
}

/**
 * The shop on a store and a bus, to which its committed events are published, in order, under the durable name
 * `event-bus`. `busName` is what `health` calls it. Fails where the store does not take the durable name.
 */
export const layerRelayed = (
  options: HoldfastOptions = {},
  busName = "event bus",
): Layer.Layer<Services, StoreFault, Store | EventBus> => {
  Options.check(options, holdfastChecks)
  return relayedWithRuntime(options, busName)
}

const outcomesLayer: Layer.Layer<Outcomes, never, Runtime | Points | Stock | Coupons | Orders> = Layer.effect(
  Outcomes,
  Effect.gen(function* () {
    const { engine, kernel } = yield* Runtime
    const groups = { points: yield* Points, stock: yield* Stock, coupons: yield* Coupons, orders: yield* Orders }
    return makeOutcomes(kernel, groups, engine)
  }),
)

const healthLayer: Layer.Layer<Health, never, Runtime | Subscribed | Relayed> = Layer.effect(
  Health,
  Effect.gen(function* () {
    return makeHealth(yield* Runtime, yield* Subscribed, yield* Relayed)
  }),
)

const relayLayer = (name: string): Layer.Layer<Relayed, StoreFault, Subscribed | EventBus> =>
  Layer.effect(
    Relayed,
    Effect.gen(function* () {
      const progress = noProgress()
      const subscriptions = yield* Subscribed
      yield* subscriptions.relay(yield* EventBus, { progress }).pipe(Effect.catchTag("AlreadySubscribed", Effect.die))
      return { name, progress }
    }),
  )

const eventsLayer: Layer.Layer<Events, never, Subscribed> = Layer.effect(Events, Effect.map(Subscribed, makeEvents))

const subscriptionsLayer: Layer.Layer<Subscribed, never, Runtime> = Layer.effect(
  Subscribed,
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
      onError:
        onEventError &&
        ((error, event, name) =>
          Effect.suspend(() => {
            // An async function may be given as well: its rejection is one of the hook, and not of the process.
            const told: unknown = onEventError(error, eventOf(event), name)
            return told instanceof Promise ? Effect.promise(() => told) : Effect.void
          })),
    })
    yield* feedRanking(kernel, subscriptions)
    return subscriptions
  }),
)

/** Has the ranking of a shop filled, where it has one and its store can: in the background, for nobody needs it to start. */
const feedRanking = ({ ranking, store, stamps }: KernelShape, subscriptions: Subscriptions) =>
  Effect.suspend(() => {
    const { soldOf, soldIn, order } = store.reads
    const { reach } = store.outbox
    if (ranking === undefined || soldOf === undefined || soldIn === undefined || reach === undefined) return Effect.void
    const nextFeeder = () => stamps.nextId(stamps.now())
    const work = feedsRanking({ ranking, soldOf, soldIn, order, reach, now: stamps.now, nextFeeder })
    const served = subscriptions.serve(rankingName, work)
    return Effect.asVoid(Effect.forkScoped(Effect.retry(served, Schedule.spaced(registerAgainMillis))))
  })

/** How long after a fault the store is asked again to take the ranking's name. */
const registerAgainMillis = 1_000

/** The shop on a store: `Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))`. */
export const layer: Layer.Layer<Services, never, Store> = layerWith({})
