/**
 * Whether a history is linearizable: could the operations have happened one after the other, each somewhere between its
 * beginning and its end, with exactly these answers?
 *
 * The algorithm is Wing & Gong's (JPDC 1993) with Lowe's memory of configurations (2017), in the form that Porcupine gave
 * it: depth first over a list of calls and returns. Operations with unknown outcomes may be placed anywhere after their
 * beginning, or nowhere.
 */
import { digest } from "../sim/digest.ts"
import { endOf, type History, type Operation } from "./History.ts"
import type { Model } from "./Model.ts"

/** The end of one search. */
export type Searched<I, O> =
  | { readonly _tag: "Ok"; readonly steps: number }
  | { readonly _tag: "Illegal"; readonly steps: number; readonly longest: ReadonlyArray<Operation<I, O>> }
  | { readonly _tag: "Unknown"; readonly steps: number }

interface Entry {
  readonly operation: number
  readonly isCall: boolean
  /** The return of a call; absent where the outcome is unknown. */
  match: Entry | undefined
  before: Entry | undefined
  after: Entry | undefined
}

interface Placed<S> {
  readonly entry: Entry
  readonly state: S
}

/** Searches one key's operations. Gives up after `maxSteps` steps of the model. */
export const search = <S, I, O>(model: Model<S, I, O>, history: History<I, O>, maxSteps: number): Searched<I, O> => {
  const head: Entry = { operation: -1, isCall: false, match: undefined, before: undefined, after: undefined }
  linkEntries(head, history)
  const seen = new Configurations(history.length)
  const keyOf = model.stateKey ?? digest
  const placed: Array<Placed<S>> = []
  let longest: ReadonlyArray<number> = []
  let left = history.filter(({ outcome }) => outcome._tag === "Known").length
  let state = model.init
  let entry = head.after
  let steps = 0
  while (left > 0) {
    if (entry?.isCall === true) {
      const operation = history[entry.operation]
      if (operation === undefined) break
      if (++steps > maxSteps) return { _tag: "Unknown", steps }
      const { outcome } = operation
      const known = outcome._tag === "Known"
      const next = model.step(state, operation.input, known ? outcome.output : undefined)
      if (next !== undefined && seen.add(entry.operation, keyOf(next))) {
        placed.push({ entry, state })
        state = next
        lift(entry)
        if (known) left--
        entry = head.after
      } else entry = entry.after
      continue
    }
    // A return before its call was placed: the last placement was wrong.
    if (placed.length > longest.length) longest = placed.map((each) => each.entry.operation)
    const last = placed.pop()
    if (last === undefined) {
      return { _tag: "Illegal", steps, longest: longest.flatMap((index) => history[index] ?? []) }
    }
    seen.remove(last.entry.operation)
    state = last.state
    unlift(last.entry)
    if (history[last.entry.operation]?.outcome._tag === "Known") left++
    entry = last.entry.after
  }
  return { _tag: "Ok", steps }
}

/** Calls and returns by time. At the same time calls come first: intervals are closed. */
const linkEntries = (head: Entry, history: History<unknown, unknown>): void => {
  const entries: Array<{ readonly time: number; readonly entry: Entry }> = []
  history.forEach((operation, index) => {
    const call: Entry = { operation: index, isCall: true, match: undefined, before: undefined, after: undefined }
    entries.push({ time: operation.start, entry: call })
    if (operation.outcome._tag === "Unknown") return
    call.match = { operation: index, isCall: false, match: undefined, before: undefined, after: undefined }
    entries.push({ time: endOf(operation), entry: call.match })
  })
  entries.sort((left, right) => left.time - right.time || Number(right.entry.isCall) - Number(left.entry.isCall))
  let last = head
  for (const { entry } of entries) {
    last.after = entry
    entry.before = last
    last = entry
  }
}

const lift = (entry: Entry): void => {
  remove(entry)
  if (entry.match !== undefined) remove(entry.match)
}

const unlift = (entry: Entry): void => {
  if (entry.match !== undefined) restore(entry.match)
  restore(entry)
}

const remove = (entry: Entry): void => {
  if (entry.before !== undefined) entry.before.after = entry.after
  if (entry.after !== undefined) entry.after.before = entry.before
}

const restore = (entry: Entry): void => {
  if (entry.before !== undefined) entry.before.after = entry
  if (entry.after !== undefined) entry.after.before = entry
}

interface Configuration {
  readonly placed: Uint32Array
  readonly stateKey: string | number
}

/** The pairs (operations placed, state) that were visited. Compared in full: a hash alone could accuse the innocent. */
class Configurations {
  readonly #placed: Uint32Array
  readonly #visited = new Map<number, Array<Configuration>>()
  #hash = 0

  constructor(operations: number) {
    this.#placed = new Uint32Array(Math.ceil(operations / 32))
  }

  /** Places an operation; false, and nothing placed, where that configuration was visited before. */
  add(operation: number, stateKey: string | number): boolean {
    this.#flip(operation)
    const visited = this.#visited.get(this.#hash) ?? []
    if (visited.some((each) => each.stateKey === stateKey && same(each.placed, this.#placed))) {
      this.#flip(operation)
      return false
    }
    visited.push({ placed: this.#placed.slice(), stateKey })
    if (visited.length === 1) this.#visited.set(this.#hash, visited)
    return true
  }

  remove(operation: number): void {
    this.#flip(operation)
  }

  #flip(operation: number): void {
    const word = operation >>> 5
    this.#placed[word] = (this.#placed[word] ?? 0) ^ (1 << (operation & 31))
    // A word per operation, mixed so that sets of operations rarely share a sum.
    let mixed = Math.imul(operation + 1, 0x9e3779b1)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
    this.#hash ^= mixed ^ (mixed >>> 13)
  }
}

const same = (left: Uint32Array, right: Uint32Array): boolean => {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}
