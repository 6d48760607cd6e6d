/**
 * The operations that have no place in the order yet: by beginning and by end, as two linked lists from which an operation
 * is taken, and into which it is put back in reverse order (Knuth's dancing links).
 */
import { endOf, type History } from "./History.ts"

export class Unplaced {
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #byStart: Links
  readonly #byEnd: Links
  /** The place of each operation among the ends. */
  readonly #rank: Uint32Array

  constructor(history: History<unknown, unknown>) {
    this.#starts = Float64Array.from(history, ({ start }) => start)
    this.#ends = Float64Array.from(history, endOf)
    const byEnd = sorted(this.#ends)
    this.#byStart = linksOf(sorted(this.#starts))
    this.#byEnd = linksOf(byEnd)
    this.#rank = new Uint32Array(history.length)
    for (const [rank, operation] of byEnd.entries()) this.#rank[operation] = rank
  }

  /**
   * Appends the operations that may come next: those that began before the first of all ended, or at that moment, for
   * intervals are closed. What ends first comes first, what has no end last.
   */
  candidates(into: Array<number>): void {
    const [from, knot] = [into.length, this.#starts.length]
    const end = this.#ends[this.#byEnd.next[knot] ?? 0] ?? Number.NaN
    for (let at = this.#byStart.next[knot] ?? 0; (this.#starts[at] ?? Number.NaN) <= end; ) {
      // Sorted by insertion: there are few, and mostly in order.
      const rank = this.#rank[at] ?? 0
      let place = into.length
      for (
        let other = into[place - 1] ?? 0;
        place > from && (this.#rank[other] ?? 0) > rank;
        other = into[--place - 1] ?? 0
      ) {
        into[place] = other
      }
      into[place] = at
      at = this.#byStart.next[at] ?? 0
    }
  }

  take(operation: number): void {
    unlink(this.#byStart, operation)
    unlink(this.#byEnd, operation)
  }

  putBack(operation: number): void {
    relink(this.#byStart, operation)
    relink(this.#byEnd, operation)
  }
}

/** A ring; the number behind the last operation is its knot. */
interface Links {
  readonly next: Uint32Array
  readonly previous: Uint32Array
}

const linksOf = (order: ReadonlyArray<number>): Links => {
  const knot = order.length
  const [next, previous] = [new Uint32Array(knot + 1), new Uint32Array(knot + 1)]
  let last = knot
  for (const operation of [...order, knot]) {
    next[last] = operation
    previous[operation] = last
    last = operation
  }
  return { next, previous }
}

const unlink = ({ next, previous }: Links, operation: number): void => {
  const [before = 0, after = 0] = [previous[operation], next[operation]]
  next[before] = after
  previous[after] = before
}

const relink = ({ next, previous }: Links, operation: number): void => {
  next[previous[operation] ?? 0] = operation
  previous[next[operation] ?? 0] = operation
}

/** The indexes of times, earliest first. Two that never end are equal. */
const sorted = (times: Float64Array): ReadonlyArray<number> =>
  Array.from(times.keys()).sort((left, right) => {
    const [one = 0, other = 0] = [times[left], times[right]]
    return one < other ? -1 : one > other ? 1 : left - right
  })
