/**
 * The table of one ledger, as data. Its rows are written by the statement that moves their owner, so that their positions
 * move along where the owner was found elsewhere than it was decided on.
 */
import { kinds, type LedgerName, ledgers, type RowOf } from "@holdfast/core/ports"
import type { Relation } from "../schema/shape.generated.ts"
import { type Column, columnsOf, type Fields, reader, rowOf, type Row as Values } from "./columns.ts"
import { homes } from "./homes.ts"

export interface LedgerTable<L extends LedgerName> {
  readonly ledger: L
  readonly table: Relation
  readonly columns: ReadonlyArray<Column<RowOf[L]>>
  /** The columns of the owner's key and of the position. */
  readonly key: ReadonlyArray<Column<RowOf[L]>>
  /** The columns of the owner's key. */
  readonly owner: ReadonlyArray<Column<RowOf[L]>>
  /** The columns that show the owner's counters right after the row. */
  readonly counters: ReadonlyArray<Column<RowOf[L]>>
  /** A row as one JSON value, and how it is read. */
  readonly row: string
  readonly rowOf: (values: Values) => RowOf[L]
  /** Whether rows may be receipts of the commands that made them. */
  readonly isReceipt: boolean
}

export const ledgerTable = <L extends LedgerName>(
  ledger: L,
  {
    table,
    owner,
    position,
    fields,
  }: {
    readonly table: Relation
    readonly owner: keyof RowOf[L] & string
    readonly position: keyof RowOf[L] & string
    readonly fields: Fields<RowOf[L]>
  },
): LedgerTable<L> => {
  const columns = columnsOf(fields)
  const counters: ReadonlyArray<string> = kinds[ledgers[ledger].of].counters
  return {
    ledger,
    table,
    columns,
    key: [owner, position].flatMap((name) => columns.filter(({ field }) => field === name)),
    owner: columns.filter(({ field }) => field === owner),
    counters: columns.filter(({ field }) => counters.includes(field)),
    row: rowOf(columns),
    rowOf: reader(fields),
    isReceipt: table in homes,
  }
}
