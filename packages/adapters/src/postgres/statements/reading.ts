/**
 * How the records of some keys are found: read without a lock, or locked in the order of their keys.
 *
 * Plans: the primary key, whatever the statistics say. Keys of several columns are looked up through `lateral … offset 0`:
 * the planner would otherwise turn the look-up into a scan of the whole index, and cache that for good when the table is
 * empty.
 */
import type { Key, KindName } from "@holdfast/core/ports"
import { inOrder, type KeyColumn, keyParts, matching } from "./keys.ts"
import { type Parameters, type Template, template } from "./template.ts"

type Keys = ReadonlyArray<Key>

export interface Reading {
  readonly name: string
  readonly kind: KindName
  /** A query for the rows of some keys, as one JSON array. */
  readonly read: <Input>(parameters: Parameters<Input>, keysOf: (input: Input) => Keys) => string
  /** The same as a statement that locks the rows. Receipts are only read. */
  readonly lock: Template<Keys>
  /** Which of the kind's keys it reads. */
  readonly reads: (key: Key) => boolean
}

/** The way to the records of a kind that stand in one table. `row` is a row `r` as one JSON value. */
export const readingOf = (kind: KindName, table: string, key: ReadonlyArray<KeyColumn>, row: string): Reading => ({
  name: kind,
  kind,
  read: (parameters, keysOf) => `select json_agg(${row}) from ${found(table, key, parameters, keysOf)}`,
  lock: template(
    `lock ${kind}`,
    (parameters) => `select json_agg(${row})::text from (\n  ${locked(table, key, parameters)}\n) r`,
  ),
  reads: () => true,
})

const found = <Input>(
  table: string,
  key: ReadonlyArray<KeyColumn>,
  parameters: Parameters<Input>,
  keysOf: (input: Input) => Keys,
): string =>
  key.length === 1
    ? `@.${table} r where ${isAnyOf(key, parameters, keysOf)}`
    : `${parameters.rows(keyParts(key), keysOf)} k
  cross join lateral (select * from @.${table} c where ${matching("c", "k", key)} offset 0) r`

const locked = (table: string, key: ReadonlyArray<KeyColumn>, parameters: Parameters<Keys>): string =>
  key.length === 1
    ? `select * from @.${table} r where ${isAnyOf(key, parameters, (keys) => keys)} order by ${inOrder("r", key)} for update`
    : `select c.* from (select * from ${parameters.rows(keyParts(key), (keys: Keys) => keys)} k order by ${inOrder("k", key)}) k
    cross join lateral (select * from @.${table} c where ${matching("c", "k", key)} for update) c`

const isAnyOf = <Input>(
  key: ReadonlyArray<KeyColumn>,
  parameters: Parameters<Input>,
  keysOf: (input: Input) => Keys,
): string =>
  keyParts(key)
    .map(({ name, type, get }) => `r.${name} = any(${parameters.array(name, type, keysOf, get)})`)
    .join(" and ")
