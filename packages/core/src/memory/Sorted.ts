/**
 * Things in the order of their keys, sorted only when somebody looks.
 *
 * Commits add at the cost of one push. A scan sorts what came since the last one into a run of its own and merges runs
 * of similar length, so there are never more than log n of them and each thing is merged log n times at most: a whole
 * audit costs n log n however small its pages are, also while sales go on between them.
 */
import { compareKeys, type Key } from "../values.ts"

export class Sorted<T> {
  readonly #keyOf: (item: T) => Key
  /** Each run is sorted; the longest comes first. */
  readonly #runs: Array<Array<T>> = []
  #added: Array<T> = []

  constructor(keyOf: (item: T) => Key) {
    this.#keyOf = keyOf
  }

  /** Adds a thing whose key is new. */
  add(item: T): void {
    this.#added.push(item)
  }

  /** The things with keys from `from` on (or after it, where `inclusive` is false), in order, taken one at a time. */
  *from(from: Key | undefined, inclusive: boolean): Generator<T, void, void> {
    this.#settle()
    const heads = this.#runs.map((run) => ({
      run,
      next: from === undefined ? 0 : this.#position(run, from, inclusive),
    }))
    for (;;) {
      const head = this.#least(heads)
      if (head === undefined) return
      const item = head.run[head.next]
      head.next += 1
      if (item !== undefined) yield item
    }
  }

  #least(heads: ReadonlyArray<{ readonly run: ReadonlyArray<T>; next: number }>) {
    let least: (typeof heads)[number] | undefined
    let leastKey: Key | undefined
    for (const head of heads) {
      const item = head.run[head.next]
      if (item === undefined) continue
      const key = this.#keyOf(item)
      if (leastKey !== undefined && compareKeys(leastKey, key) <= 0) continue
      least = head
      leastKey = key
    }
    return least
  }

  /** Where in a run the keys from `from` on begin. */
  #position(run: ReadonlyArray<T>, from: Key, inclusive: boolean): number {
    return lowerBound(run, (item) => {
      const order = compareKeys(this.#keyOf(item), from)
      return order < 0 || (order === 0 && !inclusive)
    })
  }

  /** Sorts what was added into a run, then restores that each run is more than twice as long as the next. */
  #settle(): void {
    if (this.#added.length === 0) return
    const run = this.#added.sort(this.#compare)
    this.#added = []
    const longest = this.#runs[0]
    // Keys that are made in order, such as order ids, all end up in the first run without ever being merged.
    if (this.#runs.length === 1 && longest !== undefined && this.#follows(longest, run)) {
      for (const item of run) longest.push(item)
    } else this.#runs.push(run)
    for (;;) {
      const last = this.#runs.at(-1)
      const before = this.#runs.at(-2)
      if (last === undefined || before === undefined || before.length > 2 * last.length) return
      this.#runs.splice(-2, 2, this.#merge(before, last))
    }
  }

  #follows(run: ReadonlyArray<T>, next: ReadonlyArray<T>): boolean {
    const last = run.at(-1)
    const first = next[0]
    return last !== undefined && first !== undefined && this.#compare(last, first) < 0
  }

  #merge(left: ReadonlyArray<T>, right: ReadonlyArray<T>): Array<T> {
    // The built-in sort finds the two runs and merges them in one pass.
    return left.concat(right).sort(this.#compare)
  }

  readonly #compare = (left: T, right: T): number => compareKeys(this.#keyOf(left), this.#keyOf(right))
}

/** The first index whose item is not `before` the place that is looked for. The items that are come first. */
export const lowerBound = <T>(items: ReadonlyArray<T>, before: (item: T) => boolean): number => {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle]
    if (item !== undefined && before(item)) low = middle + 1
    else high = middle
  }
  return low
}
