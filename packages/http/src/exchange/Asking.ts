/**
 * Asks the host's functions about one request: who it comes from, and what they may do. Each may take no longer than an answer may.
 *
 * What they answer is looked at in `hostAnswers.ts`.
 */
import type { Deadlines } from "./Deadlines.ts"
import { failureOfHost, HostUnavailable, isThenable } from "./hostAnswers.ts"

export class Asking {
  readonly #answers: Deadlines
  #waiting = 0
  #isOver = false

  constructor(answers: Deadlines) {
    this.#answers = answers
  }

  /** What a function answers, after a look whether that is an answer. A promise only where it is one. */
  ask<Said, A>(question: () => Said | PromiseLike<Said>, look: (said: Said) => A): A | Promise<A> {
    try {
      const said = question()
      return isThenable(said) ? this.#inTime(said, look) : look(said)
    } catch (thrown) {
      throw failureOfHost(thrown)
    }
  }

  /** The request is answered. True where the host was being asked: whatever it says now, nothing is changed any more. */
  giveUp(): boolean {
    this.#isOver = true
    return this.#waiting > 0
  }

  async #inTime<Said, A>(promise: PromiseLike<Said>, look: (said: Said) => A): Promise<A> {
    this.#waiting++
    try {
      const said = await this.#answers.race(promise, () => Promise.reject(new HostUnavailable()))
      if (this.#isOver) throw new HostUnavailable()
      return look(said)
    } catch (thrown) {
      throw failureOfHost(thrown)
    } finally {
      this.#waiting--
    }
  }
}
