/**
 * The subscriptions of a trial: every process serves the same durable names with the core's own delivery, and whatever
 * its loops ask of the outbox and its handlers are given is written down.
 */
import { Clock, Effect, Fiber, type Scope } from "effect"
import { makeInProcessBus } from "../../delivery/InProcessBus.ts"
import { makeSubscriptions } from "../../delivery/Subscriptions.ts"
import type { Event } from "../../events/Event.ts"
import type { EventBus } from "../../ports/EventBus.ts"
import { keyText, type Outbox, type StoreFault, type StoreShape } from "../../ports/Store.ts"
import { SubscriptionName } from "../../values.ts"
import { Consumer } from "./Consumer.ts"
import { faultyBus } from "./faultyBus.ts"
import type { DeliveryPlan } from "./Plan.ts"
import { type Outside, runOutside } from "./Process.ts"
import type { Tampering } from "./Tampering.ts"
import type { DeliveryRecord, Handling, Publication, Settlement } from "./Trial.ts"

/** How often an event is tried before it is parked. */
const attempts = 3
const backoff = { baseMillis: 20, maxMillis: 80 }
/** How often a process looks for what others committed. */
const pollMillis = 40
/** The longest pause between two looks at whether all has settled, and how many looks are taken. */
const longestLook = 100
const mostLooks = 150

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
  readonly #leases: Array<DeliveryRecord["leases"][number]> = []
  readonly #claims: Array<DeliveryRecord["claims"][number]> = []
  readonly #publications: Array<Publication> = []
  /** What a name begins, in order. */
  readonly #begun = new Map<string, Array<string>>()
  readonly #keys = new Map<string, string>()
  readonly #waiting = new Map<string, number>()
  #parked: DeliveryRecord["parked"] = []
  #redeliveredAt: number | undefined
  #processes = 0

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

  /** Serves every name in the process that runs this, until the scope closes. */
  serve(outbox: Outbox, changed: Effect.Effect<void>): Effect.Effect<void, StoreFault, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { plan, prefix, tampering } = this.#options
      const owner = `${prefix}-process-${this.#processes++}`
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
            : subscriptions.subscribe(name, (event) => this.#handle(name, owner, event), pace)
        yield* Effect.catchTag(serving, "AlreadySubscribed", () => Effect.void)
      }
    })
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
    return looks(
      Effect.map(
        Effect.forEach(this.#names, (name) => outbox.depth(name)),
        (depths) => depths.every(({ waiting }) => waiting === 0),
      ),
    )
  }

  /** Waits until the consumer has heard of everything that the bus took. */
  get #heard(): Effect.Effect<void> {
    return looks(
      Effect.sync(() =>
        this.#publications.every(({ taken, eventIds }) => !taken || eventIds.every((id) => this.#consumer.has(id))),
      ),
    )
  }

  #handle(name: SubscriptionName, owner: string, event: Event): Effect.Effect<void, string> {
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
        start: next(),
        startMillis: this.#now(),
        end: undefined,
        ended: undefined,
      }
      this.#handlings.push(handling)
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
    const settling = (settlements: ReadonlyArray<Settlement>, call: Effect.Effect<void, StoreFault>) =>
      Effect.suspend(() => {
        this.#settlements.push(...settlements)
        return Effect.tap(call, () =>
          Effect.sync(() => {
            const end = next()
            for (const settlement of settlements) settlement.end = end
          }),
        )
      })
    return {
      ...outbox,
      lease: (lease, now, leaseMillis) =>
        Effect.tap(outbox.lease(lease, now, leaseMillis), (granted) =>
          Effect.sync(() => {
            if (granted) this.#leases.push({ name: lease.name, owner, at: next(), until: now + leaseMillis })
          }),
        ),
      claim: (lease, after, limit) =>
        Effect.tap(outbox.claim(lease, after, limit), (claimed) =>
          Effect.sync(() => {
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
          return { name: lease.name, owner, eventId, reason: undefined, start, end: undefined }
        })
        return settling(settlements, outbox.acknowledge(lease, positions))
      },
      park: (lease, position, reason, now) => {
        const eventId = events.get(keyText(position)) ?? "unknown"
        const settlement: Settlement = { name: lease.name, owner, eventId, reason, start: next(), end: undefined }
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
  const delivering = new Delivering(options, faulty, consumer, () => clock.currentTimeMillisUnsafe())
  yield* delivering.register
  return delivering
})

/** Looks again and again, ever more rarely, until it is so or has not been for long. */
const looks = <E>(isSo: Effect.Effect<boolean, E>): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    for (let look = 1; look <= mostLooks; look++) {
      if (yield* isSo) return
      yield* Effect.sleep(Math.min(longestLook, 5 * look))
    }
  })
