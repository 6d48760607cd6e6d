/**
 * A time limit for many calls with one timer: all have the same limit, so the first to begin is the first to be late.
 */

export interface Ticket {
  readonly endsAt: number
  readonly late: () => void
}

export class Deadlines {
  readonly #millis: number
  /** In the order in which they began. */
  readonly #waiting = new Set<Ticket>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(millis: number) {
    this.#millis = millis
  }

  /** Calls `late` when the limit is over, unless `end` is called with the ticket before. */
  begin(late: () => void): Ticket {
    const ticket = { endsAt: performance.now() + this.#millis, late }
    this.#waiting.add(ticket)
    this.#timer ??= this.#wake(this.#millis)
    return ticket
  }

  end(ticket: Ticket): void {
    this.#waiting.delete(ticket)
  }

  /** The promise's own end, or `late()` where it takes longer than the limit. */
  race<A>(promise: PromiseLike<A>, late: () => A | Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      const ticket = this.begin(() => resolve(late()))
      promise.then(
        (value) => {
          this.end(ticket)
          resolve(value)
        },
        (error) => {
          this.end(ticket)
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
    for (const ticket of this.#waiting) {
      if (ticket.endsAt > now) {
        this.#timer = this.#wake(ticket.endsAt - now)
        return
      }
      this.#waiting.delete(ticket)
      ticket.late()
    }
  }
}
