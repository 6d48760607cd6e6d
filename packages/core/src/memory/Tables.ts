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
  type Key,
  type KindName,
  keyText,
  kindNames,
  kinds,
  type LogName,
  type Put,
  type RecordOf,
  type Records,
  type RowOf,
} from "../ports/Store.ts"
import type { CampaignId, OrderId } from "../values.ts"
import { KeyMap } from "./KeyMap.ts"
import { Lists } from "./Lists.ts"
import { MemoryOutbox } from "./MemoryOutbox.ts"
import { Sorted } from "./Sorted.ts"

/** Where a record lives. The record in it is replaced, the cell stays, so that lists need not be searched for it. */
export interface Cell<R> {
  record: R
}

/** The logs that are kept for good. Events are kept by the outbox, until nobody waits for them. */
export type LedgerName = Exclude<LogName, "event">

/** All records of one kind. */
class Table<K extends KindName> {
  readonly #kind: K
  readonly #keyOf: (record: RecordOf[K]) => Key
  readonly #inserted: (cell: Cell<RecordOf[K]>) => void
  readonly cells = new KeyMap<Cell<RecordOf[K]>>()
  readonly #order: Sorted<Cell<RecordOf[K]>>

  constructor(kind: K, inserted: (cell: Cell<RecordOf[K]>) => void = () => {}) {
    const { keyOf } = kinds[kind]
    this.#kind = kind
    this.#keyOf = keyOf
    this.#inserted = inserted
    this.#order = new Sorted(({ record }) => keyOf(record))
  }

  /** Why these puts do not fit what is stored, as a sentence; undefined where they do. */
  misfit(puts: ReadonlyArray<Put<RecordOf[K]>>): string | undefined {
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

  put(puts: ReadonlyArray<Put<RecordOf[K]>>): void {
    for (const { before, after } of puts) {
      if (before === after) continue
      const key = this.#keyOf(after)
      const cell = before === undefined ? undefined : this.cells.get(key)
      if (cell === undefined) this.#insert(key, { record: after })
      else cell.record = after
    }
  }

  scan(after: Key | undefined, limit: number): ReadonlyArray<RecordOf[K]> {
    const found: Array<RecordOf[K]> = []
    if (limit <= 0) return found
    for (const { record } of this.#order.from(after, false)) {
      found.push(record)
      if (found.length === limit) break
    }
    return found
  }

  #insert(key: Key, cell: Cell<RecordOf[K]>): void {
    this.cells.set(key, cell)
    this.#order.add(cell)
    this.#inserted(cell)
  }
}

export class Tables implements Records {
  readonly ledgers: { readonly [L in LedgerName]: Lists<RowOf[L], number> } = {
    entry: new Lists(({ seq }) => seq),
    movement: new Lists(({ revision }) => revision),
  }
  readonly ordersOfAccount = new Lists<Cell<Order>, OrderId>(({ record }) => record.orderId)
  readonly ordersByReference = new Lists<Cell<Order>, OrderId>(({ record }) => record.orderId)
  readonly couponsOfAccount = new Lists<Cell<Coupon>, CampaignId>(({ record }) => record.campaignId)
  readonly couponsOfCampaign = new Lists<Cell<Coupon>, number>(({ record }) => record.ticket)
  readonly bucketsOfHour = new Map<number, Array<Cell<SalesBucket>>>()
  readonly outbox = new MemoryOutbox()

  readonly #tables: { readonly [K in KindName]: Table<K> } = {
    account: new Table("account"),
    coupon: new Table("coupon", (cell) => {
      this.couponsOfAccount.add(cell.record.accountId, cell)
      this.couponsOfCampaign.add(cell.record.campaignId, cell)
    }),
    campaign: new Table("campaign"),
    order: new Table("order", (cell) => {
      const { accountId, reference } = cell.record
      this.ordersOfAccount.add(accountId, cell)
      if (reference !== undefined) this.ordersByReference.add(reference, cell)
    }),
    product: new Table("product"),
    bucket: new Table("bucket", (cell) => {
      const { hour } = cell.record
      const ofHour = this.bucketsOfHour.get(hour)
      if (ofHour === undefined) this.bucketsOfHour.set(hour, [cell])
      else ofHour.push(cell)
    }),
    receipt: new Table("receipt"),
  }

  account: Records["account"] = (accountId) => this.#tables.account.cells.leaf(accountId)?.record
  product: Records["product"] = (productId) => this.#tables.product.cells.leaf(productId)?.record
  campaign: Records["campaign"] = (campaignId) => this.#tables.campaign.cells.leaf(campaignId)?.record
  order: Records["order"] = (orderId) => this.#tables.order.cells.leaf(orderId)?.record
  coupon: Records["coupon"] = (campaignId, accountId) =>
    this.#tables.coupon.cells.branch(campaignId)?.leaf(accountId)?.record
  bucket: Records["bucket"] = (productId, hour) => this.#tables.bucket.cells.branch(productId)?.leaf(hour)?.record
  receipt: Records["receipt"] = (scope, operation, key) =>
    this.#tables.receipt.cells.branch(scope)?.branch(operation)?.leaf(key)?.record

  /** The current record of a kind. */
  get<K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined {
    return this.#tables[kind].cells.get(key)?.record
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
    for (const entry of appends.entry) this.ledgers.entry.add(entry.accountId, entry)
    for (const movement of appends.movement) this.ledgers.movement.add(movement.productId, movement)
    this.outbox.append(appends.event)
  }

  #misfit<K extends KindName>(kind: K, puts: ChangeSet["puts"]): string | undefined {
    return puts[kind].length === 0 ? undefined : this.#tables[kind].misfit(puts[kind])
  }

  #put<K extends KindName>(kind: K, puts: ChangeSet["puts"]): void {
    if (puts[kind].length > 0) this.#tables[kind].put(puts[kind])
  }
}
