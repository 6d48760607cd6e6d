/**
 * `createHoldfast`: the shop for hosts that have never heard of Effect.
 *
 * No I/O happens before the first call or `start()`. The shop touches no global, installs no signal handler and closes
 * nothing that the host passed in.
 */
import { Context, Effect, Layer } from "effect"
import * as Options from "../options.ts"
import { type AuditShape, makeAudit } from "../services/Audit.ts"
import { type CouponsShape, makeCoupons } from "../services/Coupons.ts"
import { Health, type HealthReport, type Readiness } from "../services/Health.ts"
import type { Services } from "../services/Holdfast.ts"
import type { KernelShape } from "../services/Kernel.ts"
import { makeOrders, type OrdersShape } from "../services/Orders.ts"
import { type KnownOutcome, type OperationName, type OutcomeQuery, Outcomes } from "../services/Outcomes.ts"
import { makePoints, type PointsShape } from "../services/Points.ts"
import { makePopularity, type PopularityShape } from "../services/Popularity.ts"
import { Runtime, type RuntimeShape } from "../services/Runtime.ts"
import { makeStock, type StockShape } from "../services/Stock.ts"
import { defaultDeadlineMillis, makeStamps } from "../services/stamps.ts"
import { type CallOptions, type Promised, promised, type SafePromised, safePromised } from "./derive.ts"
import { type PromisedEvents, promisedEvents } from "./events.ts"
import { type CreateOptions, checkOptions } from "./options.ts"
import { checkRuntime } from "./runtimeNeeds.ts"
import { Starter } from "./Starter.ts"
import { type JoinedGroups, makeWithin } from "./within.ts"

interface Shapes {
  readonly points: PointsShape
  readonly stock: StockShape
  readonly coupons: CouponsShape
  readonly orders: OrdersShape
  readonly popularity: PopularityShape
  readonly audit: AuditShape
}

type Groups = { readonly [Group in keyof Shapes]: Promised<Shapes[Group]> }
type SafeGroups = { readonly [Group in keyof Shapes]: SafePromised<Shapes[Group]> }

export interface Holdfast extends Groups {
  readonly events: PromisedEvents
  /** The same calls, answering `{ ok: true, value }` or `{ ok: false, error }` instead of rejecting. */
  readonly safe: SafeGroups
  /** The calls inside a transaction that the host opened: both or neither. Needs a store that can join it. */
  readonly within: (transaction: object) => JoinedGroups
  /** What became of a keyed call whose answer was lost. */
  readonly outcome: <Name extends OperationName>(
    query: OutcomeQuery<Name>,
    options?: CallOptions,
  ) => Promise<KnownOutcome<Name>>
  readonly health: () => Promise<HealthReport>
  /** Whether the store answers, and nothing else: for a probe that decides whether a process is sent requests. */
  readonly readiness: () => Promise<Readiness>
  /** Opens the store now, instead of at the first call. Rejects where it cannot be opened; may be called again. */
  readonly start: () => Promise<void>
  /**
   * Takes no more calls, waits up to `drainMillis` (default: the deadline) for the others or for a start that is under way,
   * lets the store go.
   */
  readonly stop: (options?: { readonly drainMillis?: number }) => Promise<void>
  /** The services of this very shop, for programs in Effect. Starts it where it was not started. */
  readonly services: Layer.Layer<Services>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const stopChecks: Options.Checks<{ readonly drainMillis?: number }> = { drainMillis: Options.wholeNumber(0, 3_600_000) }

/**
 * Makes a shop. Throws a `HoldfastError` for an option that is unknown or not as it must be.
 *
 * ```ts
 * const shop = createHoldfast()
 * await shop.stock.register({ productId: "tee", name: "Tee", price: 12_000, onHand: 100 })
 * ```
 */
export const createHoldfast = (options: CreateOptions = {}): Holdfast => {
  checkRuntime()
  checkOptions(options)
  const starter = new Starter(options)
  const { shapes, kernel } = lateShapes(options, starter)
  const stop: Holdfast["stop"] = async (stopping = {}) => {
    Options.check(stopping, stopChecks)
    return starter.stop(stopping.drainMillis ?? options.deadlineMillis ?? defaultDeadlineMillis)
  }
  const own = promised(starter, {
    health: () => Effect.suspend(() => Context.get(starter.running, Health).health()),
    readiness: () => Effect.suspend(() => Context.get(starter.running, Health).readiness()),
    outcome: (query: OutcomeQuery<OperationName>) =>
      Effect.suspend(() => Context.get(starter.running, Outcomes).outcome(query)),
  })
  return {
    points: promised(starter, shapes.points),
    stock: promised(starter, shapes.stock),
    coupons: promised(starter, shapes.coupons),
    orders: promised(starter, shapes.orders),
    popularity: promised(starter, shapes.popularity),
    audit: promised(starter, shapes.audit),
    safe: {
      points: safePromised(starter, shapes.points),
      stock: safePromised(starter, shapes.stock),
      coupons: safePromised(starter, shapes.coupons),
      orders: safePromised(starter, shapes.orders),
      popularity: safePromised(starter, shapes.popularity),
      audit: safePromised(starter, shapes.audit),
    },
    events: promisedEvents(starter),
    within: makeWithin(starter, kernel),
    health: () => own.health(),
    readiness: () => own.readiness(),
    // biome-ignore lint/plugin/casts: the answer's type follows the operation that the query names
    outcome: own.outcome as Holdfast["outcome"],
    start: starter.start,
    stop,
    services: Layer.effectContext(
      Effect.map(Effect.promise(starter.start), () => Context.omit(Runtime)(starter.running)),
    ),
    [Symbol.asyncDispose]: () => stop(),
  }
}

/** The services before there is anything to serve: what they stand on is looked up when a call is made. */
const lateShapes = (options: CreateOptions, starter: Starter) => {
  let found: RuntimeShape | undefined
  const runtime = (): RuntimeShape => {
    found ??= Context.get(starter.running, Runtime)
    return found
  }
  const { deadlineMillis, scope, settings } = makeStamps(
    options,
    () => 0,
    () => 0,
  )
  const kernel: KernelShape = {
    get store() {
      return runtime().kernel.store
    },
    get submitter() {
      return runtime().engine
    },
    get requests() {
      return runtime().kernel.requests
    },
    get cache() {
      return runtime().kernel.cache
    },
    get ranking() {
      return runtime().kernel.ranking
    },
    stamps: {
      now: () => runtime().kernel.stamps.now(),
      nextId: (at) => runtime().kernel.stamps.nextId(at),
      deadlineMillis,
      scope,
      settings,
    },
  }
  const shapes: Shapes = {
    points: makePoints(kernel),
    stock: makeStock(kernel),
    coupons: makeCoupons(kernel),
    orders: makeOrders(kernel),
    popularity: makePopularity(kernel),
    audit: makeAudit(runtime),
  }
  return { kernel, shapes }
}
