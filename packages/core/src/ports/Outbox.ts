/**
 * The outbox of a store: the events of every commit, kept for each registered subscription until it acknowledges them.
 *
 * **Atomicity.** An event is there exactly when the commit that made it is.
 *
 * **Isolation.** One owner at a time holds a subscription's lease; only that owner claims, acknowledges and parks.
 *
 * **Idempotency.** Registering, acknowledging and parking may be repeated.
 *
 * **Order.** `claim` answers in an order in which the events of one key stand as their commits were serialised.
 *
 * **Failure.** An owner that vanishes loses its lease after `leaseMillis`; what it had not acknowledged is claimed again
 * by the next one. So every event reaches each subscription at least once.
 */
import type { Effect } from "effect"
import type { Event } from "../events/Event.ts"
import type { Key, SubscriptionName } from "../values.ts"
import type { StoreFault } from "./Store.ts"

/** Where an event stands in the outbox. Opaque: only its own adapter compares positions. */
export type Position = Key

export interface Claimed {
  readonly position: Position
  readonly event: Event
}

/** An event that its handler could not handle, set aside with the reason. */
export interface Parked extends Claimed {
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly parkedAt: number
}

/** How much a subscription has before it. */
export interface Depth {
  /** Neither acknowledged nor parked. */
  readonly waiting: number
  readonly parked: number
  /** When the oldest waiting event occurred, milliseconds since 1970; undefined where none waits. */
  readonly oldestAt: number | undefined
}

/** Who asks, and until when it may. */
export interface Lease {
  readonly name: SubscriptionName
  /** A value that no other process uses. */
  readonly owner: string
}

export interface Outbox {
  /** Makes the subscription exist. It gets every event that is committed from then on. */
  readonly register: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /** Forgets the subscription and everything that waits for it. */
  readonly unregister: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /** Takes or renews the lease until `now + leaseMillis`; false where another owner holds it or nothing is registered. */
  readonly lease: (lease: Lease, now: number, leaseMillis: number) => Effect.Effect<boolean, StoreFault>
  /** Gives the lease up. Nothing where another owner holds it. */
  readonly release: (lease: Lease) => Effect.Effect<void, StoreFault>
  /**
   * Waiting events, at most `limit`, for the holder of the lease; none for anybody else.
   *
   * `after` is the last position that this lease was given: the caller has those before it in hand. A store in which a
   * smaller position can become visible later, because commits do not end in the order of their positions, must not
   * pass it over: it answers events that this lease was not given yet, whatever their position, in order. Whoever asks
   * again with the same `after` has not heard the last answer, and is given those events once more.
   */
  readonly claim: (
    lease: Lease,
    after: Position | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Claimed>, StoreFault>
  /** Marks events as handled. Nothing where another owner holds the lease by now. */
  readonly acknowledge: (lease: Lease, positions: ReadonlyArray<Position>) => Effect.Effect<void, StoreFault>
  /** Sets an event aside, so that it does not hold up others. Nothing where another owner holds the lease by now. */
  readonly park: (lease: Lease, position: Position, reason: string, now: number) => Effect.Effect<void, StoreFault>
  /** The parked events of a subscription in order, at most `limit` after a position. */
  readonly parked: (
    name: SubscriptionName,
    after: Position | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Parked>, StoreFault>
  /**
   * Makes a parked event wait again, at a new position behind everything that waits, so that it is handled once more by
   * an owner that has long claimed past the old one. Nothing where it is not parked.
   */
  readonly unpark: (name: SubscriptionName, position: Position) => Effect.Effect<void, StoreFault>
  readonly depth: (name: SubscriptionName) => Effect.Effect<Depth, StoreFault>
}
