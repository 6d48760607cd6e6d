/**
 * How a shop is doing, for probes and dashboards.
 */
import { Context, Effect } from "effect"
import type { ReadCacheMetrics } from "../cache/ReadCache.ts"
import type { RelayProgress } from "../delivery/relay.ts"
import type { Served, Subscriptions } from "../delivery/Subscriptions.ts"
import type { EngineMetrics } from "../engine/Metrics.ts"
import type { Depth, Guarantees } from "../ports/index.ts"
import type { SubscriptionName } from "../values.ts"
import type { KernelShape } from "./Kernel.ts"
import type { RuntimeShape } from "./Runtime.ts"

export interface HealthReport {
  /** `degraded` where the store does not answer: calls wait and may be answered as unavailable. */
  readonly status: "ok" | "degraded"
  readonly store: Guarantees & { readonly reachable: boolean }
  /** Where the shop has a bus. */
  readonly bus?: BusHealth | undefined
  /** Where the shop takes coupon requests. */
  readonly requests?: RequestHealth | undefined
  readonly metrics: EngineMetrics
  /** What came of reads that may have an age. */
  readonly reads: ReadHealth
  /** The subscriptions that this process serves or stands by for. */
  readonly subscriptions: ReadonlyArray<SubscriptionHealth>
}

/** Counted in this process since its start. */
export interface ReadHealth extends ReadCacheMetrics {
  /** Whether the ranking is asked nothing for the moment, after several faults. Undefined where there is none. */
  readonly rankingLeftAlone: boolean | undefined
}

export interface SubscriptionHealth {
  readonly name: string
  /** Whether this process has the lease: of a fleet, one has. */
  readonly hasLease: boolean
  /** How often this process was granted the lease. */
  readonly takeovers: number
  /**
   * What the name has before it, told by the process that has the lease. Undefined elsewhere, and where the store does not
   * say in time. It may be some seconds old: counting a long backlog costs the store more than a few of its events.
   */
  readonly backlog?: Backlog | undefined
}

export interface Backlog {
  /** Events that are neither acknowledged nor parked. */
  readonly waiting: number
  readonly parked: number
  /** Milliseconds since the oldest waiting event occurred; 0 where none waits. */
  readonly oldestAgeMillis: number
}

/** The log of coupon requests, which all processes of a shop share. */
export interface RequestHealth {
  /** Requests that were accepted and are not decided. Undefined where the log does not say in time. */
  readonly waiting: number | undefined
}

/** How the relay of this process gets on. It publishes while it holds the lease of its name; another process may. */
export interface BusHealth {
  readonly name: string
  /** Whether the bus took the last batch. Undefined before this process published any. A bus that is away degrades nothing. */
  readonly reachable: boolean | undefined
  /** Events that the bus took from this process. */
  readonly published: number
  /** How often it did not take a batch. */
  readonly failures: number
  /** How old the first event is that this process has claimed and the bus has not taken, in milliseconds. 0 where none is. */
  readonly oldestMillis: number
}

export interface HealthShape {
  readonly health: () => Effect.Effect<HealthReport>
}

export class Health extends Context.Service<Health, HealthShape>()("@holdfast/core/Health") {}

/** How long the store may take to answer the probe, and to say how much waits. */
const probeMillis = 1_000
/** How long a look at a backlog is good for at least, and how many times longer than it took. */
const lookMillis = 2_000
const pauseAfterLook = 20

export const makeHealth = (
  { engine, kernel }: RuntimeShape,
  subscriptions: Pick<Subscriptions, "served" | "depth">,
  relayed?: { readonly name: string; readonly progress: RelayProgress },
): HealthShape => {
  const { store, stamps } = kernel
  const backlogs = new Backlogs(subscriptions)
  return {
    health: () =>
      Effect.gen(function* () {
        const reachable = yield* isAnswered(store.probe ?? store.reads.products([]))
        const served = subscriptions.served()
        // Of a store that is away nothing more is asked: a probe is answered in one time-out, not in several.
        const told = yield* Effect.forEach(served, (one) => (reachable ? backlogs.of(one) : Effect.undefined), {
          concurrency: "unbounded",
        })
        const requests = yield* requestHealth(kernel)
        return {
          status: reachable ? ("ok" as const) : ("degraded" as const),
          store: { ...store.guarantees, reachable },
          ...(relayed === undefined ? {} : { bus: busHealth(relayed.name, relayed.progress, stamps.now()) }),
          ...(requests && { requests }),
          metrics: engine.metrics(),
          reads: readHealth(kernel),
          subscriptions: served.map((one, index) => ({ ...one, backlog: backlogOf(told[index], stamps.now()) })),
        }
      }),
  }
}

const requestHealth = ({ requests }: KernelShape): Effect.Effect<RequestHealth | undefined> =>
  requests?.isOffered === true ? Effect.map(inTime(requests.waiting), (waiting) => ({ waiting })) : Effect.undefined

/** Undefined where it fails, or takes longer than a probe may. */
const inTime = <A>(asked: Effect.Effect<A, unknown>): Effect.Effect<A | undefined> =>
  asked.pipe(
    Effect.timeoutOrElse({ duration: probeMillis, orElse: () => Effect.undefined }),
    Effect.catchCause(() => Effect.undefined),
  )

const readHealth = ({ cache, ranking }: KernelShape): ReadHealth => ({
  ...(cache?.metrics() ?? nothingRead),
  rankingLeftAlone: ranking && (ranking.isLeftAlone?.() ?? false),
})

const nothingRead: ReadCacheMetrics = {
  ...{ hits: 0, misses: 0, joined: 0, shared: 0, ranked: 0, faults: 0 },
  leftAlone: undefined,
}

const isAnswered = (asked: Effect.Effect<unknown, unknown>): Effect.Effect<boolean> =>
  asked.pipe(
    Effect.as(true),
    Effect.timeoutOrElse({ duration: probeMillis, orElse: () => Effect.succeed(false) }),
    Effect.catchCause(() => Effect.succeed(false)),
  )

const busHealth = (name: string, progress: RelayProgress, now: number): BusHealth => ({
  name,
  reachable: progress.reachable,
  published: progress.published,
  failures: progress.failures,
  oldestMillis: progress.oldestAt === undefined ? 0 : Math.max(0, now - progress.oldestAt),
})

const backlogOf = (depth: Depth | undefined, now: number): Backlog | undefined =>
  depth && {
    waiting: depth.waiting,
    parked: depth.parked,
    oldestAgeMillis: depth.oldestAt === undefined ? 0 : Math.max(0, now - depth.oldestAt),
  }

/** What was seen of each name, and until when it is good enough. */
class Backlogs {
  readonly #subscriptions: Pick<Subscriptions, "depth">
  readonly #seen = new Map<SubscriptionName, { readonly depth: Depth | undefined; readonly until: bigint }>()

  constructor(subscriptions: Pick<Subscriptions, "depth">) {
    this.#subscriptions = subscriptions
  }

  of({ name, hasLease }: Served): Effect.Effect<Depth | undefined> {
    return Effect.clockWith((clock) => {
      if (!hasLease) {
        this.#seen.delete(name)
        return Effect.undefined
      }
      const began = clock.monotonicTimeNanosUnsafe()
      const seen = this.#seen.get(name)
      if (seen !== undefined && began < seen.until) return Effect.succeed(seen.depth)
      return Effect.map(this.#look(name), (depth) => {
        const ended = clock.monotonicTimeNanosUnsafe()
        const pause = (ended - began) * BigInt(pauseAfterLook)
        const shortest = BigInt(lookMillis) * 1_000_000n
        this.#seen.set(name, { depth, until: ended + (pause > shortest ? pause : shortest) })
        return depth
      })
    })
  }

  #look(name: SubscriptionName): Effect.Effect<Depth | undefined> {
    return inTime(this.#subscriptions.depth(name))
  }
}
