/**
 * Wake-ups inside this process: a pulse that fibers wait for, and the two reasons for which a delivery loop wakes.
 *
 * Nothing is queued. A pulse says that something is different, and whoever it wakes looks for itself.
 */
import { Deferred, Effect } from "effect"

/** Beats, and wakes everybody who waits for the next beat. */
export class Pulse {
  /** Made for those who wait: without them a beat costs nothing. */
  #next: Deferred.Deferred<void> | undefined

  /**
   * Completes at the next beat. It is fixed when it is read: read it, then look, then wait, and a beat that falls into
   * the look is not missed.
   */
  get next(): Effect.Effect<void> {
    this.#next ??= Deferred.makeUnsafe<void>()
    return Deferred.await(this.#next)
  }

  /** Wakes the waiting fibers, which may run at once inside this call: the last thing to do after a change. */
  beat(): void {
    const now = this.#next
    this.#next = undefined
    if (now !== undefined) Deferred.doneUnsafe(now, Effect.void)
  }
}

/** Wakes the loop that serves one name: because an event was settled, or because there may be something to claim. */
export class Wake extends Pulse {
  /** Something may have been committed since the loop last looked. It is cleared before a look, never after. */
  mayClaim = true

  /** Says that there may be something to claim, and wakes the loop. */
  look(): void {
    this.mayClaim = true
    this.beat()
  }
}
