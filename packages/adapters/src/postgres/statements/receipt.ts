/**
 * Receipts: in the row that the command made, where the operation is one of `homes`; else in a row of their own.
 *
 * Locks: none on read. Inserts are sorted by key and come after the row locks of accounts, coupons, campaigns and orders:
 * their keys are the caller's choice, and one that was inserted before a row lock could deadlock with the same key on its
 * way elsewhere. Plans: the unique index of (scope, key) or the primary key, through `lateral … offset 0`.
 */
import type { Key, RecordOf } from "@holdfast/core/ports"
import { bigint, columnsOf, type Fields, json, reader, rowOf, text } from "./columns.ts"
import { homeOf, homes } from "./homes.ts"
import { inOrder, keyParts } from "./keys.ts"
import type { KindTable } from "./kindTable.ts"
import type { Reading } from "./reading.ts"
import { type Parameters, template } from "./template.ts"

type Receipt = RecordOf["receipt"]

const fields: Fields<Receipt> = {
  scope: text("scope"),
  operation: text("operation"),
  key: text("key"),
  commandId: text("command_id"),
  fingerprint: text("fingerprint"),
  answer: json("answer"),
  at: bigint("at"),
}
const columns = columnsOf(fields)
const key = columns.slice(0, 3)
const row = rowOf(columns)

/**
 * Receipts of one operation, whose name in the statement leaves the planner only the tables where they may stand; or of
 * any other. Nearly all batches are of operations that have a home, and each is looked for in its own table.
 */
const readingOf = (operation: string | undefined): Reading => {
  const parts = keyParts(key)
  const asked = operation === undefined ? parts : parts.filter(({ name }) => name !== "operation")
  const read = <Input>(parameters: Parameters<Input>, keysOf: (input: Input) => ReadonlyArray<Key>): string =>
    `select json_agg(${row})
from ${parameters.rows(asked, keysOf)} k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = ${operation === undefined ? "k.operation" : `'${operation}'`} and c.key = k.key offset 0) r`
  return {
    name: operation ?? "receipt",
    kind: "receipt",
    read,
    lock: template(
      `read ${operation ?? "other"} receipts`,
      (parameters) => `select (${read(parameters, (keys) => keys)})::text`,
    ),
    reads: ([, its]) => (operation === undefined ? homeOf(String(its)) === undefined : its === operation),
  }
}

const insert = template<ReadonlyArray<Receipt>>(
  "insert receipt",
  (parameters) => `insert into @.receipt (${columns.map(({ name }) => name).join(", ")})
select ${columns.map(({ name, type }) => `x.${name}${type === "json" ? "::json" : ""}`).join(", ")}
from ${parameters.rows(columns, (receipts) => receipts)} x
order by ${inOrder("x", key)}`,
)

export const receipt: KindTable<"receipt"> = {
  kind: "receipt",
  table: "receipt",
  key,
  row,
  recordOf: reader(fields),
  readings: [...Object.values(homes), undefined].map(readingOf),
  write: (_puts, { homeless }) => ({ changes: [], inserts: homeless.length === 0 ? [] : [insert.of(homeless)] }),
  templates: [insert],
}
