/**
 * A change set as its tables are written: the rows of its ledgers, and where its receipts go. A receipt stands in the row
 * that its command makes, where its operation has such a home, else in a row of its own. That is settled here, before any
 * statement is built.
 */
import type { ChangeSet, LedgerName, Put, RecordOf, RowOf } from "@holdfast/core/ports"
import { type Home, homeNames, homeOf } from "./homes.ts"
import type { LedgerTable } from "./ledgerTable.ts"
import type { RowColumn } from "./template.ts"

type Receipt = RecordOf["receipt"]

/** A row, and the receipt that it is of the command that made it. */
export interface Receipted<R> {
  readonly row: R
  readonly receipt: Receipt | undefined
  /** What its table counts of the batch beside it. */
  readonly counted: number
}

/** The commands that make a row of each home in this batch. */
const makers: { readonly [T in Home]: (changes: ChangeSet) => ReadonlyArray<string> } = {
  orders: ({ puts }) => fresh(puts.order).map(({ orderId }) => orderId),
  entry: ({ appends }) => appends.entry.map(({ commandId }) => commandId),
  coupon: ({ puts }) => fresh(puts.coupon).map(({ commandId }) => commandId),
}

const fresh = <R>(puts: ReadonlyArray<Put<R>>): ReadonlyArray<R> =>
  puts.flatMap(({ before, after }) => (before === undefined ? [after] : []))

export class Batch {
  readonly #appends: ChangeSet["appends"]
  /** The receipts that stand in the rows of a table, by their commands. */
  readonly #housed: ReadonlyMap<string, Map<string, Receipt>>
  readonly #placed: ReadonlyMap<string, ReadonlyArray<string>>
  /** The receipts that need rows of their own. */
  readonly homeless: ReadonlyArray<Receipt>

  constructor(changes: ChangeSet) {
    this.#appends = changes.appends
    const made = new Map(homeNames.map((home) => [home, new Set(makers[home](changes))]))
    const housed = new Map(homeNames.map((home) => [home, new Map<string, Receipt>()]))
    const homeless: Array<Receipt> = []
    for (const { after } of changes.puts.receipt) {
      const home = homeOf(after.operation)
      if (home !== undefined && made.get(home)?.has(after.commandId)) housed.get(home)?.set(after.commandId, after)
      else homeless.push(after)
    }
    this.#housed = housed
    this.homeless = homeless
    this.#placed = placedBy(fresh(changes.puts.order))
  }

  /** How many orders of an account are new. */
  ordersOf(accountId: string): number {
    return this.#placed.get(accountId)?.length ?? 0
  }

  /** How many new orders of its account come after one. */
  ordersBehind({ accountId, orderId }: RecordOf["order"]): number {
    const placed = this.#placed.get(accountId) ?? []
    return placed.length - 1 - placed.indexOf(orderId)
  }

  /** The rows of a ledger, each with the receipt that it is. */
  rowsOf<L extends LedgerName>({ ledger, table }: LedgerTable<L>): ReadonlyArray<Receipted<RowOf[L]>> {
    return this.withReceipts(table, this.#appends[ledger], ({ commandId }) => commandId, none)
  }

  /** New rows of a table, each with the receipt that it is of the command that made it. */
  withReceipts<R>(
    table: string,
    rows: ReadonlyArray<R>,
    commandOf: (row: R) => string,
    countOf: (batch: Batch, row: R) => number,
  ): ReadonlyArray<Receipted<R>> {
    const receipts = this.#housed.get(table)
    return rows.map((row) => ({ row, receipt: receipts?.get(commandOf(row)), counted: countOf(this, row) }))
  }
}

/** For tables that count nothing. */
export const none = (): number => 0

const placedBy = (orders: ReadonlyArray<RecordOf["order"]>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const placed = new Map<string, Array<string>>()
  for (const { accountId, orderId } of orders) {
    const ofAccount = placed.get(accountId)
    if (ofAccount === undefined) placed.set(accountId, [orderId])
    else ofAccount.push(orderId)
  }
  return placed
}

/** The last columns of a row that may be a receipt. */
export const receiptColumns: ReadonlyArray<RowColumn<Receipted<unknown>>> = [
  { name: "scope", type: "text", get: ({ receipt }) => receipt?.scope },
  { name: "key", type: "text", get: ({ receipt }) => receipt?.key },
  { name: "fingerprint", type: "text", get: ({ receipt }) => receipt?.fingerprint },
]
