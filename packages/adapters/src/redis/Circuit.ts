/**
 * Leaves a sick Redis alone: after some faults in a row nothing is sent for a while, then one call finds out.
 *
 * So a Redis that is frozen costs a few callers one time-out each, and then nobody anything.
 */

/** Faults in a row that open the circuit. */
const mostFaults = 5
/** For how long nothing is sent then. */
const openMillis = 1_000

export class Circuit {
  readonly #now: () => number
  #faults = 0
  #openUntil = Number.NEGATIVE_INFINITY
  #isProbing = false

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether a call may be sent now. Whoever is let through says afterwards how it ended. */
  enter(): boolean {
    if (!this.isOpen) return true
    if (this.#isProbing || this.#now() < this.#openUntil) return false
    this.#isProbing = true
    return true
  }

  /** Whether several calls in a row have failed, and none has succeeded since. */
  get isOpen(): boolean {
    return this.#faults >= mostFaults
  }

  succeeded(): void {
    this.#isProbing = false
    this.#faults = 0
  }

  failed(): void {
    this.#isProbing = false
    this.#faults++
    if (this.isOpen) this.#openUntil = this.#now() + openMillis
  }
}
