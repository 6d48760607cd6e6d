/**
 * The options of `createHoldfast`, checked before anything happens.
 */
import { Layer, type Tracer } from "effect"
import * as Options from "../options.ts"
import type { EventBus, Ranking, RequestLog, SharedCache, Store, StoreFault } from "../ports/index.ts"
import type { Measurement } from "../services/measurements.ts"
import { type HoldfastOptions, holdfastChecks } from "../services/stamps.ts"

/** A store as hosts pass it: what `memory()`, `postgres({ … })` and `pglite({ … })` answer. */
export interface StoreOption {
  readonly name: string
  readonly layer: Layer.Layer<Store, StoreFault>
}

/** A bus as hosts pass it: what `inProcessBus()` and `kafka({ … })` answer. */
export interface BusOption {
  readonly name: string
  readonly layer: Layer.Layer<EventBus, StoreFault>
}

/** A cache as hosts pass it: what `redis({ … })` answers. */
export interface CacheOption {
  readonly name: string
  readonly layer: Layer.Layer<SharedCache>
}

/** A ranking as hosts pass it: what `redisRanking({ … })` answers. */
export interface RankingOption {
  readonly name: string
  readonly layer: Layer.Layer<Ranking>
}

/** A request log as hosts pass it: what `inProcessRequests()` and its likes answer. */
export interface RequestsOption {
  readonly name: string
  readonly layer: Layer.Layer<RequestLog, StoreFault>
}

export type LogLevel = "debug" | "info" | "warn" | "error"

/** What belongs to a message: `subscription`, `event` and the like, and the span that it was said in. */
export interface LogFields {
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly [name: string]: unknown
}

/** Where spans and metrics go, for hosts without Effect: what `openTelemetry()` of `@holdfast/adapters` answers. */
export interface TelemetryOption {
  readonly name: string
  readonly tracer: Tracer.Tracer
  /** The span that the host is in where it makes a call. */
  readonly activeSpan: () => Tracer.AnySpan | undefined
  /**
   * Has metrics read whenever somebody collects them, until what it answers is called. That is given what was counted up to the stop,
   * for the collection that comes after it, and that no lease is held any more.
   */
  readonly observe: (
    read: () => Promise<ReadonlyArray<Measurement>>,
  ) => (last?: ReadonlyArray<Measurement> | undefined) => void
}

export interface CreateOptions extends HoldfastOptions {
  /** Where everything is kept. Default: in memory, which must be named where NODE_ENV is "production". */
  readonly store?: StoreOption | undefined
  /**
   * Where committed events are published, in order, by the one process with `workers` that holds the lease of the durable
   * name `event-bus`. That name is registered by the first start with a bus, and events wait for it from then on: who
   * gives the bus up unregisters it. Default: none, subscriptions are served in this process.
   */
  readonly bus?: BusOption | undefined
  /**
   * What the processes of a shop share to spare the store work: lists, products and seals. It may be wiped at any moment, and
   * nothing but speed is lost. Default: each process keeps its own.
   */
  readonly cache?: CacheOption | undefined
  /**
   * Keeps what was sold most sorted, for `popularity.top` with an age. It is filled by the one process with `workers` that
   * holds the lease of the durable name `holdfast-ranking`, which is registered by the first start with a ranking: who gives
   * it up unregisters that name. It may be wiped at any moment. Default: none, windows are added up by the store.
   */
  readonly ranking?: RankingOption | undefined
  /**
   * Where `coupons.request` keeps what it accepts, until it is decided in that order by a process with `workers`. Default:
   * none, and `coupons.request` is refused.
   */
  readonly requests?: RequestsOption | undefined
  /** The time, as a Date or as milliseconds since 1970. Default: the system's. Waiting always takes real time. */
  readonly clock?: (() => Date | number) | undefined
  /** Numbers from 0 up to but not including 1, for ids and pauses. Default: the runtime's. */
  readonly random?: (() => number) | undefined
  /** Gets what the shop has to say. Default: warnings and errors go where Effect logs. */
  readonly logger?: ((level: LogLevel, message: string, fields: LogFields) => void) | undefined
  /** Where spans and metrics go. Default: nowhere. */
  readonly telemetry?: TelemetryOption | undefined
}

/** What of it is given shows only when it is built. */
const aPort = (be: string): Options.Check =>
  Options.must(
    be,
    (value) =>
      typeof value === "object" && value !== null && "name" in value && "layer" in value && Layer.isLayer(value.layer),
  )

export const createChecks: Options.Checks<CreateOptions> = {
  store: aPort("a store, such as memory() or postgres({ url })"),
  bus: aPort("a bus, such as inProcessBus() or kafka({ kafka, topic, source })"),
  cache: aPort("a cache, such as redis({ client })"),
  ranking: aPort("a ranking, such as redisRanking({ client })"),
  requests: aPort("a request log, such as inProcessRequests()"),
  ...holdfastChecks,
  clock: Options.aFunction,
  random: Options.aFunction,
  logger: Options.aFunction,
  telemetry: Options.must(
    "where spans and metrics go, such as openTelemetry()",
    (value) =>
      typeof value === "object" &&
      value !== null &&
      typeof Reflect.get(Object(Reflect.get(value, "tracer")), "span") === "function" &&
      typeof Reflect.get(value, "observe") === "function" &&
      typeof Reflect.get(value, "activeSpan") === "function",
  ),
}

/** Throws a HoldfastError that names every option that is unknown or not as it must be. */
export const checkOptions = (options: unknown): void => Options.check(options, createChecks)
