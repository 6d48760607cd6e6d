/**
 * The configurations that a search has visited: operations placed, state, and detours left.
 *
 * They are compared in full: a hash alone could accuse the innocent. There are millions, so they are not objects: a visit
 * is some words in one long array, found by a table with linear probing.
 */
export class Configurations {
  /** A configuration as words: its hash, its state's number, the detours on the way to it, and the operations placed as bits. */
  readonly #now: Uint32Array
  #visits: Uint32Array
  /** The number of a visit at its hash, or some places behind; 0 is none. At most half full. */
  #table = new Uint32Array(64)
  #count = 0
  #hash = 0

  constructor(operations: number) {
    this.#now = new Uint32Array(3 + Math.ceil(operations / 32))
    this.#visits = new Uint32Array(this.#now.length * this.#table.length)
  }

  /** Places an operation; false, and nothing placed, where that configuration was visited before. */
  add(operation: number, state: number, detours: number): boolean {
    this.#flip(operation)
    this.#now[0] = this.#hash ^ mixed(~state) ^ detours
    this.#now[1] = state
    this.#now[2] = detours
    if (this.#visit()) return true
    this.#flip(operation)
    return false
  }

  remove(operation: number): void {
    this.#flip(operation)
  }

  #flip(operation: number): void {
    const word = 3 + (operation >>> 5)
    this.#now[word] = (this.#now[word] ?? 0) ^ (1 << (operation & 31))
    this.#hash ^= mixed(operation + 1)
  }

  #visit(): boolean {
    if (this.#count * 2 >= this.#table.length) this.#grow()
    let place = this.#now[0] ?? 0
    for (let visit = this.#at(place); visit !== 0; visit = this.#at(++place)) if (this.#isNow(visit)) return false
    this.#visits.set(this.#now, this.#count * this.#now.length)
    this.#table[place & (this.#table.length - 1)] = ++this.#count
    return true
  }

  #at(place: number): number {
    return this.#table[place & (this.#table.length - 1)] ?? 0
  }

  #isNow(visit: number): boolean {
    const from = (visit - 1) * this.#now.length
    for (let word = 0; word < this.#now.length; word++) {
      if (this.#visits[from + word] !== this.#now[word]) return false
    }
    return true
  }

  #grow(): void {
    const visits = new Uint32Array(this.#visits.length * 2)
    visits.set(this.#visits)
    this.#visits = visits
    this.#table = new Uint32Array(this.#table.length * 2)
    for (let visit = 1; visit <= this.#count; visit++) {
      let place = visits[(visit - 1) * this.#now.length] ?? 0
      while (this.#at(place) !== 0) place++
      this.#table[place & (this.#table.length - 1)] = visit
    }
  }
}

/** A word for a number, mixed so that sets of numbers rarely share a sum. */
const mixed = (value: number): number => {
  let word = Math.imul(value, 0x9e3779b1)
  word = Math.imul(word ^ (word >>> 15), 0x85ebca6b)
  return word ^ (word >>> 13)
}
