/**
 * How a polite client calls a shop: when it is asked to come back later it does, with the same key, and it counts how
 * often that happened.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { HoldfastError } from "@holdfast/core"

/** What `shop.safe` answers. */
export type Answered<A> =
  | { readonly ok: true; readonly value: A }
  | { readonly ok: false; readonly error: HoldfastError }

/** A caller that was sent away this often has waited for minutes. */
const maxAttempts = 200
/** The pause where the shop names none. */
const pauseMillis = 100

export class Patience {
  readonly #random: () => number
  /** How often the shop was too busy and said when to come back. */
  overloads = 0
  /** How often a call was made again with its key, for that or any other reason that allows it. */
  retries = 0
  /** Callers who left without an answer. */
  gaveUp = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Makes a call until its answer is final. Safe, because the call carries its idempotency key each time. */
  async insist<A>(call: () => Promise<Answered<A>>): Promise<Answered<A>> {
    for (let attempt = 1; ; attempt++) {
      const answered = await call()
      if (answered.ok || !answered.error.retryable) return answered
      if (answered.error.unavailable?._tag === "Overloaded") this.overloads++
      if (attempt === maxAttempts) {
        this.gaveUp++
        return answered
      }
      this.retries++
      await sleep(this.#pauseAfter(answered.error))
    }
  }

  // Everybody was sent away at the same moment, and should not come back at the same moment.
  #pauseAfter({ unavailable }: HoldfastError): number {
    const asked = unavailable?._tag === "Overloaded" ? unavailable.retryAfterMillis : pauseMillis
    return asked * (1 + this.#random())
  }
}

/** Runs `visit` for 0 … count − 1, at most `limit` at a time, in order of arrival. */
export const forEachAtOnce = async (
  count: number,
  limit: number,
  visit: (index: number) => Promise<void>,
): Promise<void> => {
  let next = 0
  const serve = async (): Promise<void> => {
    while (next < count) await visit(next++)
  }
  await Promise.all(Array.from({ length: Math.min(count, limit) }, serve))
}
