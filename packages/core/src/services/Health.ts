/**
 * How a shop is doing, for probes and dashboards.
 */
import { Context, Effect, Fiber } from "effect"
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

/** What decides whether a process should be sent requests. */
export type Readiness = Pick<HealthReport, "status" | "store">

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
   * What the name has before it, told by the process that has the lease. Undefined elsewhere, and where the store has not
   * said it for a minute. It may be some seconds old: counting a long backlog costs the store more than a few of its events.
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
  /** Requests that were accepted and are not decided, as the log said last. Undefined where it has not for a minute. */
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
  /** Asks the store alone: no log and no bus that is away keeps a process from being sent requests. */
  readonly readiness: () => Effect.Effect<Readiness>
  /** Everything, within one time-out however many do not answer. */
  readonly health: () => Effect.Effect<HealthReport>
}

export class Health extends Context.Service<Health, HealthShape>()("@holdfast/core/Health") {}

/**
 * How long everything that is asked for one answer may take. Less than the second that Kubernetes gives a probe by default:
 * a host that stays ready without its store must be heard to say so.
 */
const probeMillis = 800
/** How long what was said last is told where the next answer does not come. */
const keptMillis = 60_000
/** How long a look at a backlog is good for at least, and how many times longer than it took. */
const lookMillis = 2_000
const pauseAfterLook = 20
/** A million events are counted in seconds. */
const longestLookMillis = 10_000

export const makeHealth = (
  { engine, kernel }: RuntimeShape,
  subscriptions: Pick<Subscriptions, "served" | "depth">,
  relayed?: { readonly name: string; readonly progress: RelayProgress },
): HealthShape => {
  const { store, stamps } = kernel
  const backlogs = new Backlogs(subscriptions)
  const requestsWaiting = new LastSaid<number>()
  const readiness = Effect.map(
    Effect.suspend(() => isAnswered(store.probe ?? store.reads.products([]))),
    (reachable): Readiness => ({
      status: reachable ? "ok" : "degraded",
      store: { ...store.guarantees, reachable },
    }),
  )
  /** Of a store that is away nothing more is asked. A backlog has what the probe has left of the one time-out. */
  const askStore = Effect.gen(function* () {
    const began = yield* monotonic
    const ready = yield* readiness
    const left = probeMillis - Number(((yield* monotonic) - began) / 1_000_000n)
    const served = subscriptions.served()
    const told = yield* Effect.forEach(served, (one) => backlogs.of(one, ready.store.reachable ? left : 0), {
      concurrency: "unbounded",
    })
    return { ready, served, told }
  })
  return {
    readiness: () => readiness,
    health: () =>
      Effect.gen(function* () {
        // The log is no part of the store: neither waits for the other.
        const [{ ready, served, told }, requests] = yield* Effect.all(
          [askStore, requestHealth(kernel, requestsWaiting)],
          { concurrency: "unbounded" },
        )
        return {
          ...ready,
          ...(relayed === undefined ? {} : { bus: busHealth(relayed.name, relayed.progress, stamps.now()) }),
          ...(requests && { requests }),
          metrics: engine.metrics(),
          reads: readHealth(kernel),
          subscriptions: served.map((one, index) => ({ ...one, backlog: backlogOf(told[index], stamps.now()) })),
        }
      }),
  }
}

const requestHealth = ({ requests }: KernelShape, last: LastSaid<number>): Effect.Effect<RequestHealth | undefined> =>
  requests?.isOffered === true
    ? Effect.map(last.or(inTime(requests.waiting, probeMillis)), (waiting) => ({ waiting }))
    : Effect.undefined

const monotonic = Effect.clockWith((clock) => Effect.sync(() => clock.monotonicTimeNanosUnsafe()))

/** Undefined where it fails, or takes longer than it may. */
const inTime = <A>(asked: Effect.Effect<A, unknown>, millis: number): Effect.Effect<A | undefined> =>
  asked.pipe(
    Effect.timeoutOrElse({ duration: millis, orElse: () => Effect.undefined }),
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

/** What was said last, for a while: a graph has no gap where one answer is late, and no number that stands for hours. */
class LastSaid<A> {
  #last: { readonly said: A; readonly at: bigint } | undefined

  or(asked: Effect.Effect<A | undefined>): Effect.Effect<A | undefined> {
    return Effect.flatMap(asked, (said) =>
      Effect.map(monotonic, (now) => {
        if (said !== undefined) this.#last = { said, at: now }
        else if (this.#last !== undefined && now - this.#last.at > BigInt(keptMillis) * 1_000_000n) {
          this.#last = undefined
        }
        return this.#last?.said
      }),
    )
  }
}

interface Seen {
  readonly last: LastSaid<Depth>
  /** Undefined where the last look came to nothing. */
  depth: Depth | undefined
  /** Until when that is good enough. */
  until: bigint
  /** The last look, which may be under way. */
  look: Fiber.Fiber<Depth | undefined> | undefined
}

/** What was seen of each name. */
class Backlogs {
  readonly #subscriptions: Pick<Subscriptions, "depth">
  readonly #seen = new Map<SubscriptionName, Seen>()

  constructor(subscriptions: Pick<Subscriptions, "depth">) {
    this.#subscriptions = subscriptions
  }

  /**
   * Waits for a look no longer than `millis`; for 0 it begins none. A look goes on without whoever asked: the longer a backlog, the
   * longer it takes, and a report that gave up would never tell of one that matters.
   */
  of({ name, hasLease }: Served, millis: number): Effect.Effect<Depth | undefined> {
    return Effect.clockWith((clock) => {
      if (!hasLease) {
        this.#seen.delete(name)
        return Effect.undefined
      }
      const began = clock.monotonicTimeNanosUnsafe()
      const seen: Seen = this.#seen.get(name) ?? {
        last: new LastSaid<Depth>(),
        depth: undefined,
        until: began,
        look: undefined,
      }
      this.#seen.set(name, seen)
      const known = Effect.suspend(() =>
        seen.depth === undefined ? seen.last.or(Effect.undefined) : Effect.succeed(seen.depth),
      )
      if (began < seen.until) return known
      if (millis <= 0) return seen.last.or(Effect.undefined)
      const { look } = seen
      const looking =
        look === undefined || look.pollUnsafe() !== undefined ? this.#look(seen, name) : Effect.succeed(look)
      return Effect.flatMap(looking, (underWay) => Effect.andThen(inTime(Fiber.join(underWay), millis), known))
    })
  }

  #look(seen: Seen, name: SubscriptionName): Effect.Effect<Fiber.Fiber<Depth | undefined>> {
    const look = Effect.gen({ self: this }, function* () {
      const began = yield* monotonic
      seen.depth = yield* inTime(this.#subscriptions.depth(name), longestLookMillis)
      yield* seen.last.or(Effect.succeed(seen.depth))
      const ended = yield* monotonic
      const pause = (ended - began) * BigInt(pauseAfterLook)
      const shortest = BigInt(lookMillis) * 1_000_000n
      seen.until = ended + (pause > shortest ? pause : shortest)
      return seen.depth
    })
    return Effect.map(Effect.forkDetach(look), (fiber) => {
      seen.look = fiber
      return fiber
    })
  }
}
