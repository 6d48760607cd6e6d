/**
 * What the records of a kind and the rows of a ledger are read with, whatever asks for them.
 */
import { type KindName, type LedgerName, mapKinds, type OfKind, type RecordOf, type RowOf } from "@holdfast/core/ports"
import { rowsOf } from "../session/text.ts"
import type { Row } from "./columns.ts"
import type { KeyColumn } from "./keys.ts"
import { kindTables, ledgerTables } from "./kindTables.ts"

export interface Table<R> {
  readonly table: string
  readonly key: ReadonlyArray<KeyColumn>
  /** A row `r` as one JSON value. */
  readonly row: string
  readonly recordsOf: (json: string | null) => ReadonlyArray<R>
}

export const tables: { readonly [K in KindName]: Table<RecordOf[K]> } = mapKinds<TableOfKind>((kind) => {
  const { table, key, row, recordOf } = kindTables[kind]
  return { table, key, row, recordsOf: (json) => rowsOf<Row>(json).map(recordOf) }
})

interface TableOfKind extends OfKind {
  readonly made: Table<RecordOf[this["kind"]]>
}

const ledgerOf = <L extends LedgerName>(ledger: L): Table<RowOf[L]> => {
  const { table, key, row, rowOf } = ledgerTables[ledger]
  return { table, key, row, recordsOf: (json) => rowsOf<Row>(json).map(rowOf) }
}

export const ledgers: { readonly [L in LedgerName]: Table<RowOf[L]> } = {
  entry: ledgerOf("entry"),
  movement: ledgerOf("movement"),
}
