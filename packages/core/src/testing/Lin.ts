/**
 * The namespace `Lin`: is a concurrent history explained by a sequential model?
 *
 * `check` needs nothing but the history and searches; `checkWitnessed` uses positions that answers or ledgers show, and
 * sorts. A search that runs out of budget says `Unknown`, which is never a pass.
 */
import { bruteForce, partition } from "./lin/bruteForce.ts"
import type { History, Operation } from "./lin/History.ts"
import type { Model } from "./lin/Model.ts"
import { type Searched, type SearchOptions, search } from "./lin/wgl.ts"
import { type Contradiction, contradictionOf } from "./lin/witnessed.ts"

export {
  endOf,
  type History,
  known,
  type Operation,
  type Outcome,
  type Recorder,
  recorder,
  unknown,
} from "./lin/History.ts"
export { type Model, type QueueInput, queue, type RegisterInput, register, supply } from "./lin/Model.ts"
export { bruteForce, type Contradiction }

export type Verdict<I, O> =
  | { readonly _tag: "Ok" }
  | {
      readonly _tag: "Illegal"
      readonly key: string
      readonly message: string
      /** The operations in question: the longest explanation found, or those that contradict each other. */
      readonly operations: ReadonlyArray<Operation<I, O>>
    }
  /** Neither proved nor refuted. Never a pass: shorten the history, use more keys, or witness it. */
  | { readonly _tag: "Unknown"; readonly why: string; readonly keys: ReadonlyArray<string> }

export interface CheckOptions {
  /** How many steps of the model may be tried, all keys together. Default 4,000,000: a few seconds. */
  readonly maxSteps?: number | undefined
}

/**
 * Whether a history is linearizable. Keys are checked apart, with budgets that rise round by round, so that one hard key
 * does not hide the simple contradiction of another.
 *
 * Practical up to about 1,000 operations with 10 clients on one key, and many times that on many keys: 1,700 appends and
 * reads by 50 clients on 10 keys take less than a second.
 */
export const check = <S, I, O>(
  model: Model<S, I, O>,
  history: History<I, O>,
  options: CheckOptions = {},
): Verdict<I, O> => {
  const { maxSteps = 4_000_000 } = options
  let open = Array.from(partition(model, history), ([key, operations]) => ({ key, operations, attempt: 0 }))
  let spent = 0
  for (let budget = 4_096; open.length > 0; budget *= 8) {
    const undecided: typeof open = []
    for (const { key, operations, attempt } of open) {
      const found = searchOn(model, operations, attempt, Math.min(budget, maxSteps - spent))
      spent += found.steps
      if (found._tag === "Illegal") {
        const message = `No order explains the answers. The longest explanation has ${found.longest.length} of ${operations.length} operations.`
        return { _tag: "Illegal", key, message, operations: found.longest }
      }
      if (found._tag === "Unknown") undecided.push({ key, operations, attempt: found.attempt })
    }
    open = undecided
    if (spent >= maxSteps && open.length > 0) {
      return { _tag: "Unknown", why: `No verdict after ${maxSteps} steps.`, keys: open.map(({ key }) => key) }
    }
  }
  return { _tag: "Ok" }
}

/** Likely orders first. What comes after these tries everything, so that what it says is proved. */
const attempts: ReadonlyArray<Omit<SearchOptions, "maxSteps">> = [
  ...[1, 2, 3, 4].map((maxDetours) => ({ guessReads: true, maxDetours })),
  { guessReads: true },
]

/** Goes from one attempt to the next while they end without proof. Says at which the budget ended. */
const searchOn = <S, I, O>(
  model: Model<S, I, O>,
  history: History<I, O>,
  attempt: number,
  maxSteps: number,
): Searched<I, O> & { readonly attempt: number } => {
  const found = search(model, history, { ...attempts[attempt], maxSteps })
  if (found._tag !== "Illegal" || found.proved) return { ...found, attempt }
  const next = searchOn(model, history, attempt + 1, maxSteps - found.steps)
  return { ...next, steps: found.steps + next.steps }
}

/**
 * Whether a history is explained by the positions its operations are known to have: 1, 2, 3 … per key. `positionOf`
 * answers undefined for reads, refusals, and operations that did not happen.
 */
export const checkWitnessed = <S, I, O>(
  model: Model<S, I, O>,
  history: History<I, O>,
  positionOf: (operation: Operation<I, O>) => number | undefined,
): Verdict<I, O> => {
  for (const [key, operations] of partition(model, history)) {
    const found = contradictionOf(model, key, operations, positionOf)
    if (found !== undefined) return { _tag: "Illegal", ...found }
  }
  return { _tag: "Ok" }
}
