/**
 * The outbox in memory: events are kept while at least one registered subscription has not acknowledged them.
 *
 * Without subscriptions nothing is kept. With one that lags or never comes back the outbox grows without bound, on
 * purpose: dropping an event would break the promise that each reaches every subscription. `depth` shows it growing,
 * and `unregister` ends it.
 */
import { Clock, Effect } from "effect"
import type { Event } from "../events/Event.ts"
import {
  type Claimed,
  type ClaimLimit,
  type Depth,
  type Lease,
  type LeaseLost,
  leaseLost,
  type Outbox,
  type Parked,
  type Position,
  type Reach,
} from "../ports/index.ts"
import type { SubscriptionName } from "../values.ts"
import { EventLog } from "./EventLog.ts"
import { lowerBound } from "./Sorted.ts"
import type { Step } from "./step.ts"

interface Subscription {
  /** Every position before this one is settled: acknowledged or parked. */
  settledUntil: number
  /** Settled positions after it. Only as many as are in flight at once. */
  readonly settledBeyond: Set<number>
  /** By position. */
  readonly parked: Array<Parked>
  /** The newest lease, and when others may have the name: milliseconds of the store's own clock. */
  held: { readonly lease: Lease; until: number } | undefined
}

export class MemoryOutbox {
  readonly #log = new EventLog()
  readonly #subscriptions = new Map<SubscriptionName, Subscription>()
  /** One count for all names: it grows even for a name that was forgotten in between. */
  #fence = 0

  append(events: ReadonlyArray<Event>): void {
    if (this.#subscriptions.size === 0) return
    for (const event of events) this.#log.append(event)
  }

  register(name: SubscriptionName): void {
    if (this.#subscriptions.has(name)) return
    this.#subscriptions.set(name, {
      settledUntil: this.#log.next,
      settledBeyond: new Set(),
      parked: [],
      held: undefined,
    })
  }

  unregister(name: SubscriptionName): void {
    if (this.#subscriptions.delete(name)) this.#trim()
  }

  lease(name: SubscriptionName, owner: string, now: number, leaseMillis: number): Lease | undefined {
    const subscription = this.#subscriptions.get(name)
    if (subscription === undefined) return undefined
    const { held } = subscription
    if (held !== undefined && held.lease.owner !== owner && now < held.until) return undefined
    const lease: Lease = { name, owner, fence: ++this.#fence }
    subscription.held = { lease, until: now + leaseMillis }
    return lease
  }

  renew(lease: Lease, now: number, leaseMillis: number): LeaseLost | undefined {
    const { held } = this.#heldBy(lease) ?? {}
    if (held === undefined) return leaseLost(lease)
    held.until = now + leaseMillis
    return undefined
  }

  release(lease: Lease): void {
    const subscription = this.#heldBy(lease)
    if (subscription !== undefined) subscription.held = undefined
  }

  claim(lease: Lease, after: Position | undefined, { events }: ClaimLimit): ReadonlyArray<Claimed> | LeaseLost {
    const subscription = this.#heldBy(lease)
    if (subscription === undefined) return leaseLost(lease)
    const { settledUntil, settledBeyond } = subscription
    const claimed: Array<Claimed> = []
    const from = after === undefined ? settledUntil : Math.max(settledUntil, numberOf(after) + 1)
    for (let position = from; position < this.#log.next && claimed.length < events; position++) {
      const event = settledBeyond.has(position) ? undefined : this.#log.at(position)
      if (event !== undefined) claimed.push({ position: [position], event })
    }
    return claimed
  }

  reread(lease: Lease, positions: ReadonlyArray<Position>): ReadonlyArray<Claimed> | LeaseLost {
    const subscription = this.#heldBy(lease)
    if (subscription === undefined) return leaseLost(lease)
    return positions.flatMap((position) => {
      const number = numberOf(position)
      const event = isSettled(subscription, number) ? undefined : this.#log.at(number)
      return event === undefined ? [] : [{ position, event }]
    })
  }

  acknowledge(lease: Lease, positions: ReadonlyArray<Position>): LeaseLost | undefined {
    const subscription = this.#heldBy(lease)
    if (subscription === undefined) return leaseLost(lease)
    for (const position of positions) this.#settle(subscription, numberOf(position))
    this.#trim()
    return undefined
  }

  park(lease: Lease, position: Position, reason: string, now: number): LeaseLost | undefined {
    const subscription = this.#heldBy(lease)
    if (subscription === undefined) return leaseLost(lease)
    const number = numberOf(position)
    const event = isSettled(subscription, number) ? undefined : this.#log.at(number)
    if (event === undefined) return undefined
    const { parked } = subscription
    parked.splice(indexFrom(parked, number), 0, { position: [number], event, reason, parkedAt: now })
    this.#settle(subscription, number)
    this.#trim()
    return undefined
  }

  parked(name: SubscriptionName, after: Position | undefined, limit: number): ReadonlyArray<Parked> {
    const parked = this.#subscriptions.get(name)?.parked ?? []
    const from = after === undefined ? 0 : indexFrom(parked, numberOf(after) + 1)
    return parked.slice(from, from + limit)
  }

  /**
   * The event waits again under a new position, after all others: its owner has claimed past the old one and would not
   * see it there. To the other subscriptions the new position is settled.
   */
  unpark(name: SubscriptionName, position: Position): boolean {
    const subscription = this.#subscriptions.get(name)
    const number = numberOf(position)
    const index = indexFrom(subscription?.parked ?? [], number)
    const parked = subscription?.parked[index]
    if (parked === undefined || numberOf(parked.position) !== number) return false
    subscription?.parked.splice(index, 1)
    const again = this.#log.next
    this.#log.append(parked.event)
    for (const other of this.#subscriptions.values()) {
      if (other !== subscription) this.#settle(other, again)
    }
    return true
  }

  depth(name: SubscriptionName): Depth {
    const subscription = this.#subscriptions.get(name)
    if (subscription === undefined) return { waiting: 0, parked: 0, oldestAt: undefined }
    const { settledUntil, settledBeyond, parked } = subscription
    return {
      waiting: this.#log.next - settledUntil - settledBeyond.size,
      parked: parked.length,
      oldestAt: this.#log.at(settledUntil)?.occurredAt,
    }
  }

  reach(lease: Lease, asked: Position | undefined): Reach | LeaseLost {
    const subscription = this.#heldBy(lease)
    if (subscription === undefined) return leaseLost(lease)
    const { settledUntil, settledBeyond } = subscription
    let last = this.#log.next - 1
    while (last >= settledUntil && settledBeyond.has(last)) last -= 1
    return {
      last: last >= settledUntil ? [last] : undefined,
      isPast: asked === undefined || numberOf(asked) < settledUntil,
    }
  }

  #heldBy({ name, fence }: Lease): Subscription | undefined {
    const subscription = this.#subscriptions.get(name)
    return subscription?.held?.lease.fence === fence ? subscription : undefined
  }

  #settle(subscription: Subscription, position: number): void {
    if (isSettled(subscription, position) || this.#log.at(position) === undefined) return
    const { settledBeyond } = subscription
    settledBeyond.add(position)
    while (settledBeyond.delete(subscription.settledUntil)) subscription.settledUntil += 1
  }

  #trim(): void {
    let until = this.#log.next
    for (const { settledUntil } of this.#subscriptions.values()) until = Math.min(until, settledUntil)
    this.#log.trim(until)
  }
}

/** The calls of an outbox, each in one step. */
export type OutboxSteps = Pick<MemoryOutbox, keyof Outbox>

/** The port over an outbox: each call is one step. Leases are timed by a clock that only runs forward. */
export const outboxOf = (outbox: OutboxSteps, step: Step): Outbox => ({
  register: (name) => step(() => outbox.register(name)),
  unregister: (name) => step(() => outbox.unregister(name)),
  lease: (name, owner, leaseMillis) => timed((now) => step(() => outbox.lease(name, owner, now(), leaseMillis))),
  renew: (lease, leaseMillis) => orLost(timed((now) => step(() => outbox.renew(lease, now(), leaseMillis)))),
  release: (lease) => step(() => outbox.release(lease)),
  claim: (lease, after, limit) => orLost(step(() => outbox.claim(lease, after, limit))),
  reread: (lease, positions) => orLost(step(() => outbox.reread(lease, positions))),
  acknowledge: (lease, positions) => orLost(step(() => outbox.acknowledge(lease, positions))),
  park: (lease, position, reason, now) => orLost(step(() => outbox.park(lease, position, reason, now))),
  parked: (name, after, limit) => step(() => outbox.parked(name, after, limit)),
  unpark: (name, position) => step(() => outbox.unpark(name, position)),
  depth: (name) => step(() => outbox.depth(name)),
  reach: (lease, asked) => orLost(step(() => outbox.reach(lease, asked))),
})

const timed = <A>(run: (now: () => number) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.flatMap(Clock.Clock, (clock) => run(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)))

const orLost = <A>(asked: Effect.Effect<A | LeaseLost>): Effect.Effect<A, LeaseLost> =>
  Effect.flatMap(asked, (answer) => (isLost(answer) ? Effect.fail(answer) : Effect.succeed(answer)))

const isLost = (answer: unknown): answer is LeaseLost =>
  typeof answer === "object" && answer !== null && "_tag" in answer && answer._tag === "LeaseLost"

const isSettled = ({ settledUntil, settledBeyond }: Subscription, position: number): boolean =>
  position < settledUntil || settledBeyond.has(position)

const indexFrom = (parked: ReadonlyArray<Parked>, position: number): number =>
  lowerBound(parked, (each) => numberOf(each.position) < position)

/** A position that is not ours is after everything: nothing is claimed or settled by it. */
const numberOf = ([position]: Position): number => (typeof position === "number" ? position : Number.POSITIVE_INFINITY)
