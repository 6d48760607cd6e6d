/**
 * Receipts: in the row that the command made, where the operation is one of `homes`; else in a row of their own.
 *
 * Locks: none on read. Inserts are sorted by key and come after the row locks of accounts, coupons, campaigns and orders:
 * their keys are the caller's choice, and one that was inserted before a row lock could deadlock with the same key on its
 * way elsewhere. Plans: the unique index of (scope, key) or the primary key, through `lateral … offset 0` as for coupons.
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
export const receiptOf = ([scope, operation, key, commandId, fingerprint, answer, at]: ReceiptRow): Receipt => ({
  scope,
  operation,
  key,
  commandId,
  fingerprint,
  answer,
  at,
})

export const receiptRow = `json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at)`

/** The operations whose receipts stand in the rows that they made, by table; see the view `receipts` of the schema. */
export const homes = { orders: "orders.place", entry: "points.charge", coupon: "coupons.issue" } as const
const withHome: ReadonlySet<unknown> = new Set(Object.values(homes))
/** Whether receipts of an operation stand in the rows that it makes. */
export const hasHome = (operation: unknown): boolean => withHome.has(operation)

export const receiptKeys = (keys: ReadonlyArray<Key>): readonly [string, string, string] => [
  texts(keys.map(([scope]) => String(scope))),
  texts(keys.map(([, operation]) => String(operation))),
  texts(keys.map(([, , key]) => String(key))),
]

/** Of any operation. */
export const readReceipts = (
  scopes: string,
  operations: string,
  keys: string,
): string => `select json_agg(${receiptRow})
from (select unnest(${scopes}::text[]) as scope, unnest(${operations}::text[]) as operation, unnest(${keys}::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r`

export const receiptKeysOfOne = (keys: ReadonlyArray<Key>): readonly [string, string] => [
  texts(keys.map(([scope]) => String(scope))),
  texts(keys.map(([, , key]) => String(key))),
]

/** Of one operation, whose name in the statement leaves the planner only the tables where its receipts may stand. */
export const readReceiptsOf = (
  operation: string,
  scopes: string,
  keys: string,
): string => `select json_agg(${receiptRow})
from (select unnest(${scopes}::text[]) as scope, unnest(${keys}::text[]) as key) k
  cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = '${operation}' and c.key = k.key offset 0) r`

/** The receipts of a batch, each of which goes into the row it belongs to. */
export class ReceiptsOfBatch {
  readonly #homeless: Array<Receipt> = []
  readonly #byCommand = new Map<string, Receipt>()

  constructor(puts: ReadonlyArray<Put<Receipt>>) {
    for (const { after } of puts) {
      if (hasHome(after.operation)) this.#byCommand.set(after.commandId, after)
      else this.#homeless.push(after)
    }
  }

  readonly ofOrder = (orderId: string): Receipt | undefined => this.#take(orderId, homes.orders)
  readonly ofEntry = (commandId: string): Receipt | undefined => this.#take(commandId, homes.entry)
  readonly ofCoupon = (commandId: string): Receipt | undefined => this.#take(commandId, homes.coupon)

  /** Those that no row took: they need rows of their own. */
  get rest(): ReadonlyArray<Receipt> {
    return [...this.#homeless, ...this.#byCommand.values()]
  }

  #take(commandId: string, operation: string): Receipt | undefined {
    const receipt = this.#byCommand.get(commandId)
    if (receipt?.operation !== operation) return undefined
    this.#byCommand.delete(commandId)
    return receipt
  }
}

/** The last three parameters of a row that may be a receipt: `scope`, `key` and `fingerprint`. */
export const receiptColumns = (receipts: ReadonlyArray<Receipt | undefined>): readonly [string, string, string] => [
  texts(receipts.map((receipt) => receipt?.scope)),
  texts(receipts.map((receipt) => receipt?.key)),
  texts(receipts.map((receipt) => receipt?.fingerprint)),
]

const insert = `insert into @.receipt (scope, operation, key, command_id, fingerprint, answer, at)
select x.scope, x.operation, x.key, x.command_id, x.fingerprint, x.answer::json, x.at
from ${unnested(1, "scope text", "operation text", "key text", "command_id text", "fingerprint text", "answer text", "at bigint")} x`

export const receiptStatements = (rest: ReadonlyArray<Receipt>): ReadonlyArray<Statement> => {
  if (rest.length === 0) return []
  const receipts = rest.toSorted((left, right) =>
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
