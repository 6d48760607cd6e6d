/**
 * Checking by witness: where answers, or a ledger, show at which position each operation happened, there is nothing to
 * search for. Sort by position, replay the model, compare with real time: n log n, for hot keys and long histories.
 *
 * The witness is not trusted: positions must be 1, 2, 3 … without gaps, the model must allow every answer at its position,
 * and nobody who began after another one had ended may stand before it. Operations without a position (reads, refusals)
 * must be allowed by some state that was current between their beginning and their end.
 */
import { endOf, type History, type Operation } from "./History.ts"
import type { Model } from "./Model.ts"

/** What is wrong with a witnessed history, as a sentence with the operations in question. */
export interface Contradiction<I, O> {
  readonly key: string
  readonly message: string
  readonly operations: ReadonlyArray<Operation<I, O>>
}

/** The first contradiction of one key's history; undefined where there is none. */
export const contradictionOf = <S, I, O>(
  model: Model<S, I, O>,
  key: string,
  history: History<I, O>,
  positionOf: (operation: Operation<I, O>) => number | undefined,
): Contradiction<I, O> | undefined => {
  const says = (message: string, ...operations: ReadonlyArray<Operation<I, O>>) => ({ key, message, operations })
  const placed: Array<{ readonly operation: Operation<I, O>; readonly position: number }> = []
  const others: Array<Operation<I, O>> = []
  for (const operation of history) {
    const position = positionOf(operation)
    if (position !== undefined) placed.push({ operation, position })
    // What has neither an answer nor a position did not happen.
    else if (operation.outcome._tag === "Known") others.push(operation)
  }
  placed.sort((left, right) => left.position - right.position)
  const states: Array<S> = [model.init]
  let state = model.init
  let latest: Operation<I, O> | undefined
  for (const [index, { operation, position }] of placed.entries()) {
    const before = placed[index - 1]
    if (before?.position === position)
      return says(`Two operations are at position ${position}.`, before.operation, operation)
    if (position !== index + 1)
      return says(`Nothing is at position ${index + 1}, but something is at ${position}.`, operation)
    if (latest !== undefined && endOf(operation) < latest.start) {
      return says(`Position ${position} ended before an earlier position began.`, latest, operation)
    }
    if (latest === undefined || operation.start > latest.start) latest = operation
    const next = stepOf(model, state, operation)
    if (next === undefined)
      return says(`The answer at position ${position} is not what the model answers there.`, operation)
    state = next
    states.push(next)
  }
  const windows = windowsOf(placed.map(({ operation }) => operation))
  for (const operation of others) {
    const { from, until } = windows(operation)
    let allowed = false
    for (let at = from; at <= until && !allowed; at++) {
      const current = states[at]
      allowed = current !== undefined && stepOf(model, current, operation) !== undefined
    }
    if (!allowed) return says("No state during this operation explains its answer.", operation)
  }
  return undefined
}

/**
 * For each moment, how many of the placed operations had certainly happened, and how many may have: `from` and `until`
 * are indexes into the states after 0, 1, 2 … operations.
 */
export const windowsOf = (
  placed: ReadonlyArray<Operation<unknown, unknown>>,
): ((operation: Operation<unknown, unknown>) => { readonly from: number; readonly until: number }) => {
  const ends = placed.map((operation, index) => ({ time: endOf(operation), count: index + 1 }))
  ends.sort((left, right) => left.time - right.time)
  const endTimes = ends.map(({ time }) => time)
  const certain: Array<number> = []
  for (const { count } of ends) certain.push(Math.max(count, certain.at(-1) ?? 0))
  const starts = placed.map((operation, index) => ({ time: operation.start, count: index }))
  starts.sort((left, right) => left.time - right.time)
  const startTimes = starts.map(({ time }) => time)
  const possible = new Array<number>(starts.length + 1).fill(placed.length)
  for (let index = starts.length - 1; index >= 0; index--) {
    possible[index] = Math.min(starts[index]?.count ?? placed.length, possible[index + 1] ?? placed.length)
  }
  return (operation) => ({
    // Those that had ended before it began have happened; those that began after its end have not.
    from: certain[countBelow(endTimes, operation.start) - 1] ?? 0,
    until: possible[countBelow(startTimes, endOf(operation) + 0.5)] ?? placed.length,
  })
}

const stepOf = <S, I, O>(model: Model<S, I, O>, state: S, { input, outcome }: Operation<I, O>): S | undefined =>
  model.step(state, input, outcome._tag === "Known" ? outcome.output : undefined)

/** How many of the sorted numbers are below a bound. */
const countBelow = (sorted: ReadonlyArray<number>, bound: number): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < bound) low = middle + 1
    else high = middle
  }
  return low
}
