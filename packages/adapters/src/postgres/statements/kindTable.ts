/**
 * The table of one kind, as data: which column holds which field. Reading, locking and writing its records follow from it.
 */
import { type KindName, kinds, type LedgerName, type Put, type RecordOf } from "@holdfast/core/ports"
import type { Relation } from "../schema/shape.generated.ts"
import type { Statement } from "../session/wire.ts"
import { type Batch, none } from "./Batch.ts"
import { type Column, columnsOf, type Fields, reader, rowOf, type Row as Values } from "./columns.ts"
import { homes } from "./homes.ts"
import type { LedgerTable } from "./ledgerTable.ts"
import { type Reading, readingOf } from "./reading.ts"
import type { Template } from "./template.ts"
import {
  type Counting,
  changesTerms,
  changing,
  inserting,
  type Layout,
  type Moved,
  moving,
  relying,
} from "./writing.ts"

export interface KindTable<K extends KindName> {
  readonly kind: K
  readonly table: Relation
  readonly key: ReadonlyArray<Column<RecordOf[K]>>
  /** A row as one JSON value, and the record that it holds. */
  readonly row: string
  readonly recordOf: (values: Values) => RecordOf[K]
  /** How records are found by their keys: in one way, but for receipts, which stand in several places. */
  readonly readings: ReadonlyArray<Reading>
  readonly write: (puts: ReadonlyArray<Put<RecordOf[K]>>, batch: Batch) => Written
  /** The statements that it writes with, for readers. */
  readonly templates: ReadonlyArray<Shown>
}

/** What the puts of a batch come to. New rows may have to be written later than changes of the same kind. */
interface Written {
  readonly changes: ReadonlyArray<Statement>
  readonly inserts: ReadonlyArray<Statement>
}

/** What there is to read of a statement. */
type Shown = Pick<Template<never>, "name" | "sql" | "parameters">

/** What a table says of itself. */
export interface Described<R, L extends LedgerName> {
  readonly table: Relation
  readonly key: ReadonlyArray<keyof R & string>
  /** Fields that never change and that no accepted decision rests on: they are inserted and never compared. */
  readonly fixed?: ReadonlyArray<keyof R & string>
  /** A column for every field of the record. */
  readonly fields: Fields<R>
  readonly ledger?: LedgerTable<L>
  /** The command that made a row, where rows are its receipts. */
  readonly commandOf?: (record: R) => string
  /** Columns that are no fields of the record. */
  readonly counting?: Counting<R>
}

export const kindTable = <K extends KindName, L extends LedgerName = never>(
  kind: K,
  described: Described<RecordOf[K], L>,
): KindTable<K> => {
  const { table, fields, ledger, commandOf = notReceipt, counting } = described
  const countOf = counting?.of ?? none
  const layout = layoutOf(kind, described)
  const { columns, key, terms, counters } = layout
  const insert = inserting(layout)
  const change = changing(layout)
  const rely = relying(layout)
  const move = counters.length > 0 ? moving(layout) : change
  return {
    kind,
    table,
    key,
    row: rowOf(columns),
    recordOf: reader(fields),
    readings: [readingOf(kind, table, key, rowOf(columns))],
    write: (puts, batch) => {
      const { fresh, moved } = split(puts, (record) => countOf(batch, record))
      const rows = ledger === undefined ? [] : batch.rowsOf(ledger)
      const relies = rows.length === 0 && moved.every(({ before, after, counted }) => before === after && counted === 0)
      const changes = moved.some((each) => changesTerms(terms, each))
      return {
        changes:
          moved.length === 0 && rows.length === 0
            ? []
            : [relies ? rely.of(moved) : (changes ? change : move).of({ moved, rows })],
        inserts: fresh.length === 0 ? [] : [insert.of(batch.withReceipts(table, fresh, commandOf, countOf))],
      }
    },
    templates: [insert, ...(counters.length > 0 ? [move] : []), change, rely],
  }
}

const notReceipt = (): string => ""

const layoutOf = <K extends KindName, L extends LedgerName>(
  kind: K,
  { table, key, fixed = [], fields, ledger, counting }: Described<RecordOf[K], L>,
): Layout<RecordOf[K], L> => {
  const columns = columnsOf(fields)
  const isOf = (names: ReadonlyArray<string>) => columns.filter(({ field }) => names.includes(field))
  const { counters } = kinds[kind]
  const other: ReadonlyArray<string> = [...key, ...counters, ...fixed]
  return {
    kind,
    table,
    columns,
    key: isOf(key),
    counters: isOf(counters),
    terms: columns.filter(({ field }) => !other.includes(field)),
    isReceipt: table in homes,
    ledger,
    counting,
  }
}

const split = <R>(
  puts: ReadonlyArray<Put<R>>,
  countOf: (record: R) => number,
): { readonly fresh: ReadonlyArray<R>; readonly moved: ReadonlyArray<Moved<R>> } => {
  const fresh: Array<R> = []
  const moved: Array<Moved<R>> = []
  for (const { before, after, guard } of puts) {
    if (before === undefined) fresh.push(after)
    else moved.push({ before, after, guard, counted: countOf(after) })
  }
  return { fresh, moved }
}
