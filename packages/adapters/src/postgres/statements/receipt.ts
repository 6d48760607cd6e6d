/**
 * Receipts.
 *
 * Locks: none on read. Inserts are sorted by key and come after the row locks of accounts, coupons, campaigns and orders:
 * their keys are the caller's choice, and one that was inserted before a row lock could deadlock with the same key on its
 * way elsewhere. Plans: the primary key, through `lateral … offset 0` as for coupons.
 */
import { compareKeys, type Key, type Put, type RecordOf } from "@holdfast/core"
import { documents, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"

type Receipt = RecordOf["receipt"]

export type ReceiptRow = readonly [
  Receipt["scope"],
  string,
  Receipt["key"],
  Receipt["commandId"],
  string,
  Receipt["answer"],
  number,
]
export const receiptRow = `json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at)`
export const receiptOf = ([scope, operation, key, commandId, fingerprint, answer, at]: ReceiptRow): Receipt => ({
  scope,
  operation,
  key,
  commandId,
  fingerprint,
  answer,
  at,
})

export const receiptKeys = (keys: ReadonlyArray<Key>): readonly [string, string, string] => [
  texts(keys.map(([scope]) => String(scope))),
  texts(keys.map(([, operation]) => String(operation))),
  texts(keys.map(([, , key]) => String(key))),
]

export const readReceipts = (
  scopes: string,
  operations: string,
  keys: string,
): string => `select json_agg(${receiptRow})
from (select unnest(${scopes}::text[]) as scope, unnest(${operations}::text[]) as operation, unnest(${keys}::text[]) as key) k
  cross join lateral (select * from @.receipt c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r`

const insert = `insert into @.receipt (scope, operation, key, command_id, fingerprint, answer, at)
select x.scope, x.operation, x.key, x.command_id, x.fingerprint, x.answer::json, x.at
from ${unnested(1, "scope text", "operation text", "key text", "command_id text", "fingerprint text", "answer text", "at bigint")} x`

export const receiptStatements = (puts: ReadonlyArray<Put<Receipt>>): ReadonlyArray<Statement> => {
  if (puts.length === 0) return []
  const receipts = puts
    .map(({ after }) => after)
    .sort((left, right) =>
      compareKeys([left.scope, left.operation, left.key], [right.scope, right.operation, right.key]),
    )
  return [
    statement(
      insert,
      texts(receipts.map(({ scope }) => scope)),
      texts(receipts.map(({ operation }) => operation)),
      texts(receipts.map(({ key }) => key)),
      texts(receipts.map(({ commandId }) => commandId)),
      texts(receipts.map(({ fingerprint }) => fingerprint)),
      documents(receipts.map(({ answer }) => answer)),
      values(receipts.map(({ at }) => at)),
    ),
  ]
}
