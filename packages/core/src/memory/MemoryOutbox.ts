/**
 * The outbox in memory: events are kept while at least one registered subscription has not acknowledged them.
 *
 * Without subscriptions nothing is kept. With one that lags or never comes back the outbox grows without bound, on
 * purpose: dropping an event would break the promise that each reaches every subscription. `depth` shows it growing,
 * and `unregister` ends it.
 */
import type { Event } from "../events/Event.ts"
import type { Claimed, Depth, Lease, Outbox, Parked, Position } from "../ports/Store.ts"
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
  lease: { readonly owner: string; readonly until: number } | undefined
}

export class MemoryOutbox {
  readonly #log = new EventLog()
  readonly #subscriptions = new Map<SubscriptionName, Subscription>()

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
      lease: undefined,
    })
  }

  unregister(name: SubscriptionName): void {
    if (this.#subscriptions.delete(name)) this.#trim()
  }

  lease({ name, owner }: Lease, now: number, leaseMillis: number): boolean {
    const subscription = this.#subscriptions.get(name)
    if (subscription === undefined) return false
    const { lease } = subscription
    if (lease !== undefined && lease.owner !== owner && now < lease.until) return false
    subscription.lease = { owner, until: now + leaseMillis }
    return true
  }

  release(lease: Lease): void {
    const held = this.#held(lease)
    if (held !== undefined) held.lease = undefined
  }

  claim(lease: Lease, after: Position | undefined, limit: number): ReadonlyArray<Claimed> {
    const held = this.#held(lease)
    const claimed: Array<Claimed> = []
    if (held === undefined) return claimed
    const from = after === undefined ? held.settledUntil : Math.max(held.settledUntil, numberOf(after) + 1)
    for (let position = from; position < this.#log.next && claimed.length < limit; position++) {
      const event = held.settledBeyond.has(position) ? undefined : this.#log.at(position)
      if (event !== undefined) claimed.push({ position: [position], event })
    }
    return claimed
  }

  acknowledge(lease: Lease, positions: ReadonlyArray<Position>): void {
    const held = this.#held(lease)
    if (held === undefined) return
    for (const position of positions) this.#settle(held, numberOf(position))
    this.#trim()
  }

  park(lease: Lease, position: Position, reason: string, now: number): void {
    const held = this.#held(lease)
    const number = numberOf(position)
    const event = held === undefined || isSettled(held, number) ? undefined : this.#log.at(number)
    if (held === undefined || event === undefined) return
    held.parked.splice(indexFrom(held.parked, number), 0, { position: [number], event, reason, parkedAt: now })
    this.#settle(held, number)
    this.#trim()
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
  unpark(name: SubscriptionName, position: Position): void {
    const subscription = this.#subscriptions.get(name)
    const number = numberOf(position)
    const index = indexFrom(subscription?.parked ?? [], number)
    const parked = subscription?.parked[index]
    if (parked === undefined || numberOf(parked.position) !== number) return
    subscription?.parked.splice(index, 1)
    const again = this.#log.next
    this.#log.append(parked.event)
    for (const other of this.#subscriptions.values()) {
      if (other !== subscription) this.#settle(other, again)
    }
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

  #held({ name, owner }: Lease): Subscription | undefined {
    const subscription = this.#subscriptions.get(name)
    return subscription?.lease?.owner === owner ? subscription : undefined
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

/** The port over an outbox: each call is one step. */
export const outboxOf = (outbox: MemoryOutbox, step: Step): Outbox => ({
  register: (name) => step(() => outbox.register(name)),
  unregister: (name) => step(() => outbox.unregister(name)),
  lease: (lease, now, leaseMillis) => step(() => outbox.lease(lease, now, leaseMillis)),
  release: (lease) => step(() => outbox.release(lease)),
  claim: (lease, after, limit) => step(() => outbox.claim(lease, after, limit)),
  acknowledge: (lease, positions) => step(() => outbox.acknowledge(lease, positions)),
  park: (lease, position, reason, now) => step(() => outbox.park(lease, position, reason, now)),
  parked: (name, after, limit) => step(() => outbox.parked(name, after, limit)),
  unpark: (name, position) => step(() => outbox.unpark(name, position)),
  depth: (name) => step(() => outbox.depth(name)),
})

const isSettled = ({ settledUntil, settledBeyond }: Subscription, position: number): boolean =>
  position < settledUntil || settledBeyond.has(position)

const indexFrom = (parked: ReadonlyArray<Parked>, position: number): number =>
  lowerBound(parked, (each) => numberOf(each.position) < position)

/** A position that is not ours is after everything: nothing is claimed or settled by it. */
const numberOf = ([position]: Position): number => (typeof position === "number" ? position : Number.POSITIVE_INFINITY)
