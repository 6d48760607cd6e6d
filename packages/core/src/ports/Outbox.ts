/**
 * The outbox of a store: the events of every commit, kept for each registered subscription until it acknowledges them.
 *
 * **Atomicity.** An event is there exactly when the commit that made it is.
 *
 * **Isolation.** One lease of a name holds at a time. Only its holder claims, acknowledges and parks, and whoever held
 * the name before is refused and told so: every lease has a fence, a number that grows from each lease of a name to the
 * next. The store alone judges whether a lease has ended, by a clock of its own or because it knows that the holder is
 * gone; no time of a process reaches it.
 *
 * **Idempotency.** Registering, acknowledging and parking may be repeated.
 *
 * **Order.** `claim` answers in an order in which the events of one key stand as their commits were serialised.
 *
 * **Failure.** An owner that vanishes loses its lease, after `leaseMillis` at the latest; what it had not acknowledged
 * is claimed again by the next one. So every event reaches each subscription at least once.
 */
import type { Effect } from "effect"
import type { Event } from "../events/Event.ts"
import type { StoreFault } from "../transact/StoreFault.ts"
import type { Key, SubscriptionName } from "../values.ts"

/** Where an event stands in the outbox. Opaque: only its own adapter compares positions. */
export type Position = Key

export interface Claimed {
  readonly position: Position
  readonly event: Event
  /** About how many bytes of JSON the claim read for it. Absent where the store had it in memory anyway. */
  readonly bytes?: number | undefined
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

/** How far a subscription has come, as of one moment. */
export interface Reach {
  /** Where the last waiting event stands: nothing that is committed by now waits behind it. Undefined where none waits. */
  readonly last: Position | undefined
  /** Whether nothing waits at the position that was asked about, or before it. */
  readonly isPast: boolean
}

/** The right to handle the events of a name. */
export interface Lease {
  readonly name: SubscriptionName
  /** A value that no other process uses. */
  readonly owner: string
  /** Greater than that of every lease of this name before it, whoever had it. */
  readonly fence: number
}

/** A newer lease of the name was granted, or the name was forgotten. Nothing happened. */
export interface LeaseLost {
  readonly _tag: "LeaseLost"
  readonly name: SubscriptionName
  readonly fence: number
}

/** How much one claim answers at most. */
export interface ClaimLimit {
  readonly events: number
  /**
   * What the claim may bring into memory, as JSON. The first event is answered whatever it takes: none is too large to
   * be delivered. Stores that have their events in memory anyway need not count.
   */
  readonly bytes: number
}

export interface Outbox {
  /**
   * Makes the subscription exist, and answers when it gets every event that is committed from then on; it may get some
   * that were committed just before. Nobody else waits for it: commits that are under way go on, and where one of them
   * does not end in good time the answer is a fault, and the same call again goes on waiting.
   */
  readonly register: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /** Forgets the subscription and everything that waits for it. After a fault some of it may be left: repeat it. */
  readonly unregister: (name: SubscriptionName) => Effect.Effect<void, StoreFault>
  /**
   * Takes the lease, with a new fence; undefined where another owner holds it or nothing is registered. Unless it is
   * renewed another owner may have it after `leaseMillis`, or as soon as the store knows that this one is gone.
   */
  readonly lease: (
    name: SubscriptionName,
    owner: string,
    leaseMillis: number,
  ) => Effect.Effect<Lease | undefined, StoreFault>
  /** Keeps the lease for `leaseMillis` from now on. */
  readonly renew: (lease: Lease, leaseMillis: number) => Effect.Effect<void, StoreFault | LeaseLost>
  /** Gives the lease up. Nothing where it is lost. */
  readonly release: (lease: Lease) => Effect.Effect<void, StoreFault>
  /**
   * Waiting events that the lease was not given yet.
   *
   * `after` is the last position that it was given: the caller has what it was given until then in hand, and nothing
   * where `after` is undefined. A store in which a smaller position can become visible later, because commits do not end
   * in the order of their positions, must not pass it over: whatever follows it comes with it or later. Whoever asks
   * again with the same `after` has not heard the last answer, and is given those events once more.
   */
  readonly claim: (
    lease: Lease,
    after: Position | undefined,
    limit: ClaimLimit,
  ) => Effect.Effect<ReadonlyArray<Claimed>, StoreFault | LeaseLost>
  /**
   * Events that the lease was given and has not settled, once more and in the order of these positions: those of its caller
   * who could not keep them all in memory. A part of them from the first one on, where all of them would be more than
   * `bytes`; what is left out before the last one of the answer, or of an answer without events, is settled.
   */
  readonly reread: (
    lease: Lease,
    positions: ReadonlyArray<Position>,
    bytes: number,
  ) => Effect.Effect<ReadonlyArray<Claimed>, StoreFault | LeaseLost>
  /** Marks events as handled. */
  readonly acknowledge: (
    lease: Lease,
    positions: ReadonlyArray<Position>,
  ) => Effect.Effect<void, StoreFault | LeaseLost>
  /** Sets an event aside, so that it does not hold up others. */
  readonly park: (
    lease: Lease,
    position: Position,
    reason: string,
    now: number,
  ) => Effect.Effect<void, StoreFault | LeaseLost>
  /** The parked events of a subscription in order, at most `limit` after a position. */
  readonly parked: (
    name: SubscriptionName,
    after: Position | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Parked>, StoreFault>
  /**
   * Makes a parked event wait again, at a new position behind everything that waits, so that it is handled once more by
   * an owner that has long claimed past the old one. Answers whether an event was parked there.
   */
  readonly unpark: (name: SubscriptionName, position: Position) => Effect.Effect<boolean, StoreFault>
  readonly depth: (name: SubscriptionName) => Effect.Effect<Depth, StoreFault>
  /**
   * How far a subscription has come, and whether past a position that it had to go to before: a holder that hears that it is
   * knows that everything was handled that had been committed when that position was the last. Whoever held the name before
   * learns nothing: of events that it was not registered for, or that others handle, nothing waits for it. Absent where a
   * store feeds no ranking.
   */
  readonly reach?:
    | ((lease: Lease, asked: Position | undefined) => Effect.Effect<Reach, StoreFault | LeaseLost>)
    | undefined
}

/** What a store answers whoever holds the name no longer. */
export const leaseLost = ({ name, fence }: Lease): LeaseLost => ({ _tag: "LeaseLost", name, fence })
