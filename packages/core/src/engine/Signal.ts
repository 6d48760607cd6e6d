/**
 * Wakes one waiting fiber.
 */
import { Effect } from "effect"

/** A notification that finds nobody waiting is kept for the next one who waits. */
export class Signal {
  #notified = false
  #resume: (() => void) | undefined

  get isAwaited(): boolean {
    return this.#resume !== undefined
  }

  notify(): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume === undefined) this.#notified = true
    else resume()
  }

  /** Completes at the next notification. The waiter goes on in a later turn, after whoever notified it. */
  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.#notified) {
      this.#notified = false
      resume(Effect.void)
      return Effect.void
    }
    this.#resume = () => resume(Effect.yieldNow)
    return Effect.sync(() => {
      this.#resume = undefined
    })
  })
}
