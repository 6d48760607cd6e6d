/**
 * The committed state of a memory store: a table per kind, the ledgers, and the lists that reads answer from.
 *
 * Everything here is synchronous, so that whoever calls it decides where a fiber may be interrupted by another one. A
 * commit costs what it changes, however much is stored. It is also the `Records` that decisions look at: nothing is
 * copied for them.
 */
import type { Coupon } from "../coupons/Coupon.ts"
import type { Order } from "../orders/Order.ts"
import type { SalesBucket } from "../popularity/SalesBucket.ts"
import {
  type ChangeSet,
  eachRow,
  type Key,
  type Keys,
  type KindName,
  keyText,
  kindNames,
  kinds,
  type LedgerName,
  type Loaded,
  type LoadedOfKind,
  ledgers,
  mapKinds,
  type OfKind,
  type Put,
  type RecordOf,
  type Records,
  type RowOf,
  recordsBy,
} from "../ports/index.ts"
import type { CampaignId } from "../values.ts"
import { KeyMap } from "./KeyMap.ts"
import { Lists } from "./Lists.ts"
import { MemoryOutbox } from "./MemoryOutbox.ts"
import { Sorted } from "./Sorted.ts"

/** Where a record lives. The record in it is replaced, the cell stays, so that lists need not be searched for it. */
export interface Cell<R> {
  record: R
}

/** An order in its lists: they are in the order of commits, and its position is how many orders there were with it. */
export interface ListedCell {
  readonly cell: Cell<Order>
  readonly position: number
}

/** All records of one kind. */
class Table<R> {
  readonly #kind: string
  readonly #keyOf: (record: R) => Key
  readonly #inserted: (cell: Cell<R>) => void
  readonly cells = new KeyMap<Cell<R>>()
  readonly #order: Sorted<Cell<R>>

  constructor(kind: string, keyOf: (record: R) => Key, inserted: (cell: Cell<R>) => void = () => {}) {
    this.#kind = kind
    this.#keyOf = keyOf
    this.#inserted = inserted
    this.#order = new Sorted(({ record }) => keyOf(record))
  }

  /** Why these puts do not fit what is stored, as a sentence; undefined where they do. */
  misfit(puts: ReadonlyArray<Put<R>>): string | undefined {
    for (const { before, after } of puts) {
      const current = this.cells.get(this.#keyOf(after))?.record
      if (current === before) continue
      const what = `${this.#kind} ${keyText(this.#keyOf(after))}`
      return before === undefined
        ? `A commit inserts ${what}, which exists.`
        : `A commit changes ${what}, but not from its current value.`
    }
    return undefined
  }

  put(puts: ReadonlyArray<Put<R>>): void {
    for (const { before, after } of puts) {
      if (before === after) continue
      const key = this.#keyOf(after)
      const cell = before === undefined ? undefined : this.cells.get(key)
      if (cell === undefined) this.#insert(key, { record: after })
      else cell.record = after
    }
  }

  scan(after: Key | undefined, limit: number): ReadonlyArray<R> {
    const found: Array<R> = []
    if (limit <= 0) return found
    for (const { record } of this.#order.from(after, false)) {
      found.push(record)
      if (found.length === limit) break
    }
    return found
  }

  #insert(key: Key, cell: Cell<R>): void {
    this.cells.set(key, cell)
    this.#order.add(cell)
    this.#inserted(cell)
  }
}

interface TableOfKind extends OfKind {
  readonly made: Table<RecordOf[this["kind"]]>
}

export class Tables {
  readonly ledgers: { readonly [L in LedgerName]: Lists<RowOf[L], number> } = {
    entry: new Lists((row) => ledgers.entry.keyOf(row)[1]),
    movement: new Lists((row) => ledgers.movement.keyOf(row)[1]),
  }
  readonly ordersOfAccount = new Lists<ListedCell, number>(({ position }) => position)
  readonly ordersByReference = new Lists<ListedCell, number>(({ position }) => position)
  readonly couponsOfAccount = new Lists<Cell<Coupon>, CampaignId>(({ record }) => record.campaignId)
  readonly couponsOfCampaign = new Lists<Cell<Coupon>, number>(({ record }) => record.ticket)
  readonly bucketsOfHour = new Map<number, Array<Cell<SalesBucket>>>()
  readonly outbox = new MemoryOutbox()
  #orders = 0

  /** What becomes of a new record's cell beside its table: the lists that reads answer from. */
  readonly #listed: { readonly [K in KindName]?: (cell: Cell<RecordOf[K]>) => void } = {
    coupon: (cell) => {
      this.couponsOfAccount.add(cell.record.accountId, cell)
      this.couponsOfCampaign.add(cell.record.campaignId, cell)
    },
    order: (cell) => {
      const { accountId, reference } = cell.record
      const listed = { cell, position: ++this.#orders }
      this.ordersOfAccount.add(accountId, listed)
      if (reference !== undefined) this.ordersByReference.add(reference, listed)
    },
    bucket: (cell) => {
      const { hour } = cell.record
      const ofHour = this.bucketsOfHour.get(hour)
      if (ofHour === undefined) this.bucketsOfHour.set(hour, [cell])
      else ofHour.push(cell)
    },
  }
  readonly #tables: { readonly [K in KindName]: Table<RecordOf[K]> } = mapKinds<TableOfKind>((kind) => {
    const table: unknown = new Table(kind, kinds[kind].keyOf, this.#listed[kind])
    // biome-ignore lint/plugin/casts: it is the table of this kind, as the field's type says
    return table as Table<RecordOf[KindName]>
  })

  /** The current records, as decisions look at them. */
  readonly records: Records = recordsBy((kind, key) => this.get(kind, key))

  /** The current record of a kind. */
  get<K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined {
    return this.#tables[kind].cells.get(key)?.record
  }

  /** The current records of some keys. */
  loaded(keys: Keys): Loaded {
    return mapKinds<LoadedOfKind>((kind) => keys.of(kind).flatMap((key) => this.get(kind, key) ?? []))
  }

  /** Records of a kind in the order of their keys, at most `limit` of those after one. */
  scan<K extends KindName>(kind: K, after: Key | undefined, limit: number): ReadonlyArray<RecordOf[K]> {
    return this.#tables[kind].scan(after, limit)
  }

  /** Rows of a ledger in the order of their keys, likewise. */
  scanLog<L extends LedgerName>(log: L, after: Key | undefined, limit: number): ReadonlyArray<RowOf[L]> {
    return this.ledgers[log].scan(after, limit)
  }

  /**
   * Why a change set cannot be committed, as a sentence; undefined where it can. A record that is inserted must be new,
   * and one that is changed must be changed from the very value that is stored: anything else is a lost update, and
   * the bug of whoever decided.
   */
  misfit({ puts }: ChangeSet): string | undefined {
    for (const kind of kindNames) {
      const misfit = this.#misfit(kind, puts)
      if (misfit !== undefined) return misfit
    }
    return undefined
  }

  /** Commits a change set that fits. */
  commit({ puts, appends }: ChangeSet): void {
    for (const kind of kindNames) this.#put(kind, puts)
    eachRow(appends, (ledger, row) => this.ledgers[ledger].add(ledgers[ledger].keyOf(row)[0], row))
    this.outbox.append(appends.event)
  }

  #misfit<K extends KindName>(kind: K, puts: ChangeSet["puts"]): string | undefined {
    return puts[kind].length === 0 ? undefined : this.#tables[kind].misfit(puts[kind])
  }

  #put<K extends KindName>(kind: K, puts: ChangeSet["puts"]): void {
    if (puts[kind].length > 0) this.#tables[kind].put(puts[kind])
  }
}
