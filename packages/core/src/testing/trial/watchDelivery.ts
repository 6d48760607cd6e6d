/**
 * The subscriptions of a trial: every process serves the same durable names with the core's own delivery, and whatever
 * its loops ask of the outbox and its handlers are given is written down.
 */
import { Clock, Effect, Fiber, type Scope } from "effect"
import { makeInProcessBus } from "../../delivery/InProcessBus.ts"
import { makeSubscriptions } from "../../delivery/Subscriptions.ts"
import { elapsedMillisOf } from "../../elapsed.ts"
import type { Event } from "../../events/Event.ts"
import { type EventBus, keyText, type Lease, type Outbox, type StoreFault, type StoreShape } from "../../ports/index.ts"
import { SubscriptionName } from "../../values.ts"
import { JumpingClock } from "../sim/JumpingClock.ts"
import { Consumer } from "./Consumer.ts"
import { faultyBus } from "./faultyBus.ts"
import { looks } from "./looks.ts"
import type { DeliveryPlan } from "./Plan.ts"
import { type Outside, runOutside } from "./Process.ts"
import type { Tampering } from "./Tampering.ts"
import type { DeliveryRecord, Handling, Holding, Publication, Settlement } from "./Trial.ts"

/** How often an event is tried before it is parked. */
const attempts = 3
const backoff = { baseMillis: 20, maxMillis: 80 }
/** How often a process looks for what others committed. */
const pollMillis = 40
/** For how many lengths of a lease nothing may move before it counts as waiting for ever. */
const stillLeases = 50

export interface DeliveringOptions {
  readonly plan: DeliveryPlan
  readonly store: StoreShape
  readonly prefix: string
  readonly tampering: Tampering | undefined
  readonly outside: Outside
  /** The next position in the trial's one order of events. */
  readonly next: () => number
  readonly met: (fault: string) => void
}

export class Delivering {
  readonly #options: DeliveringOptions
  readonly #bus: EventBus["Service"]
  readonly #consumer: Consumer
  readonly #now: () => number
  readonly #names: ReadonlyArray<SubscriptionName>
  readonly #relay: SubscriptionName | undefined
  readonly #handlings: Array<Handling> = []
  readonly #settlements: Array<Settlement> = []
  readonly #leases: Array<Holding> = []
  readonly #releases: Array<DeliveryRecord["releases"][number]> = []
  readonly #claims: Array<DeliveryRecord["claims"][number]> = []
  readonly #publications: Array<Publication> = []
  /** What a name begins, in order. */
  readonly #begun = new Map<string, Array<string>>()
  readonly #keys = new Map<string, string>()
  readonly #waiting = new Map<string, number>()
  #parked: DeliveryRecord["parked"] = []
  #redeliveredAt: number | undefined
  #processes = 0
  /** Whether handlers may still end their process, and how many did. */
  #mayEnd = true
  #ended = 0

  constructor(options: DeliveringOptions, bus: EventBus["Service"], consumer: Consumer, now: () => number) {
    const { plan, prefix } = options
    this.#options = options
    this.#bus = bus
    this.#consumer = consumer
    this.#now = now
    this.#relay = plan.relay ? SubscriptionName.make(`${prefix}-relay`) : undefined
    const names = plan.names.map((name) => SubscriptionName.make(`${prefix}-${name}`))
    this.#names = this.#relay === undefined ? names : [...names, this.#relay]
  }

  /** Makes every name exist, so that it gets every event of the trial. */
  get register(): Effect.Effect<void, StoreFault> {
    return Effect.forEach(this.#names, (name) => this.#options.store.outbox.register(name), { discard: true })
  }

  /**
   * Serves every name in the process that runs this, until the scope closes. `end` ends that process. Each process has a
   * clock of its own.
   */
  serve(outbox: Outbox, changed: Effect.Effect<void>, end: () => void): Effect.Effect<void, StoreFault, Scope.Scope> {
    return Effect.flatMap(Clock.Clock, (clock) => {
      const process = this.#processes++
      const own = new JumpingClock(clock)
      own.jump(process * this.#options.plan.apartMillis)
      return Effect.provideService(this.#serve(process, outbox, changed, end), Clock.Clock, own)
    })
  }

  #serve(
    process: number,
    outbox: Outbox,
    changed: Effect.Effect<void>,
    end: () => void,
  ): Effect.Effect<void, StoreFault, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { plan, prefix, tampering } = this.#options
      const owner = `${prefix}-process-${process}`
      const subscriptions = yield* makeSubscriptions({
        outbox: this.#watched(outbox, owner),
        owner,
        changed,
        pollMillis,
        onError: () => Effect.void,
        around: tampering?.work,
      })
      const { leaseMillis, limit } = plan
      const pace = { leaseMillis, limit, attempts, backoff }
      for (const name of this.#names) {
        const serving =
          name === this.#relay
            ? subscriptions.relay(this.#watchedBus, { ...pace, name, batch: limit })
            : subscriptions.subscribe(name, (event, { fence }) => this.#handle(name, owner, fence, event, end), pace)
        yield* Effect.catchTag(serving, "AlreadySubscribed", () => Effect.void)
      }
    })
  }

  /**
   * Waits until every process that the plan ends in a handler has ended there, so that on no store it depends on chance
   * whether one does. `revive` brings back those that have ended. Afterwards handlers end none.
   */
  endings(revive: Effect.Effect<void>): Effect.Effect<void> {
    const planned = this.#options.plan.handlers.filter(({ ends }) => ends === true).length
    const look = Effect.map(revive, () => ({
      isDone: this.#ended >= planned,
      seen: `${this.#ended} ${this.#handlings.length}`,
    }))
    return Effect.andThen(
      looks(look, this.#stillMillis),
      Effect.sync(() => {
        this.#mayEnd = false
      }),
    )
  }

  /** Waits until nothing waits any more, then asks for what was parked once more and waits again. Bounded. */
  get drain(): Effect.Effect<void, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const { outbox } = this.#options.store
      yield* this.#settled
      const parked = yield* Effect.forEach(this.#names, (name) =>
        Effect.map(outbox.parked(name, undefined, 1_000), (all) => all.map((each) => ({ name, ...each }))),
      )
      this.#parked = parked.flat().map(({ name, event, reason }) => ({ name, eventId: event.id, reason }))
      if (this.#parked.length > 0) {
        this.#redeliveredAt = this.#options.next()
        for (const { name, position } of parked.flat()) yield* outbox.unpark(name, position)
        yield* this.#settled
      }
      for (const name of this.#names) {
        const { waiting } = yield* outbox.depth(name)
        if (waiting > 0) this.#waiting.set(name, waiting)
      }
      yield* this.#heard
    })
  }

  get unregister(): Effect.Effect<void, StoreFault> {
    return Effect.forEach(this.#names, (name) => this.#options.store.outbox.unregister(name), { discard: true })
  }

  get record(): DeliveryRecord {
    return {
      names: this.#names,
      relay: this.#relay,
      attempts,
      handlings: this.#handlings,
      settlements: this.#settlements,
      leases: this.#leases,
      releases: this.#releases,
      claims: this.#claims,
      publications: this.#publications,
      parked: this.#parked,
      redeliveredAt: this.#redeliveredAt,
      waiting: this.#waiting,
      counted: this.#consumer.counted,
    }
  }

  get #settled(): Effect.Effect<void, StoreFault> {
    const { outbox } = this.#options.store
    const look = Effect.map(
      Effect.forEach(this.#names, (name) => outbox.depth(name)),
      (depths) => ({
        isDone: depths.every(({ waiting }) => waiting === 0),
        seen: depths.map(({ waiting }) => waiting).join(),
      }),
    )
    return looks(look, this.#stillMillis)
  }

  get #stillMillis(): number {
    return stillLeases * this.#options.plan.leaseMillis
  }

  /** Waits until the consumer has heard of everything that the bus took. */
  get #heard(): Effect.Effect<void> {
    const look = Effect.sync(() => {
      const unheard = this.#publications.filter(
        ({ taken, eventIds }) => taken && !eventIds.every((id) => this.#consumer.has(id)),
      ).length
      return { isDone: unheard === 0, seen: `${unheard}` }
    })
    return looks(look, this.#stillMillis)
  }

  #handle(
    name: SubscriptionName,
    owner: string,
    fence: number,
    event: Event,
    end: () => void,
  ): Effect.Effect<void, string> {
    return Effect.gen({ self: this }, function* () {
      const begun = this.#begun.get(name) ?? []
      this.#begun.set(name, begun)
      if (!begun.includes(event.id)) begun.push(event.id)
      const number = begun.indexOf(event.id) + 1
      const { plan, next, prefix, met } = this.#options
      const fault = plan.handlers.find((each) => `${prefix}-${each.name}` === name && each.event === number)
      const earlier = this.#handlings.filter((each) => each.name === name && each.eventId === event.id)
      const handling: Handling = {
        name,
        owner,
        eventId: event.id,
        key: this.#keys.get(event.id) ?? event.key,
        fence,
        start: next(),
        startMillis: this.#now(),
        end: undefined,
        ended: undefined,
      }
      this.#handlings.push(handling)
      if (fault?.ends === true && earlier.length === 0 && this.#mayEnd) {
        this.#ended++
        met("crash-in-handler")
        end()
        return yield* Effect.never
      }
      yield* fault === undefined || fault.millis === 0 ? Effect.yieldNow : Effect.sleep(fault.millis)
      // What is asked for once more after it was parked has been repaired.
      const fails = this.#redeliveredAt === undefined && earlier.length < (fault?.fails ?? 0)
      handling.end = next()
      handling.ended = fails ? "failed" : "handled"
      if (!fails) return
      met("handler-failed")
      return yield* Effect.fail(refusalOf(event.id))
    })
  }

  get #watchedBus(): EventBus["Service"] {
    const { next, outside } = this.#options
    return {
      subscribe: this.#bus.subscribe,
      publish: (events) =>
        Effect.suspend(() => {
          const start = next()
          // The bus is another machine: what was sent arrives, whatever becomes of the sender.
          const sent = Effect.onExit(this.#bus.publish(events), (exit) =>
            Effect.sync(() => {
              const eventIds = events.map(({ id }) => id)
              this.#publications.push({ eventIds, start, end: next(), taken: exit._tag === "Success" })
            }),
          )
          return Fiber.join(runOutside(outside, sent))
        }),
    }
  }

  /** The outbox as one process sees it, and what it asks. */
  #watched(outbox: Outbox, owner: string): Outbox {
    const { next } = this.#options
    const events = new Map<string, string>()
    const settling = <E>(settlements: ReadonlyArray<Settlement>, call: Effect.Effect<void, E>) =>
      Effect.suspend(() => {
        this.#settlements.push(...settlements)
        return Effect.tap(call, () =>
          Effect.sync(() => {
            const end = next()
            for (const settlement of settlements) settlement.end = end
          }),
        )
      })
    const holding = <A, E>(
      asked: Effect.Effect<A, E>,
      leaseMillis: number,
      fresh: boolean,
      of: (answer: A) => Lease | undefined,
    ) =>
      Effect.suspend(() => {
        const [askedAt, askedMillis] = [next(), this.#now()]
        return Effect.tap(asked, (answer) =>
          Effect.sync(() => {
            const lease = of(answer)
            if (lease === undefined) return
            const [at, atMillis] = [next(), this.#now()]
            const times = {
              askedAt,
              at,
              atMillis,
              certainUntil: askedMillis + leaseMillis,
              until: atMillis + leaseMillis,
            }
            this.#leases.push({ name: lease.name, owner, fence: lease.fence, fresh, ...times })
          }),
        )
      })
    return {
      ...outbox,
      lease: (name, asking, leaseMillis) =>
        holding(outbox.lease(name, asking, leaseMillis), leaseMillis, true, (lease) => lease),
      renew: (lease, leaseMillis) => holding(outbox.renew(lease, leaseMillis), leaseMillis, false, () => lease),
      release: (lease) =>
        Effect.suspend(() => {
          this.#releases.push({ name: lease.name, fence: lease.fence, at: next() })
          return outbox.release(lease)
        }),
      claim: (lease, after, limit) =>
        Effect.tap(outbox.claim(lease, after, limit), (claimed) =>
          Effect.sync(() => {
            // To look and find nothing is not to get on.
            if (claimed.length === 0) return
            const at = next()
            for (const { position, event } of claimed) {
              events.set(keyText(position), event.id)
              if (!this.#keys.has(event.id)) this.#keys.set(event.id, event.key)
              this.#claims.push({ name: lease.name, owner, at, eventId: event.id })
            }
          }),
        ),
      acknowledge: (lease, positions) => {
        const start = next()
        const settlements = positions.map((position): Settlement => {
          const eventId = events.get(keyText(position)) ?? "unknown"
          return { name: lease.name, owner, fence: lease.fence, eventId, reason: undefined, start, end: undefined }
        })
        return settling(settlements, outbox.acknowledge(lease, positions))
      },
      park: (lease, position, reason, now) => {
        const eventId = events.get(keyText(position)) ?? "unknown"
        const { name, fence } = lease
        const settlement: Settlement = { name, owner, fence, eventId, reason, start: next(), end: undefined }
        return settling([settlement], outbox.park(lease, position, reason, now))
      },
    }
  }
}

/** What a handler that fails says. */
export const refusalOf = (eventId: string): string => `${eventId} is not understood`

/** The subscriptions of one trial, with the bus that outlives its processes. */
export const makeDelivering = Effect.fnUntraced(function* (
  options: DeliveringOptions,
): Effect.fn.Return<Delivering, StoreFault, Scope.Scope> {
  const clock = yield* Clock.Clock
  const bus = yield* makeInProcessBus({ batch: 3, backoff })
  const consumer = new Consumer(options.tampering?.forgetfulConsumer !== true)
  if (options.plan.relay) {
    const listening = bus.subscribe(SubscriptionName.make(`${options.prefix}-counts`), (events) =>
      Effect.sync(() => {
        for (const event of events) consumer.hear(event)
      }),
    )
    // A bus of its own has no other subscriber of this name.
    yield* Effect.orDie(listening)
  }
  const faulty = faultyBus(bus, options.plan.bus, options.met)
  const delivering = new Delivering(options, faulty, consumer, () => elapsedMillisOf(clock))
  yield* delivering.register
  return delivering
})
