/**
 * What one owner has claimed and not yet settled: the meeting point of the loop that talks to the store and the work
 * that handles events.
 *
 * The work only reports here. The loop alone acknowledges and parks, one thing at a time, so that a report costs no I/O
 * and reports that come in while the store is busy are settled together.
 */
import { Deferred, Effect, type FiberSet } from "effect"
import type { Claimed, Lease, Position } from "../ports/index.ts"
import { keyText } from "../values.ts"
import type { Wake } from "./Pulse.ts"

/** How claimed events are handled. Made anew for every lease; its fibers end when the lease does. */
export type Work = (inFlight: InFlight, fibers: FiberSet.FiberSet<void, never>) => Effect.Effect<Worker>

export interface Worker {
  /** Takes over events that were claimed, in their order. Returns at once. */
  readonly accept: (claimed: ReadonlyArray<Claimed>) => Effect.Effect<void>
  /** Begins what was left undone when the lease seemed to be over. It was renewed in time after all. */
  readonly goOn: Effect.Effect<void>
  /** How many things could be done at once with what was accepted. While it is below a batch, more is claimed. */
  readonly ready: () => number
  /**
   * Lets go of events that could only wait, where they keep others from coming. They stay in hand by their positions, and
   * are wanted back when their turn comes.
   */
  readonly makeRoom?: (() => void) | undefined
  /** What was let go and is wanted back, in order, at most so many. */
  readonly wanted?: ((most: number) => ReadonlyArray<Position>) | undefined
  /** Takes back what was asked for, as far as it came. Events that are not there any more are settled. */
  readonly takeBack?: ((asked: ReadonlyArray<Position>, claimed: ReadonlyArray<Claimed>) => void) | undefined
}

/** An event to park, and who waits for it. */
export interface Failed {
  readonly claimed: Claimed
  readonly reason: string
  readonly parked: Deferred.Deferred<void>
}

export class InFlight {
  /** The lease under which everything here was claimed. */
  readonly lease: Lease
  /** Until when the lease certainly holds, by `elapsedMillis`. After it nothing new may be begun. */
  holdsUntil = Number.POSITIVE_INFINITY
  readonly #inHand = new Set<string>()
  readonly #wake: Wake
  #bytes = 0
  #letGo = 0
  #handled: Array<Claimed> = []
  #failed: Array<Failed> = []

  constructor(wake: Wake, lease: Lease) {
    this.#wake = wake
    this.lease = lease
  }

  /** How many were claimed and neither acknowledged nor parked. */
  get size(): number {
    return this.#inHand.size
  }

  /** How many of these are in memory, and not only by their positions. */
  get kept(): number {
    return this.#inHand.size - this.#letGo
  }

  /** How many are there only by their positions. */
  get letGo(): number {
    return this.#letGo
  }

  /** About how many bytes of JSON are in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** An event is in hand by its position only. */
  lets({ bytes = 0 }: Claimed): void {
    this.#letGo += 1
    this.#bytes -= bytes
  }

  /** Such an event is in memory again. */
  keeps({ bytes = 0 }: Claimed): void {
    this.#letGo -= 1
    this.#bytes += bytes
  }

  /** Such an event turned out to be settled. */
  misses(position: Position): void {
    if (this.#inHand.delete(keyText(position))) this.#letGo -= 1
  }

  /** Those of the events that are not in hand yet, which are from now on. */
  take(claimed: ReadonlyArray<Claimed>): ReadonlyArray<Claimed> {
    const fresh: Array<Claimed> = []
    for (const one of claimed) {
      const text = keyText(one.position)
      if (this.#inHand.has(text)) continue
      this.#inHand.add(text)
      this.#bytes += one.bytes ?? 0
      fresh.push(one)
    }
    return fresh
  }

  /** Reports success: the events may be acknowledged. */
  succeeded(claimed: ReadonlyArray<Claimed>): void {
    for (const one of claimed) this.#handled.push(one)
    this.#wake.beat()
  }

  /** Reports an event to set aside. What is answered completes when the store has parked it. */
  failed(claimed: Claimed, reason: string): Deferred.Deferred<void> {
    const parked = Deferred.makeUnsafe<void>()
    this.#failed.push({ claimed, reason, parked })
    this.#wake.beat()
    return parked
  }

  /** Reports that the work could take on something else meanwhile. */
  resting(): void {
    this.#wake.beat()
  }

  get toAcknowledge(): ReadonlyArray<Claimed> {
    return this.#handled
  }

  get toPark(): ReadonlyArray<Failed> {
    return this.#failed
  }

  /** The first `count` events of {@link toAcknowledge} are acknowledged. */
  acknowledged(count: number): void {
    for (const one of this.#handled.slice(0, count)) this.#forget(one)
    this.#handled = this.#handled.slice(count)
  }

  /** The first event of {@link toPark} is parked. */
  parked(): void {
    const [first, ...others] = this.#failed
    if (first === undefined) return
    this.#failed = others
    this.#forget(first.claimed)
    Deferred.doneUnsafe(first.parked, Effect.void)
  }

  #forget({ position, bytes = 0 }: Claimed): void {
    if (this.#inHand.delete(keyText(position))) this.#bytes -= bytes
  }
}
