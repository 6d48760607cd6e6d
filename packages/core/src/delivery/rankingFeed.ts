/**
 * Fills the ranking from a durable name: what an order or a cancel changed is read from the store and put as it is now.
 *
 * Whoever has the name's lease fills the ranking anew, hour by hour, and then follows the events. So nothing of an earlier
 * feeder is relied on, and whatever the ranking loses shows at the next step: it is filled anew then. Until it is, events
 * need not wait: what they tell of will be read from the store.
 */
import { Effect, FiberSet, Semaphore } from "effect"
import { elapsedMillis } from "../elapsed.ts"
import type { Event, EventData } from "../events/Event.ts"
import { hourOf, type ProductSales } from "../popularity/SalesBucket.ts"
import type {
  CacheFault,
  FeederStep,
  Lease,
  LeaseLost,
  Outbox,
  Position,
  RankingShape,
  Reads,
  StoreFault,
} from "../ports/index.ts"
import { OrderId, ProductId, SubscriptionName } from "../values.ts"
import type { Work } from "./InFlight.ts"
import { inBatches } from "./relay.ts"

/** The durable name that the ranking is filled under. */
export const rankingName: SubscriptionName = SubscriptionName.make("holdfast-ranking")

export interface RankingFeed {
  readonly ranking: RankingShape
  readonly soldOf: NonNullable<Reads["soldOf"]>
  readonly soldIn: NonNullable<Reads["soldIn"]>
  readonly order: Reads["order"]
  readonly reach: NonNullable<Outbox["reach"]>
  /** The time of day, which decides where windows end. */
  readonly now: () => number
  /** A value that no other feeder uses. */
  readonly nextFeeder: () => string
}

/** How often the feeder looks whether all is in, and vouches for it. */
const lookMillis = 200
/** The most products of one put, and of one page of the store. */
const mostPut = 500
/** How often a step is tried before the ranking counts as lost. */
const mostTries = 3
const pauseMillis = 100
/** How long to wait before it is filled again, doubling. */
const refillMillis = 1_000
const longestRefillMillis = 30_000

/** The work of the name: one feeder a lease. */
export const feedsRanking =
  (feed: RankingFeed): Work =>
  (inFlight, fibers) =>
    Effect.gen(function* () {
      const feeder = new Feeder(feed, inFlight.lease, yield* Semaphore.make(1))
      yield* FiberSet.run(fibers, feeder.tend)
      return yield* inBatches({ publish: feeder.take })(inFlight, fibers)
    })

/** The ranking has lost something, or another feeder fills it. */
interface Gone {
  readonly _tag: "Gone"
}

const gone: Effect.Effect<never, Gone> = Effect.fail({ _tag: "Gone" })

/** Why a feeder fills the ranking anew, if it still has the lease. */
type Lost = Gone | LeaseLost | StoreFault

class Feeder {
  readonly #feed: RankingFeed
  readonly #lease: Lease
  /** One thing at a time: what is read first is put first. */
  readonly #turn: Semaphore.Semaphore
  readonly #keptHours: number
  #feeder = ""
  #number = 0
  #taken = 0
  #until = 0
  #isFilled = false
  /** What stood last when the moment was marked: once it is handled, everything is in that was committed before. */
  #goal: Position | undefined
  #failures = 0
  #refillAt = Number.NEGATIVE_INFINITY

  constructor(feed: RankingFeed, lease: Lease, turn: Semaphore.Semaphore) {
    this.#feed = feed
    this.#lease = lease
    this.#turn = turn
    this.#keptHours = 24 * Math.max(...feed.ranking.guarantees.days)
  }

  /** Puts what a batch of events has changed. Never fails: where it cannot, the ranking is filled anew. */
  readonly take = (events: ReadonlyArray<Event>): Effect.Effect<void> =>
    this.#inTurn(Effect.suspend(() => (this.#isFilled ? this.#putAll(events) : Effect.void)))

  /** Fills the ranking, keeps its windows at the present hour and vouches for it, for ever. */
  get tend(): Effect.Effect<never> {
    const look = Effect.suspend(() =>
      this.#isFilled ? Effect.andThen(this.#rollTo(hourOf(this.#feed.now()) + 1), this.#vouch) : this.#fill,
    )
    return Effect.forever(Effect.andThen(this.#inTurn(look), Effect.sleep(lookMillis)))
  }

  #inTurn(work: Effect.Effect<void, Lost>): Effect.Effect<void> {
    const lost = Effect.flatMap(elapsedMillis, (now) =>
      Effect.sync(() => {
        this.#isFilled = false
        this.#refillAt = now + Math.min(longestRefillMillis, refillMillis * 2 ** this.#failures)
        this.#failures += 1
      }),
    )
    return this.#turn.withPermits(1)(Effect.catchCause(work, () => lost))
  }

  readonly #fill: Effect.Effect<void, Lost> = Effect.gen({ self: this }, function* () {
    const { ranking, now, nextFeeder, reach } = this.#feed
    if ((yield* elapsedMillis) < this.#refillAt) return
    // Whoever cannot ask the store, or has the lease no longer, would empty what another feeder has filled.
    yield* reach(this.#lease, undefined)
    this.#feeder = nextFeeder()
    this.#number = 0
    this.#taken = 0
    this.#goal = undefined
    this.#until = hourOf(now()) + 1
    yield* Effect.catch(ranking.begin(this.#feeder, this.#until), () => gone)
    for (let hour = this.#until - this.#keptHours; hour < this.#until; hour++) yield* this.#putHour(hour)
    this.#isFilled = true
    this.#failures = 0
    yield* this.#vouch
  })

  // However fast events come: what was committed before the mark stands at the goal or before it, and is handled soon.
  readonly #vouch: Effect.Effect<void, Lost> = Effect.gen({ self: this }, function* () {
    const { ranking, reach } = this.#feed
    if (this.#goal !== undefined) {
      const { isPast } = yield* reach(this.#lease, this.#goal)
      if (!isPast) return
      this.#goal = undefined
      yield* this.#step(ranking.vouch)
    }
    yield* this.#step(ranking.mark)
    const { last } = yield* reach(this.#lease, undefined)
    this.#goal = last
    if (last === undefined) yield* this.#step(ranking.vouch)
  })

  #putHour = Effect.fnUntraced({ self: this }, function* (hour: number) {
    for (let after: ProductId | undefined; ; ) {
      const page: ReadonlyArray<ProductSales> = yield* this.#feed.soldIn(hour, after, mostPut)
      if (page.length > 0) yield* this.#step((step) => this.#feed.ranking.put(step, hour, page))
      if (page.length < mostPut) return
      after = page.at(-1)?.productId
    }
  })

  #putAll = Effect.fnUntraced({ self: this }, function* (events: ReadonlyArray<Event>) {
    for (const [hour, products] of yield* this.#changedBy(events)) {
      // Sold by a clock that is hours ahead: in nobody's window yet, and read when the windows come to it.
      if (hour >= this.#until && hour > hourOf(this.#feed.now()) + 1) continue
      yield* this.#rollTo(hour + 1)
      const ids = Array.from(products)
      for (let from = 0; from < ids.length; from += mostPut) {
        const sales = yield* this.#feed.soldOf(hour, ids.slice(from, from + mostPut))
        yield* this.#step((step) => this.#feed.ranking.put(step, hour, sales))
      }
    }
  })

  /** The products whose buckets events have changed, by hour. */
  #changedBy = Effect.fnUntraced({ self: this }, function* (events: ReadonlyArray<Event>) {
    const changed = new Map<number, Set<ProductId>>()
    const changes = (at: number, productIds: ReadonlyArray<ProductId>): void => {
      const products = changed.get(hourOf(at)) ?? new Set()
      for (const productId of productIds) products.add(productId)
      changed.set(hourOf(at), products)
    }
    for (const { type, data, occurredAt, aggregate } of events) {
      if (type === "orders.placed") changes(occurredAt, productsIn(data))
      if (type !== "orders.cancelled") continue
      // A cancel counts where its order did.
      const order = yield* this.#feed.order(OrderId.make(aggregate.id))
      if (order !== undefined)
        changes(
          order.placedAt,
          order.lines.map(({ productId }) => productId),
        )
    }
    return Array.from(changed).sort(([left], [right]) => left - right)
  })

  #rollTo(until: number): Effect.Effect<void, Lost> {
    return Effect.gen({ self: this }, function* () {
      if (until - this.#until > this.#keptHours) return yield* gone
      while (this.#until < until) {
        const hour = this.#until
        yield* this.#step((step) => this.#feed.ranking.roll(step, hour + 1))
        this.#until = hour + 1
        // Something may have been sold in it by a clock that is ahead, and its event handled when it was in no window.
        yield* this.#putHour(hour)
      }
    })
  }

  /** One step: repeated after a fault, because it may have happened or not, and given up where it is refused. */
  #step = Effect.fnUntraced(
    { self: this },
    function* (run: (step: FeederStep) => Effect.Effect<boolean, CacheFault>): Effect.fn.Return<void, Gone> {
      for (let tries = 1; tries <= mostTries; tries++) {
        const number = ++this.#number
        const taken = yield* Effect.result(run({ feeder: this.#feeder, number, after: this.#taken }))
        if (taken._tag === "Success") {
          if (!taken.success) return yield* gone
          this.#taken = number
          return
        }
        yield* Effect.sleep(pauseMillis * tries)
      }
      return yield* gone
    },
  )
}

const productsIn = ({ lines }: EventData): ReadonlyArray<ProductId> =>
  Array.isArray(lines)
    ? lines.flatMap((line: unknown) =>
        typeof line === "object" && line !== null && "productId" in line && typeof line.productId === "string"
          ? [ProductId.make(line.productId)]
          : [],
      )
    : []
