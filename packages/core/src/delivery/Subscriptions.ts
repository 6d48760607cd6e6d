/**
 * Durable subscriptions: names that are registered in the store and served by this process while it holds their lease.
 *
 * A name outlives the process that serves it. Closing a subscription stops serving; events go on waiting for the name
 * until it is unregistered.
 */
import { Effect, Fiber, FiberMap, type Scope } from "effect"
import { elapsedMillis } from "../elapsed.ts"
import * as Options from "../options.ts"
import type { Depth, EventBus, Parked, Position, StoreFault } from "../ports/index.ts"
import type { SubscriptionName } from "../values.ts"
import { aBackoff } from "./backoff.ts"
import { type DeliverOptions, deliver, type Pace } from "./deliver.ts"
import type { Work } from "./InFlight.ts"
import { Pulse, Wake } from "./Pulse.ts"
import { type Handler, type HandlerOptions, type OnError, perKey } from "./perKey.ts"
import { inBatches, type RelayOptions, relayName } from "./relay.ts"
import type { Standing } from "./Standing.ts"

/** What all subscriptions of one process share. */
export interface SubscriptionsOptions extends Pick<DeliverOptions, "outbox" | "owner" | "pollMillis"> {
  /**
   * Completes when this process has committed something since it last completed, as `engine.makeCommitSignal()` does.
   * One fiber waits for it, from the first name that is served. A signal that forgets must begin to listen in its first steps.
   */
  readonly changed: Effect.Effect<void>
  /** False where other processes do the work: names are registered and nothing is served. True. */
  readonly workers?: boolean | undefined
  /** Is told of parked events where a subscription does not say otherwise. By default a warning in the log. */
  readonly onError?: OnError | undefined
  /** What is done with a name's work before it is served. Only for kits that test themselves. */
  readonly around?: ((work: Work, name: SubscriptionName) => Work) | undefined
}

/** How one subscription is served. */
export interface SubscribeOptions extends Pace, HandlerOptions {}

/** What each of them may be. Times are of timers, which hold at most 24 days. */
export const subscribeChecks: Options.Checks<SubscribeOptions> = {
  leaseMillis: Options.wholeNumber(100, 600_000),
  limit: Options.wholeNumber(1, 100_000),
  limitBytes: Options.wholeNumber(1, 1_073_741_824),
  maxInFlight: Options.wholeNumber(1, 1_000_000),
  maxInFlightBytes: Options.wholeNumber(1, 1_073_741_824),
  concurrency: Options.wholeNumber(1, 100_000),
  attempts: Options.wholeNumber(1, 1_000_000),
  backoff: aBackoff,
  handlerTimeoutMillis: Options.wholeNumber(1, 2_000_000_000),
  onError: Options.aFunction,
}

/** A name that this process serves. */
export interface Subscription {
  readonly name: SubscriptionName
  /**
   * Stops serving: running handlers are interrupted, what was handled is acknowledged, the lease is given up. The name
   * and what waits for it stay. May be repeated.
   */
  readonly close: Effect.Effect<void>
}

/** This process serves the name already; one process handles a name once. */
export interface AlreadySubscribed {
  readonly _tag: "AlreadySubscribed"
  readonly name: SubscriptionName
}

export interface Subscriptions {
  /** Registers a durable name and serves it with a handler, until it is closed or the scope of this service closes. */
  readonly subscribe: (
    name: SubscriptionName,
    handler: Handler,
    options?: SubscribeOptions,
  ) => Effect.Effect<Subscription, StoreFault | AlreadySubscribed>
  /** Registers a durable name and publishes its events to a bus, in order. */
  readonly relay: (
    bus: EventBus["Service"],
    options?: RelayOptions & Pace,
  ) => Effect.Effect<Subscription, StoreFault | AlreadySubscribed>
  /** Registers a durable name and serves it with work of any kind. */
  readonly serve: (
    name: SubscriptionName,
    work: Work,
    pace?: Pace,
  ) => Effect.Effect<Subscription, StoreFault | AlreadySubscribed>
  /** Closes the subscription if this process serves it, then forgets the name and everything that waits for it. */
  readonly unregister: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /** Events that were set aside, in order: those after a position, at most `limit` (100). */
  readonly parked: (
    name: SubscriptionName,
    page?: { readonly after?: Position | undefined; readonly limit?: number | undefined },
  ) => Effect.Effect<ReadonlyArray<Parked>, StoreFault>
  /**
   * Makes a parked event wait again. It comes after what its key was handled for meanwhile. Answers whether one was parked
   * there.
   */
  readonly redeliver: (name: SubscriptionName, position: Position) => Effect.Effect<boolean, StoreFault>
  readonly depth: (name: SubscriptionName) => Effect.Effect<Depth, StoreFault>
  /** Waits until nothing waits for the name: everything was acknowledged or parked. */
  readonly settled: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /** The names that this process serves or stands by for. Does no I/O. */
  readonly served: () => ReadonlyArray<Served>
}

/** A name that this process serves, or would if the process that does were gone. */
export interface Served extends Readonly<Standing> {
  readonly name: SubscriptionName
}

/** How often `settled` looks for what another process has settled. */
const settledPollMillis = 100
/** A look at a long backlog costs the store more than a few of its events: what took a while is not repeated at once. */
const briefLookMillis = 5
const pauseAfterLook = 20
const longestPauseMillis = 5_000

/** The subscriptions of a process. They are served until the scope closes. */
export const makeSubscriptions = Effect.fnUntraced(function* (
  options: SubscriptionsOptions,
): Effect.fn.Return<Subscriptions, never, Scope.Scope> {
  const { outbox, owner, pollMillis, around = (work: Work) => work } = options
  const served = new Map<SubscriptionName, Wake>()
  const standings = new Map<SubscriptionName, Standing>()
  const progress = new Pulse()
  const fibers = yield* FiberMap.make<SubscriptionName>()
  const scope = yield* Effect.scope
  const lookAll = () => {
    for (const wake of served.values()) wake.look()
  }
  let listens = options.workers === false
  // From the first name on: a process that serves none would only be woken by each of its commits, and for nothing.
  const listenOnce = Effect.forkIn(
    Effect.suspend(() => {
      if (listens) return Effect.void
      listens = true
      return listen(options.changed, lookAll)
    }),
    scope,
    { startImmediately: true },
  )

  const stop = (name: SubscriptionName, wake: Wake): Effect.Effect<void> =>
    Effect.suspend(() => {
      // Whoever subscribed after us under the same name is not ours to close.
      if (served.get(name) !== wake) return Effect.void
      const stopped = Effect.andThen(
        FiberMap.remove(fibers, name),
        // Two callers may close at once, and a third may have subscribed when the second comes here.
        Effect.sync(() => served.get(name) === wake && served.delete(name) && standings.delete(name)),
      )
      // In a fiber of its own: a caller who leaves meanwhile must not leave a name behind that nobody serves.
      return Effect.flatMap(Effect.forkDetach(stopped, { startImmediately: true }), Fiber.join)
    })

  const serve = (name: SubscriptionName, work: Work, pace: Pace) =>
    Effect.uninterruptibleMask((restore): Effect.Effect<Subscription, StoreFault | AlreadySubscribed> => {
      if (served.has(name)) return Effect.fail({ _tag: "AlreadySubscribed", name })
      const wake = new Wake()
      // Taken before the store is asked, so that two callers at once cannot both begin. Given back whenever the caller leaves.
      served.set(name, wake)
      const standing: Standing = { hasLease: false, takeovers: 0 }
      if (options.workers !== false) standings.set(name, standing)
      const { leaseMillis, limit, limitBytes, maxInFlight, maxInFlightBytes } = pace
      const paced = { leaseMillis, limit, limitBytes, maxInFlight, maxInFlightBytes }
      const loop = deliver({ ...paced, outbox, name, owner, pollMillis, wake, progress, standing }, around(work, name))
      // Before the loop's first look, so that no commit falls in between.
      return listenOnce.pipe(
        Effect.andThen(outbox.register(name)),
        Effect.andThen(options.workers === false ? Effect.void : FiberMap.run(fibers, name, loop)),
        Effect.as({ name, close: stop(name, wake) }),
        restore,
        Effect.onExit((exit) => (exit._tag === "Success" ? Effect.void : stop(name, wake))),
      )
    })

  return {
    subscribe: (name, handler, subscribe = {}) =>
      serve(name, perKey(name, handler, { ...subscribe, onError: subscribe.onError ?? options.onError }), subscribe),
    serve: (name, work, pace = {}) => serve(name, work, pace),
    relay: (bus, relay = {}) => serve(relay.name ?? relayName, inBatches(bus, relay), relay),
    unregister: (name) =>
      Effect.suspend(() => {
        const wake = served.get(name)
        return Effect.andThen(wake === undefined ? Effect.void : stop(name, wake), outbox.unregister(name))
      }),
    parked: (name, page = {}) => outbox.parked(name, page.after, page.limit ?? 100),
    redeliver: (name, position) =>
      Effect.tap(outbox.unpark(name, position), () => Effect.sync(() => served.get(name)?.look())),
    depth: outbox.depth,
    served: () => Array.from(standings, ([name, standing]) => ({ name, ...standing })),
    settled: Effect.fnUntraced(function* (name) {
      for (;;) {
        const moved = progress.next
        const began = yield* elapsedMillis
        const { waiting } = yield* outbox.depth(name)
        if (waiting === 0) return
        const took = (yield* elapsedMillis) - began
        if (took > briefLookMillis) yield* Effect.sleep(Math.min(longestPauseMillis, took * pauseAfterLook))
        yield* Effect.timeoutOption(moved, settledPollMillis)
      }
    }),
  }
})

/** Calls `look` whenever `changed` completes. It listens again before it looks, so that no commit falls in between. */
const listen = Effect.fnUntraced(function* (changed: Effect.Effect<void>, look: () => void): Effect.fn.Return<never> {
  const start = Effect.forkChild(changed, { startImmediately: true })
  for (let next = yield* start; ; ) {
    yield* Fiber.join(next)
    // Whoever committed goes on first: our work does not run on its stack.
    yield* Effect.yieldNow
    next = yield* start
    look()
  }
})
