/**
 * Whether a history is linearizable: could the operations have happened one after the other, each somewhere between its
 * beginning and its end, with exactly these answers?
 *
 * The algorithm is Wing & Gong's (JPDC 1993) with Lowe's memory of configurations, and his habit of placing an operation
 * only when time asks for it (2017): depth first, and what ends first is tried first. Operations with unknown outcomes may
 * be placed anywhere after their beginning, or nowhere.
 */
import { Configurations } from "./Configurations.ts"
import type { History, Operation } from "./History.ts"
import type { Model } from "./Model.ts"
import { StateNumbers } from "./StateNumbers.ts"
import { Unplaced } from "./Unplaced.ts"

/** The end of one search. */
export type Searched<I, O> =
  | { readonly _tag: "Ok"; readonly steps: number }
  | {
      readonly _tag: "Illegal"
      readonly steps: number
      readonly longest: ReadonlyArray<Operation<I, O>>
      /** Whether every order was ruled out; false where reads were guessed, or detours left out. */
      readonly proved: boolean
    }
  | { readonly _tag: "Unknown"; readonly steps: number }

export interface SearchOptions {
  /** Gives up after so many steps of the model. */
  readonly maxSteps: number
  /**
   * Takes what leaves the state as it is for a read, where the model does not say what is one. An order that is found this
   * way is an order; that none is found proves nothing.
   */
  readonly guessReads?: boolean | undefined
  /**
   * How many operations, from one read to the next, may stand before one that ended earlier and could stand there too. Most
   * orders need one or two such detours, and trying those first is what keeps the search short (limited discrepancy search:
   * Harvey & Ginsberg, IJCAI 1995). Default: no limit.
   */
  readonly maxDetours?: number | undefined
}

/** One place in the order: which operations may stand here, and which of them is next to be tried. */
interface Place<S> {
  /** The operation that stands before this place; undefined at the first. */
  readonly before: number | undefined
  readonly state: S
  readonly stateNumber: number
  /** Those since the last read. */
  readonly detours: number
  /** Where its candidates are, in the one list of all places. */
  readonly from: number
  next: number
  /** Whether a candidate could stand here, so that the next one is a detour. */
  taken: boolean
}

/** Searches one key's operations. */
export const search = <S, I, O>(
  model: Model<S, I, O>,
  history: History<I, O>,
  { maxSteps, guessReads = false, maxDetours = Number.POSITIVE_INFINITY }: SearchOptions,
): Searched<I, O> => {
  const { isRead } = model
  const numbers = new StateNumbers<S>(model.stateKey)
  const unplaced = new Unplaced(history)
  const limited = Number.isFinite(maxDetours)
  const seen = new Configurations(history.length)
  let left = history.filter(isKnown).length
  let steps = 0
  /** Whether every order is tried. */
  let complete = true
  let longest: ReadonlyArray<number> = []

  const stepTo = (state: S, { input, outcome }: Operation<I, O>): S | undefined => {
    steps++
    return model.step(state, input, outcome._tag === "Known" ? outcome.output : undefined)
  }
  const mayBeRead = ({ input, outcome }: Operation<I, O>): boolean =>
    outcome._tag === "Known" && (isRead === undefined ? guessReads : isRead(input, outcome.output))
  const candidates: Array<number> = []
  const places: Array<Place<S>> = []
  const goOn = (state: S, stateNumber: number, detours: number, before?: number): void => {
    const from = candidates.length
    unplaced.candidates(candidates)
    const read = readAmong(state, stateNumber, from)
    if (read !== undefined) {
      candidates.length = from
      candidates.push(read)
    }
    places.push({
      before,
      state,
      stateNumber,
      detours: read === undefined ? detours : 0,
      from,
      next: from,
      taken: false,
    })
  }
  /**
   * A read that fits the state is the only candidate there: whatever order there is with the read further back, there is one
   * with it here, because it changes nothing for those in between.
   */
  const readAmong = (state: S, stateNumber: number, from: number): number | undefined => {
    for (let at = from; at < candidates.length; at++) {
      const index = candidates[at]
      const operation = index === undefined ? undefined : history[index]
      if (operation === undefined || !mayBeRead(operation)) continue
      const next = stepTo(state, operation)
      if (next === undefined || (next !== state && numbers.of(next) !== stateNumber)) continue
      if (isRead === undefined) complete = false
      return index
    }
    return undefined
  }
  const goBack = ({ before, from }: Place<S>): void => {
    if (places.length > longest.length + 1) longest = places.flatMap((place) => place.before ?? [])
    places.pop()
    candidates.length = from
    if (before === undefined) return
    unplaced.putBack(before)
    seen.remove(before)
    if (isKnown(history[before])) left++
  }

  goOn(model.init, numbers.of(model.init), 0)
  while (left > 0) {
    if (steps > maxSteps) return { _tag: "Unknown", steps }
    const place = places.at(-1)
    if (place === undefined) {
      return { _tag: "Illegal", steps, proved: complete, longest: longest.flatMap((index) => history[index] ?? []) }
    }
    const index = candidates[place.next++]
    const operation = index === undefined ? undefined : history[index]
    if (index === undefined || operation === undefined) {
      goBack(place)
      continue
    }
    const next = stepTo(place.state, operation)
    if (next === undefined) continue
    const detours = place.taken ? place.detours + 1 : place.detours
    place.taken = true
    if (detours > maxDetours) {
      complete = false
      continue
    }
    const stateNumber = numbers.of(next)
    const known = isKnown(operation)
    // An operation that may be left out is not placed where it changes nothing.
    if ((!known && stateNumber === place.stateNumber) || !seen.add(index, stateNumber, limited ? detours : 0)) continue
    unplaced.take(index)
    if (known) left--
    goOn(next, stateNumber, detours, index)
  }
  return { _tag: "Ok", steps }
}

const isKnown = (operation: Operation<unknown, unknown> | undefined): boolean => operation?.outcome._tag === "Known"
