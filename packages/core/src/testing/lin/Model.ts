/**
 * Models: what one caller after the other would see, as plain values. Everything that is checked is checked against one.
 *
 * The models here are for code that has nothing to do with commerce; they are also the examples of how to write one.
 */

/**
 * A sequential specification.
 *
 * ```ts
 * const counter: Model<number, "add" | "read", number> = {
 *   init: 0,
 *   step: (count, input, output) =>
 *     input === "add" ? count + 1 : output === undefined || output === count ? count : undefined,
 * }
 * ```
 */
export interface Model<S, I, O> {
  readonly init: S
  /**
   * The state after the operation, or undefined where `output` cannot be answered in `state`. `output` is undefined where
   * the outcome is unknown: then the state after it happened, whatever it answered. Pure.
   */
  readonly step: (state: S, input: I, output: O | undefined) => S | undefined
  /** Operations of different keys have nothing to do with each other and are checked apart. Default: one key for all. */
  readonly key?: ((input: I) => string) | undefined
  /**
   * Whether an operation with this answer leaves every state as it is. The search is much shorter where it is said. Default:
   * not known, so that a history is only refuted after the longer search.
   */
  readonly isRead?: ((input: I, output: O) => boolean) | undefined
  /** A text or number that tells states apart. Default: made of the whole state. */
  readonly stateKey?: ((state: S) => string | number) | undefined
}

export type RegisterInput<V> =
  | { readonly op: "read"; readonly key: string }
  | { readonly op: "write"; readonly key: string; readonly value: V }

/** A key-value store: a read answers what was written last, `init` before the first write. */
export const register = <V>(init: V): Model<V, RegisterInput<V>, V | undefined> => ({
  init,
  step: (value, input, output) => {
    if (input.op === "write") return input.value
    return output === undefined || output === value ? value : undefined
  },
  key: ({ key }) => key,
})

export type QueueInput<V> = { readonly op: "put"; readonly value: V } | { readonly op: "take" }

/** First in, first out: `take` answers the oldest value, null where there is none. */
export const queue = <V extends string | number>(): Model<ReadonlyArray<V>, QueueInput<V>, V | null> => ({
  init: [],
  step: (items, input, output) => {
    if (input.op === "put") return [...items, input.value]
    const [first = null] = items
    return output === undefined || output === first ? items.slice(1) : undefined
  },
  stateKey: (items) => items.join(),
})

/** A limited supply: `take` answers the number taken, 1 to `limit` in order, and 0 when there is none left. */
export const supply = (limit: number): Model<number, string, number> => ({
  init: 0,
  step: (taken, _input, output) => {
    const next = taken < limit ? taken + 1 : 0
    if (output !== undefined && output !== next) return undefined
    return next === 0 ? taken : next
  },
  key: (input) => input,
})
