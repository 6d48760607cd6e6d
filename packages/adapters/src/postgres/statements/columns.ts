/**
 * Which column holds which field of a record or row, as data: from it follow how one is written and how it is read back.
 *
 * A table names a column for every field of its record. A field that the table forgets is an error of the compiler, and so
 * is a column of a type that its field does not have.
 */
import type { ColumnType } from "../session/text.ts"
import type { RowColumn } from "./template.ts"

/** What stands in a column of a field of this type. */
type TypeOf<V> = [V] extends [string]
  ? "text"
  : [V] extends [number]
    ? "bigint"
    : [V] extends [boolean]
      ? "boolean"
      : "json"

/** A field in a column of its own. */
interface InColumn<V> {
  readonly column: string
  readonly type: TypeOf<V>
}

/** A field that is an object, with a column for each of its fields. Where all of them are NULL the field is undefined. */
interface InColumns<V> {
  readonly columns: { readonly [F in keyof V]-?: InColumn<NonNullable<V[F]>> }
}

/** Every field of a record, and where it stands. */
export type Fields<R> = { readonly [F in keyof R]-?: InColumn<NonNullable<R[F]>> | InColumns<NonNullable<R[F]>> }

/** A column of a table, and the field of a record that it holds. */
export interface Column<R> extends RowColumn<R> {
  readonly field: string
}

export const text = (column: string): { readonly column: string; readonly type: "text" } => ({ column, type: "text" })
export const bigint = (column: string): { readonly column: string; readonly type: "bigint" } => ({
  column,
  type: "bigint",
})
export const boolean = (column: string): { readonly column: string; readonly type: "boolean" } => ({
  column,
  type: "boolean",
})
export const json = (column: string): { readonly column: string; readonly type: "json" } => ({ column, type: "json" })

type Leaf = { readonly column: string; readonly type: ColumnType }
type AnyField = Leaf | { readonly columns: { readonly [field: string]: Leaf } }

const isLeaf = (field: AnyField): field is Leaf => "column" in field

/** The columns of a table in the order of its fields. */
export const columnsOf = <R extends object>(fields: Fields<R>): ReadonlyArray<Column<R>> =>
  Object.entries<AnyField>(fields).flatMap(([field, of]) => {
    const value = (record: R): unknown => Reflect.get(record, field)
    if (isLeaf(of)) return [{ field, name: of.column, type: of.type, get: value }]
    return Object.entries(of.columns).map(([inner, { column, type }]) => ({
      field,
      name: column,
      type,
      get: (record: R) => {
        const outer = value(record)
        return typeof outer === "object" && outer !== null ? Reflect.get(outer, inner) : undefined
      },
    }))
  })

/** A record as the database answers it: its columns in their order, as JSON. */
export type Row = ReadonlyArray<unknown>

/** Reads a record out of its columns. */
export const reader = <R extends object>(fields: Fields<R>): ((row: Row) => R) => {
  let last = 0
  const reads = Object.entries<AnyField>(fields).map(([field, of]): readonly [string, (row: Row) => unknown] => {
    if (isLeaf(of)) {
      const at = last++
      return [field, (row) => row[at] ?? undefined]
    }
    const inner = Object.keys(of.columns).map((name) => [name, last++] as const)
    return [field, (row) => (inner.every(([, at]) => row[at] === null) ? undefined : objectOf(inner, row))]
  })
  return (row) => {
    const record: Record<string, unknown> = {}
    for (const [field, read] of reads) record[field] = read(row)
    // biome-ignore lint/plugin/casts: a value for every field, from columns whose types the schema enforces
    return record as R
  }
}

const objectOf = (fields: ReadonlyArray<readonly [name: string, at: number]>, row: Row): object =>
  Object.fromEntries(fields.map(([name, at]) => [name, row[at] ?? undefined]))

/** A row of a table as one JSON value, read by {@link reader}. */
export const rowOf = (columns: ReadonlyArray<{ readonly name: string }>): string =>
  `json_build_array(${columns.map(({ name }) => `r.${name}`).join(", ")})`
