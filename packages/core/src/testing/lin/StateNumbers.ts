/** A number for each state of a model, so that states are told apart once and compared as numbers from then on. */
import { digest } from "../sim/digest.ts"
import type { Model } from "./Model.ts"

export class StateNumbers<S> {
  readonly #stateKey: Model<S, never, never>["stateKey"]
  /** By the state itself where it is no object, or by what the model tells states apart by. */
  readonly #plain = new Map<unknown, number>()
  readonly #digests = new Map<string, number>()

  constructor(stateKey: Model<S, never, never>["stateKey"]) {
    this.#stateKey = stateKey
  }

  of(state: S): number {
    if (this.#stateKey !== undefined) return this.#numberOf(this.#plain, this.#stateKey(state))
    return isPlain(state) ? this.#numberOf(this.#plain, state) : this.#numberOf(this.#digests, digest(state))
  }

  #numberOf<K>(numbers: Map<K, number>, key: K): number {
    const known = numbers.get(key)
    if (known !== undefined) return known
    const number = this.#plain.size + this.#digests.size
    numbers.set(key, number)
    return number
  }
}

const isPlain = (state: unknown): boolean =>
  (typeof state !== "object" || state === null) && typeof state !== "function"
