/**
 * A time limit for many calls with one timer: all have the same limit, so the first to begin is the first to be late.
 */

export class Deadlines {
  readonly #millis: number
  /** In the order in which they began. */
  readonly #waiting = new Map<object, { readonly endsAt: number; readonly late: () => void }>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(millis: number) {
    this.#millis = millis
  }

  /** The promise's own end, or `late()` where it takes longer than the limit. */
  race<A>(promise: Promise<A>, late: () => A): Promise<A> {
    return new Promise((resolve, reject) => {
      const ticket = {}
      this.#waiting.set(ticket, { endsAt: performance.now() + this.#millis, late: () => resolve(late()) })
      this.#timer ??= this.#wake(this.#millis)
      promise.then(
        (value) => {
          this.#waiting.delete(ticket)
          resolve(value)
        },
        (error) => {
          this.#waiting.delete(ticket)
          reject(error)
        },
      )
    })
  }

  #wake(millis: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#sweep(), millis)
    // Waiting for an answer is no reason for a process to stay alive; its server is. Browsers' timers are numbers.
    if (typeof timer === "object" && "unref" in timer) timer.unref()
    return timer
  }

  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [ticket, { endsAt, late }] of this.#waiting) {
      if (endsAt > now) {
        this.#timer = this.#wake(endsAt - now)
        return
      }
      this.#waiting.delete(ticket)
      late()
    }
  }
}
