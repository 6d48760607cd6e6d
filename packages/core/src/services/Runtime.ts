/**
 * A running shop: its engine and the kernel that its services stand on.
 */
import { Clock, Context, Effect, type Scope as EffectScope, Layer, Option, Random } from "effect"
import { makeReadCache } from "../cache/ReadCache.ts"
import { sliceDecider } from "../delivery/decideRequests.ts"
import { type Engine, makeEngine } from "../engine/Engine.ts"
import { watchOutages } from "../engine/outages.ts"
import { makeSpans, type Spans } from "../engine/Spans.ts"
import { HoldfastError } from "../HoldfastError.ts"
import {
  Ranking,
  RequestLog,
  type RequestLogShape,
  SharedCache,
  type SharedCacheShape,
  Store,
  type StoreShape,
} from "../ports/index.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { makeRequests } from "./requests.ts"
import { defaultDeadlineMillis, defaultQueueLimit, type HoldfastOptions, makeStamps, sourcesOf } from "./stamps.ts"

export interface RuntimeShape {
  readonly engine: Engine
  readonly spans: Spans | undefined
  readonly kernel: KernelShape
  readonly options: HoldfastOptions
}

export class Runtime extends Context.Service<Runtime, RuntimeShape>()("@holdfast/core/Runtime") {
  /** Starts the lanes. A `SharedCache`, a `Ranking` and a `RequestLog` are used where the program has them. Closing the layer drains them: what was admitted is answered before the store is let go. */
  static readonly layer = (options: HoldfastOptions): Layer.Layer<Runtime, never, Store> =>
    Layer.effect(
      Runtime,
      Effect.gen(function* () {
        const store = yield* watchOutages(yield* Store)
        const log = Option.getOrUndefined(yield* Effect.serviceOption(RequestLog))
        if (log !== undefined && isOfAnother(log, store)) return yield* Effect.die(logOfAnother(log, store))
        const { now, random } = sourcesOf(yield* Clock.Clock, yield* Random.Random)
        const spans = yield* makeSpans(store, options.spans ?? "batches")
        const cached = Option.getOrUndefined(yield* Effect.serviceOption(SharedCache))
        const shared = cached && ofShop(cached, store)
        const engine = yield* makeEngine(store, {
          queueLimit: options.queueLimit ?? defaultQueueLimit,
          batchLimit: options.batchLimit,
          seals: options.seals,
          sealBytes: options.sealBytes,
          cache: shared,
          spans,
        })
        const cache = yield* makeReadCache(shared)
        const ranking = Option.getOrUndefined(yield* Effect.serviceOption(Ranking))
        const deadlineMillis = options.deadlineMillis ?? defaultDeadlineMillis
        yield* Effect.addFinalizer(() => engine.stop(deadlineMillis))
        // Begun before any is taken, and so ended after the last one was.
        if (log !== undefined && options.workers !== false) yield* serveRequests(store, engine, log, deadlineMillis)
        const requests = yield* makeRequests(store, engine, log, deadlineMillis)
        return {
          engine,
          spans,
          kernel: { store, submitter: engine, stamps: makeStamps(options, now, random), cache, ranking, requests },
          options,
        }
      }),
    )
}

/** Its keys name the shop as well: two shops that share a cache by mistake never show each other's products. */
const ofShop = (cache: SharedCacheShape, { database }: StoreShape): SharedCacheShape => {
  const shop = database?.namespace
  if (shop === undefined) return cache
  return {
    guarantees: cache.guarantees,
    isLeftAlone: () => cache.isLeftAlone?.() ?? false,
    get: (key, leaseMillis) => cache.get([shop, ...key], leaseMillis),
    put: (key, ...put) => cache.put([shop, ...key], ...put),
    forget: (key) => cache.forget([shop, ...key]),
  }
}

/** Where a name is not whole, as that of a store on a pool, what is known of it is compared. */
const isOfAnother = (log: RequestLogShape, store: StoreShape): boolean => {
  const [kept, own] = [log.database?.namespace, store.database?.namespace]
  if (kept === undefined || own === undefined || kept === own) return false
  return !kept.endsWith(`|${own}`) && !own.endsWith(`|${kept}`)
}

const logOfAnother = ({ database: log }: RequestLogShape, { database }: StoreShape): HoldfastError => {
  const message = `must be kept where the store is: they are in "${log?.namespace}", and the store is in "${database?.namespace}"`
  return new HoldfastError({ _tag: "InvalidInput", issues: [{ pointer: "/requests", message }] })
}

/** How often a shop that stops looks whether its own log is decided. */
const drainPollMillis = 10

/** Decides what waits. What would be lost with this process is decided before the shop has stopped, in so long. */
const serveRequests = Effect.fnUntraced(function* (
  store: StoreShape,
  { decidedBeside }: Engine,
  log: RequestLogShape,
  drainMillis: number,
): Effect.fn.Return<void, never, EffectScope.Scope> {
  yield* Effect.forkScoped(log.serve(sliceDecider(store, decidedBeside)))
  if (log.guarantees.durability !== "nothing") return
  const decided = Effect.repeat(Effect.delay(log.waiting, drainPollMillis), { until: (left) => left === 0 })
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeoutOption(decided, drainMillis)))
})

/** The kernel of a running shop. */
export const kernelLayer: Layer.Layer<Kernel, never, Runtime> = Layer.effect(
  Kernel,
  Effect.map(Runtime, ({ kernel }) => kernel),
)
