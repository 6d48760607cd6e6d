/**
 * What a lease was given: which rows of the outbox its holder has had, which of them it has in hand, and where rows may
 * still turn up.
 *
 * Rows become visible in any order: one with a lower id may be committed later. Only rows that share a key come in the
 * order of their ids, so a late row is behind none of those that were seen before it, and before all that follow. A claim
 * therefore asks for everything behind the last row, and for the gaps before it: the ids that were not seen. An open
 * transaction holds up no delivery; it keeps one gap open.
 *
 * Gaps that nobody fills (a rollback, a row that only another name waits for) are forgotten when every transaction has ended
 * that could. An id is drawn by a transaction that has its own number by then, and a transaction of ours that begins after a
 * gap was seen has a greater one. What is forgotten moves the floor: claims start behind it, and need not step over what was
 * deleted since.
 *
 * All of that is known of one server. Another one that takes over may have lost what was committed last, and draws the same
 * ids once more, for other rows: some below the floor, some of rows that are in hand. Nothing tells them apart, so what is
 * given is over with the server, and with it the lease.
 */
import type { Position } from "@holdfast/core/ports"
import { above, add, gapsIn, includes, newest, type Range } from "./ranges.ts"

/** A row in hand. */
export interface HeldRow {
  /** How many events of it were given, from its first one on. */
  given: number
  readonly size: number
  /** The indexes of events that need no handling any more. */
  readonly settled: Set<number>
}

/** Numbers of transactions at a moment: all below `ended` had ended, none from `begun` on had. */
export interface Horizon {
  readonly ended: number
  readonly begun: number
}

/** Above every id. */
const top = Number.MAX_SAFE_INTEGER
/** The most stretches of seen ids that are remembered. What is older is asked for again, but for what is in hand. */
const mostStretches = 1_000

export class Given {
  readonly fence: number
  /** How many rows the next claim looks at: what the last one found worth while. */
  rowsWorthAsking = 1
  /** Where the caller went on from when it was answered last. */
  answeredAfter: Position | undefined
  #server: number | undefined
  #isOver = false
  /** By id. */
  readonly #rows = new Map<number, HeldRow>()
  /** Every row up to here was given, or will never be there. */
  #floor = -1
  /** Above the floor, the ids of rows that were given as a whole. */
  #seen: ReadonlyArray<Range> = []
  /** Undoes the last answer, for a caller who has not heard it. */
  #undo: () => void = () => {}
  /** How far ids had been seen when a transaction of ours began that has ended since. */
  #seenBeforeOurs: number | undefined
  /** Ids up to `id` are decided when the transactions below `number` have ended. */
  #pending: { readonly id: number; readonly number: number } | undefined

  constructor(fence: number) {
    this.fence = fence
  }

  /** Whether another server has answered than the one whose rows were given. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The server whose rows were given, as its statements take it; empty where none is known. */
  get server(): string {
    return this.#server === undefined ? "" : String(this.#server)
  }

  /** A server has answered. False where what is given is over. */
  isOf(server: number): boolean {
    this.#server ??= server
    this.#isOver ||= this.#server !== server
    return !this.#isOver
  }

  row(id: number): HeldRow | undefined {
    return this.#rows.get(id)
  }

  /** Where rows can be that were not given, in order. */
  get gaps(): ReadonlyArray<Range> {
    return gapsIn(this.#seen, this.#floor + 1, top)
  }

  /** The rows in those gaps that are in hand all the same. */
  get inGaps(): ReadonlyArray<number> {
    const ids: Array<number> = []
    for (const [id, { given, size }] of this.#rows) {
      if (given >= size && id > this.#floor && !includes(this.#seen, id)) ids.push(id)
    }
    return ids
  }

  /** The caller has nothing in hand: everything that is not settled is given once more. */
  startOver(): void {
    for (const id of this.#rows.keys()) this.#floor = Math.min(this.#floor, id - 1)
    this.#rows.clear()
    this.#seen = []
    this.#undo = () => {}
  }

  /** The caller has not heard the last answer, so nothing of it is in hand. */
  takeBack(): void {
    this.#undo()
    this.#undo = () => {}
  }

  /**
   * Events up to an index of each of these rows were given. `isWhole` where there was no other row to be seen, and otherwise
   * none before the last of these.
   */
  answered(
    rows: ReadonlyArray<readonly [id: number, given: number, size: number, settled: ReadonlyArray<number>]>,
    horizon: Horizon,
    isWhole: boolean,
  ): void {
    const [floor, seenBefore] = [this.#floor, this.#seen]
    const seen = [...seenBefore]
    const undo: Array<() => void> = []
    for (const [id, given, size, settled] of rows) {
      const held = this.#rows.get(id)
      if (held === undefined) {
        this.#rows.set(id, { given, size, settled: new Set(settled) })
        undo.push(() => this.#rows.delete(id))
      } else {
        const before = held.given
        held.given = given
        undo.push(() => {
          held.given = before
        })
      }
      if (given >= size) add(seen, id)
    }
    const looked = isWhole ? top : (rows.at(-1)?.[0] ?? 0) - 1
    this.#floor = Math.max(floor, Math.min(this.#decided(horizon), looked))
    this.#seen = newest(above(seen, this.#floor), mostStretches)
    // An answer without rows need not be undone, and an idle caller asks in the same way each time.
    this.#undo = () => {
      if (rows.length === 0) return
      this.#floor = floor
      this.#seen = seenBefore
      for (const each of undo) each()
    }
  }

  /** A transaction of ours that changes something begins. What is answered is called when it is committed. */
  changing(): () => void {
    const last = this.#seen.at(-1)?.[1] ?? this.#floor
    return () => {
      this.#seenBeforeOurs = Math.max(this.#seenBeforeOurs ?? -1, last)
    }
  }

  /** Events of a row were settled. */
  settled(id: number, indexes: Iterable<number>): void {
    const held = this.#rows.get(id)
    if (held === undefined) return
    for (const index of indexes) held.settled.add(index)
    if (held.settled.size >= held.size) this.#rows.delete(id)
  }

  /** Up to which id every transaction has ended that could bring a row, as far as is known. */
  #decided({ ended, begun }: Horizon): number {
    let decided = -1
    if (this.#pending !== undefined && ended >= this.#pending.number) {
      decided = this.#pending.id
      this.#pending = undefined
    }
    if (this.#pending === undefined && this.#seenBeforeOurs !== undefined) {
      this.#pending = { id: this.#seenBeforeOurs, number: begun }
      this.#seenBeforeOurs = undefined
    }
    return decided
  }
}
