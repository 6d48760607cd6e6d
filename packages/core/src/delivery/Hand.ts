/**
 * What one owner has claimed and not yet settled: the meeting point of the loop that talks to the store and the work
 * that handles events.
 *
 * The work only reports here. The loop alone acknowledges and parks, one thing at a time, so that a report costs no I/O
 * and reports that come in while the store is busy are settled together.
 */
import { Deferred, Effect, type FiberSet } from "effect"
import type { Claimed } from "../ports/Outbox.ts"
import { keyText } from "../values.ts"
import type { Wake } from "./Pulse.ts"

/** How claimed events are handled. Made anew for every tenure; its fibers end when the lease does. */
export type Work = (hand: Hand, fibers: FiberSet.FiberSet<void, never>) => Effect.Effect<Worker>

export interface Worker {
  /** Takes over events that were claimed, in their order. Returns at once. */
  readonly accept: (claimed: ReadonlyArray<Claimed>) => Effect.Effect<void>
  /** How many things could be done at once with what was accepted. While it is below a batch, more is claimed. */
  readonly ready: () => number
}

/** An event to park, and who waits for it. */
export interface Failed {
  readonly claimed: Claimed
  readonly reason: string
  readonly parked: Deferred.Deferred<void>
}

export class Hand {
  readonly #inHand = new Set<string>()
  readonly #wake: Wake
  #handled: Array<Claimed> = []
  #failed: Array<Failed> = []

  constructor(wake: Wake) {
    this.#wake = wake
  }

  /** Claimed and neither acknowledged nor parked. */
  get size(): number {
    return this.#inHand.size
  }

  /** Those of the events that are not in hand yet, which are from now on. */
  take(claimed: ReadonlyArray<Claimed>): ReadonlyArray<Claimed> {
    const fresh: Array<Claimed> = []
    for (const one of claimed) {
      const text = keyText(one.position)
      if (this.#inHand.has(text)) continue
      this.#inHand.add(text)
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
    for (const one of this.#handled.slice(0, count)) this.#inHand.delete(keyText(one.position))
    this.#handled = this.#handled.slice(count)
  }

  /** The first event of {@link toPark} is parked. */
  parked(): void {
    const [first, ...others] = this.#failed
    if (first === undefined) return
    this.#failed = others
    this.#inHand.delete(keyText(first.claimed.position))
    Deferred.doneUnsafe(first.parked, Effect.void)
  }
}
