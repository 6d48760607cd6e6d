/**
 * Reading a store that goes on selling: page by page, and records together with the rows that they count.
 *
 * There is no snapshot of the whole store and no lock. What makes a comparison exact all the same is the order of the
 * reads. Ledgers only grow, and a record moves in the same commit as its rows. So a record that was read *before* its
 * rows must find all rows up to its position, and a record that is read *after* them must have come at least as far.
 */
import { Effect } from "effect"
import { type KindName, kinds, type LedgerName, ledgers, type RecordOf, type RowOf } from "../decision/kinds.ts"
import { compareBytes, compareKeys, type Key } from "../values.ts"
import type { Findings } from "./AuditReport.ts"

/** What an audit needs of a store: ordered scans, each page one snapshot taken after the call. The `Store` port has it. */
export interface AuditSource<E> {
  readonly scan: <K extends KindName>(
    kind: K,
    after: Key | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<RecordOf[K]>, E>
  readonly scanLog: <L extends LedgerName>(
    log: L,
    after: Key | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<RowOf[L]>, E>
  /** The moment before which rows may have been archived; undefined where none were. */
  readonly archivedBefore?: Effect.Effect<number | undefined, E> | undefined
}

export interface Pace {
  readonly pageSize: number
  readonly pauseMillis: number
}

/** Reads a source in pages, at a pace that leaves room for sales, and checks that its scans are in order. */
export class Pages<E> {
  readonly #source: AuditSource<E>
  readonly #pace: Pace
  readonly #findings: Findings

  constructor(source: AuditSource<E>, pace: Pace, findings: Findings) {
    this.#source = source
    this.#pace = pace
    this.#findings = findings
  }

  records<K extends KindName>(kind: K, after: Key | undefined): Effect.Effect<ReadonlyArray<RecordOf[K]>, E> {
    return this.#next(this.#source.scan(kind, after, this.#pace.pageSize), kinds[kind].keyOf, after, kind)
  }

  rows<L extends LedgerName>(log: L, after: Key | undefined): Effect.Effect<ReadonlyArray<RowOf[L]>, E> {
    return this.#next(this.#source.scanLog(log, after, this.#pace.pageSize), ledgers[log].keyOf, after, log)
  }

  /** Visits every record of a kind. */
  each<K extends KindName>(kind: K, visit: (record: RecordOf[K]) => void): Effect.Effect<void, E> {
    const pages = this
    return Effect.gen(function* () {
      let after: Key | undefined
      while (true) {
        const page = yield* pages.records(kind, after)
        const last = page.at(-1)
        // Only an empty page is the end: a store may cap its pages below the size asked for.
        if (last === undefined) return
        page.forEach(visit)
        after = kinds[kind].keyOf(last)
      }
    })
  }

  #next<R>(
    page: Effect.Effect<ReadonlyArray<R>, E>,
    keyOf: (row: R) => Key,
    after: Key | undefined,
    name: string,
  ): Effect.Effect<ReadonlyArray<R>, E> {
    const { pauseMillis } = this.#pace
    const rest = pauseMillis > 0 ? Effect.sleep(pauseMillis) : Effect.yieldNow
    return Effect.tap(
      Effect.map(page, (rows) => this.#inOrder(rows, keyOf, after, name)),
      () => rest,
    )
  }

  #inOrder<R>(rows: ReadonlyArray<R>, keyOf: (row: R) => Key, after: Key | undefined, name: string): ReadonlyArray<R> {
    let previous = after
    for (const row of rows) {
      const key = keyOf(row)
      if (previous !== undefined && compareKeys(key, previous) <= 0) {
        const note = `${name}: this key came after one that is not smaller`
        this.#findings.violation("scan-order", { key, expected: [...previous], found: [...key], note })
      }
      previous = key
    }
    this.#findings.checked("scan-order", rows.length)
    // A page that does not lead past its start would be read for ever.
    return after !== undefined && previous !== undefined && compareKeys(previous, after) <= 0 ? [] : rows
  }
}

/** Records that count rows: an account its entries, a product its movements, a campaign its coupons. */
export interface Ledger<Owner, Row, E> {
  /** The page of owners after a key. */
  readonly owners: (after: Key | undefined) => Effect.Effect<ReadonlyArray<Owner>, E>
  /** The page of rows after a key. A row's key begins with its owner's id. */
  readonly rows: (after: Key | undefined) => Effect.Effect<ReadonlyArray<Row>, E>
  readonly idOf: (owner: Owner) => string
  /** How far the owner counts its rows. */
  readonly positionOf: (owner: Owner) => number
  readonly rowKey: (row: Row) => Key
  readonly rowPosition: (row: Row) => number
  /** Begins the recount of one owner; undefined where rows were found and no owner of theirs was read before. */
  readonly open: (id: string, owner: Owner | undefined) => Book<Row>
  /** Reads what the recounts of a range need besides, after its owners and before its rows. */
  readonly prepare: (owners: ReadonlyArray<Owner>, range: Range) => Effect.Effect<void, E>
  /** Called where an owner that was read after a row had not come as far as that row, or does not exist. */
  readonly behind: (id: string, position: number, owner: Owner | undefined) => void
}

/** The recount of one owner's rows. */
export interface Book<Row> {
  readonly add: (row: Row) => void
  readonly close: () => void
}

/** So many owners are remembered at most until they are read again. */
const maxAhead = 10_000

/** Visits every owner with its rows, in order: an owner is read before its rows, and again where rows went further. */
export const walkLedger = <Owner, Row, E>(ledger: Ledger<Owner, Row, E>): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    let from: string | undefined
    let cursor: Key | undefined
    while (true) {
      const owners = yield* ledger.owners(from === undefined ? undefined : [from])
      const last = owners.at(-1)
      const until: string | undefined = last === undefined ? undefined : ledger.idOf(last)
      cursor = yield* walkRange(ledger, owners, { from, until }, cursor)
      if (until === undefined) return
      from = until
    }
  })

/** Owners by id: those after `from` up to and including `until`; undefined means no bound on that side. */
export interface Range {
  readonly from: string | undefined
  readonly until: string | undefined
}

// Rows are read again from where the last range ended: a page of theirs that is older than the owners would not do.
const walkRange = Effect.fnUntraced(function* <Owner, Row, E>(
  ledger: Ledger<Owner, Row, E>,
  owners: ReadonlyArray<Owner>,
  { from, until }: Range,
  start: Key | undefined,
) {
  yield* ledger.prepare(owners, { from, until })
  const shelf = new Shelf(ledger, owners)
  let cursor = start
  let inRange = true
  while (inRange) {
    const rows = yield* ledger.rows(cursor)
    inRange = rows.length > 0
    for (const row of rows) {
      const key = ledger.rowKey(row)
      const id = String(key[0])
      inRange = isWithin(id, until)
      if (!inRange) break
      cursor = key
      // Rows that were added to owners of an earlier range since then.
      if (isBehind(id, from)) shelf.add(id, row)
    }
    if (shelf.ahead.size >= maxAhead) yield* readAgain(ledger, from, shelf.ahead)
  }
  shelf.close()
  yield* readAgain(ledger, from, shelf.ahead)
  return cursor
})

/** Whether an id is in a range, as far as its beginning tells. */
export const isBehind = (id: string, from: string | undefined): boolean =>
  from === undefined || compareBytes(id, from) > 0
export const isWithin = (id: string, until: string | undefined): boolean =>
  until === undefined || compareBytes(id, until) <= 0

/** The books of one range of owners: one is open at a time. */
class Shelf<Owner, Row> {
  /** The owners whose rows went further than they did when they were read, with the furthest position. */
  readonly ahead = new Map<string, number>()
  readonly #ledger: Ledger<Owner, Row, unknown>
  readonly #owners: ReadonlyArray<Owner>
  #next = 0
  #open: { readonly id: string; readonly position: number; readonly book: Book<Row> } | undefined

  constructor(ledger: Ledger<Owner, Row, unknown>, owners: ReadonlyArray<Owner>) {
    this.#ledger = ledger
    this.#owners = owners
  }

  add(id: string, row: Row): void {
    const { position, book } = this.#open?.id === id ? this.#open : this.#bookOf(id)
    book.add(row)
    const reached = this.#ledger.rowPosition(row)
    if (reached > Math.max(position, this.ahead.get(id) ?? 0)) this.ahead.set(id, reached)
  }

  close(): void {
    for (const owner of this.#owners.slice(this.#next)) this.#turnTo(this.#ledger.idOf(owner), owner)
    this.#open?.book.close()
  }

  // Owners that are passed on the way have no rows; they are opened and closed all the same.
  #bookOf(id: string) {
    while (true) {
      const owner = this.#owners[this.#next]
      if (owner === undefined) break
      const order = compareBytes(this.#ledger.idOf(owner), id)
      if (order > 0) break
      this.#next++
      const turned = this.#turnTo(this.#ledger.idOf(owner), owner)
      if (order === 0) return turned
    }
    return this.#turnTo(id, undefined)
  }

  #turnTo(id: string, owner: Owner | undefined) {
    this.#open?.book.close()
    const position = owner === undefined ? 0 : this.#ledger.positionOf(owner)
    this.#open = { id, position, book: this.#ledger.open(id, owner) }
    return this.#open
  }
}

// A row that was seen is in a commit that moved its owner too, so the owner must show it by now.
const readAgain = Effect.fnUntraced(function* <Owner, Row, E>(
  ledger: Ledger<Owner, Row, E>,
  from: string | undefined,
  ahead: Map<string, number>,
) {
  let after: Key | undefined = from === undefined ? undefined : [from]
  const found = new Map<string, Owner>()
  let furthest: string | undefined
  for (const id of ahead.keys()) if (furthest === undefined || compareBytes(id, furthest) > 0) furthest = id
  while (furthest !== undefined && (after === undefined || compareBytes(String(after[0]), furthest) < 0)) {
    const owners = yield* ledger.owners(after)
    const last = owners.at(-1)
    if (last === undefined) break
    for (const owner of owners) if (ahead.has(ledger.idOf(owner))) found.set(ledger.idOf(owner), owner)
    after = [ledger.idOf(last)]
  }
  for (const [id, position] of ahead) {
    const owner = found.get(id)
    if (owner === undefined || ledger.positionOf(owner) < position) ledger.behind(id, position, owner)
  }
  ahead.clear()
})
