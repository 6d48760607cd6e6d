/**
 * Writing the records of one kind: new ones are inserted, the others move under guards.
 *
 * A guard compares values: every term with the one that was decided on, and for an exact put every counter too. Counters
 * move by what the decision moved them. Terms are written only where the batch changed them. The last line divides by zero
 * where a guard did not hold; it counts outside of `from u`, or it would not be evaluated when `u` is empty.
 *
 * Locks: rows in the order of their keys. Plans: a nested loop from the sorted input into the primary key.
 */
import { type LedgerName, type Put, type RowOf, unknownVersion } from "@holdfast/core/ports"
import { type Batch, type Receipted, receiptColumns } from "./Batch.ts"
import type { Column } from "./columns.ts"
import { inOrder, type KeyColumn, matching } from "./keys.ts"
import type { LedgerTable } from "./ledgerTable.ts"
import { type Parameters, type RowColumn, type Template, template } from "./template.ts"

/** A put of a record that was there. */
export interface Moved<R> extends Put<R> {
  readonly before: R
  readonly counted: number
}

/**
 * Columns that are no fields of a record, because no decision looks at them: they follow from what else its batch does.
 */
export interface Counting<R> {
  /** What is counted of a batch for one of its records, `x.counted` in SQL. */
  readonly of: (batch: Batch, record: R) => number
  /** What a new row has in each of the columns. */
  readonly columns: Readonly<Record<string, string>>
  /** The column to which it is added where the record is there already. */
  readonly addsTo?: string
}

export interface Moves<R, L extends LedgerName> {
  readonly moved: ReadonlyArray<Moved<R>>
  /** The rows of the ledger, those of new records too. */
  readonly rows: ReadonlyArray<Receipted<RowOf[L]>>
}

/** The columns of a table by what they are for. */
export interface Layout<R, L extends LedgerName> {
  readonly kind: string
  readonly table: string
  readonly columns: ReadonlyArray<Column<R>>
  readonly key: ReadonlyArray<Column<R>>
  readonly counters: ReadonlyArray<Column<R>>
  readonly terms: ReadonlyArray<Column<R>>
  readonly isReceipt: boolean
  readonly ledger: LedgerTable<L> | undefined
  readonly counting: Counting<R> | undefined
}

export const inserting = <R, L extends LedgerName>(layout: Layout<R, L>): Template<ReadonlyArray<Receipted<R>>> =>
  template(`insert ${layout.kind}`, (parameters) => {
    const { columns = {} } = layout.counting ?? {}
    const given = receipted(layout.columns, layout.isReceipt)
    const rows = parameters.rows(
      layout.counting === undefined ? given : [...given, counted],
      (all: ReadonlyArray<Receipted<R>>) => all,
    )
    return `insert into @.${layout.table} (${[...namesOf(layout), ...Object.keys(columns)].join(", ")})
select ${[...selected("x", layout), ...Object.values(columns)].join(", ")}
from ${rows} x
order by ${inOrder("x", layout.key)}`
  })

/** Moves counters, and the rows of the ledger along with them. */
export const moving = <R, L extends LedgerName>(layout: Layout<R, L>): Template<Moves<R, L>> =>
  template(`move ${layout.kind}`, (parameters) => updating(layout, parameters, false))

/** The same for batches in which terms change: each row says whether its own do. */
export const changing = <R, L extends LedgerName>(layout: Layout<R, L>): Template<Moves<R, L>> =>
  template(`change ${layout.kind}`, (parameters) => updating(layout, parameters, true))

/**
 * For decisions that only rely on records being as they are: the rows are kept as they are until the commit, and not
 * written. Only compared, an account that is suspended meanwhile would be heard of before the order that it placed.
 */
export const relying = <R, L extends LedgerName>(layout: Layout<R, L>): Template<ReadonlyArray<Moved<R>>> =>
  template(`rely on ${layout.kind}`, (parameters) => {
    const { table, key, terms } = layout
    const columns = [...key.map(ofAfter), ...terms.map(ofBefore)]
    const rows = parameters.rows(columns, (moved: ReadonlyArray<Moved<R>>) => moved)
    return `with x as (
  select * from ${rows} x order by ${inOrder("x", key)}
), held as materialized (
  select 1 from x cross join lateral (
    select 1 from @.${table} r where ${[matching("r", "x", key), ...terms.map(asDecided)].join(" and ")} for share
  ) a
)
select 1 / ((select count(*) from held) = ${parameters.value("rows", "int", (moved) => moved.length)})::int`
  })

const updating = <R, L extends LedgerName>(
  layout: Layout<R, L>,
  parameters: Parameters<Moves<R, L>>,
  changes: boolean,
): string => {
  const { table, key, counters, terms, ledger, counting } = layout
  const addsTo = counting?.addsTo
  const columns: ReadonlyArray<RowColumn<Moved<R>>> = [
    ...key.map(ofAfter),
    ...counters.flatMap((counter) => [
      { ...ofBefore(counter), name: `old_${counter.name}` },
      { ...ofAfter(counter), name: `new_${counter.name}` },
    ]),
    ...(counters.length > 0 ? [exact] : []),
    ...(addsTo === undefined ? [] : [counted]),
    ...terms.map(ofBefore),
    ...(changes ? [changed(layout), ...terms.map((term) => ({ ...ofAfter(term), name: `new_${term.name}` }))] : []),
  ]
  const sets = [
    ...counters.map(({ name }) => `${name} = r.${name} + (x.new_${name} - x.old_${name})`),
    ...(addsTo === undefined ? [] : [`${addsTo} = r.${addsTo} + x.counted`]),
    ...(changes ? terms.map(set) : []),
  ]
  const guards = [matching("r", "x", key), ...terms.map(asDecided)]
  if (counters.length > 0) guards.push(`(not x.exact or ${counters.map(isOld).join(" and ")})`)
  const shifts = counters.map(({ name }) => `r.${name} - x.new_${name} as ${name}_shift`)
  const source = parameters.rows(columns, ({ moved }: Moves<R, L>) => moved)
  const appended = ledger === undefined ? "" : appending(ledger, parameters)
  return `with x as (
  select * from ${source} x order by ${inOrder("x", key)}
), u as (
  update @.${table} r
  set ${sets.join(", ")}
  from x
  where ${guards.join("\n    and ")}
  returning ${[...key.map(({ name }) => `r.${name}`), ...shifts].join(", ")}
)${appended}
select 1 / ((select count(*) from u) = ${parameters.value("rows", "int", ({ moved }) => moved.length)})::int`
}

/**
 * Few records are found elsewhere than they were decided on, so their rows are compared with those alone: without a hash
 * join (see the session's settings) comparing every row with every record costs their product.
 */
const appending = <R, L extends LedgerName>(ledger: LedgerTable<L>, parameters: Parameters<Moves<R, L>>): string => {
  const { table, columns, owner, counters, isReceipt } = ledger
  const source = parameters.rows(receipted(columns, isReceipt), ({ rows }: Moves<R, L>) => rows)
  const shifted = (column: string, name: string) =>
    counters.some((counter) => counter.name === name) ? `${column} + coalesce(s.${name}_shift, 0)` : column
  const values = selected("e", ledger).map((column, index) => shifted(column, namesOf(ledger)[index] ?? ""))
  return `, shifted as materialized (
  select * from u where ${counters.map(({ name }) => `u.${name}_shift <> 0`).join(" or ")}
), i as (
  insert into @.${table} (${namesOf(ledger).join(", ")})
  select ${values.join(", ")}
  from ${source} e left join shifted s on ${matching("s", "e", owner)}
)`
}

const ofBefore = <R>({ name, type, get }: Column<R>): RowColumn<Moved<R>> => ({
  name,
  type,
  get: ({ before }) => get(before),
})
const ofAfter = <R>({ name, type, get }: Column<R>): RowColumn<Moved<R>> => ({
  name,
  type,
  get: ({ after }) => get(after),
})

const counted: RowColumn<{ readonly counted: number }> = {
  name: "counted",
  type: "bigint",
  get: (each) => each.counted,
}

const exact: RowColumn<Pick<Put<unknown>, "guard">> = {
  name: "exact",
  type: "boolean",
  get: ({ guard }) => guard === "exact",
}

const changed = <R, L extends LedgerName>({ terms }: Layout<R, L>): RowColumn<Moved<R>> => ({
  name: "changes",
  type: "boolean",
  get: (moved) => changesTerms(terms, moved),
})

/** Whether a put changes any term of its record. */
export const changesTerms = <R>(terms: ReadonlyArray<Column<R>>, { before, after }: Moved<R>): boolean =>
  before !== after && terms.some(({ get }) => get(before) !== get(after))

/** A version that was guessed is none that could be compared: then the other terms are all that was relied on. */
const asDecided = ({ name, type }: KeyColumn): string => {
  if (name === "version") return `x.version in (r.version, ${unknownVersion})`
  return type === "json"
    ? `r.${name}::jsonb is not distinct from x.${name}::jsonb`
    : `r.${name} is not distinct from x.${name}`
}

const isOld = ({ name }: KeyColumn): string => `r.${name} = x.old_${name}`

const set = ({ name, type }: KeyColumn): string =>
  `${name} = case when x.changes then x.new_${name}${type === "json" ? "::json" : ""} else r.${name} end`

interface Written {
  readonly columns: ReadonlyArray<KeyColumn>
  readonly isReceipt: boolean
}

const namesOf = ({ columns, isReceipt }: Written): ReadonlyArray<string> => [
  ...columns.map(({ name }) => name),
  ...(isReceipt ? receiptColumns.map(({ name }) => name) : []),
]

const selected = (alias: string, { columns, isReceipt }: Written): ReadonlyArray<string> => [
  ...columns.map(({ name, type }) => `${alias}.${name}${type === "json" ? "::json" : ""}`),
  ...(isReceipt ? receiptColumns.map(({ name }) => `${alias}.${name}`) : []),
]

const receipted = <R>(
  columns: ReadonlyArray<RowColumn<R>>,
  isReceipt: boolean,
): ReadonlyArray<RowColumn<Receipted<R>>> => [
  ...columns.map(({ name, type, get }) => ({ name, type, get: ({ row }: Receipted<R>) => get(row) })),
  ...(isReceipt ? receiptColumns : []),
]
