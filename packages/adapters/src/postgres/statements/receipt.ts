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

/** A table whose rows are the receipts of one operation. Its rows without a key have their receipts elsewhere, or none. */
export interface Home {
  readonly operation: string
  readonly from: string
  /** A receipt of the row `r`, as `ReceiptRow`. The answer holds what the operation stored, no more and no less. */
  readonly row: string
}

const home = (operation: string, from: string, commandId: string, answer: string, at: string): Home => ({
  operation,
  from,
  row: `json_build_array(r.scope, '${operation}', r.key, r.${commandId}, r.fingerprint, json_build_object(${answer}), r.${at})`,
})

const homeOfOrder = home("orders.place", "orders", "order_id", "'orderId', r.order_id", "placed_at")
const homeOfEntry = home(
  "points.charge",
  "entry",
  "command_id",
  "'accountId', r.account_id, 'amount', r.change, 'balance', r.balance, 'seq', r.seq",
  "at",
)
const homeOfCoupon = home(
  "coupons.issue",
  "coupon",
  "command_id",
  "'campaignId', r.campaign_id, 'accountId', r.account_id, 'ticket', r.ticket, 'discount', r.discount, 'issuedAt', r.issued_at, 'expiresAt', r.expires_at",
  "issued_at",
)
export const homes: ReadonlyArray<Home> = [homeOfOrder, homeOfEntry, homeOfCoupon]

/** Receipts that have a row of their own. */
export const receiptRow = `json_build_array(r.scope, r.operation, r.key, r.command_id, r.fingerprint, r.answer, r.at)`

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

/** The keys of one operation's receipts, as its home is asked for them. */
export const homeKeys = (keys: ReadonlyArray<Key>): readonly [string, string] => [
  texts(keys.map(([scope]) => String(scope))),
  texts(keys.map(([, , key]) => String(key))),
]

export const readAtHome = ({ from, row }: Home, scopes: string, keys: string): string => `select json_agg(${row})
from (select unnest(${scopes}::text[]) as scope, unnest(${keys}::text[]) as key) k
  cross join lateral (select * from @.${from} c where c.scope = k.scope and c.key = k.key offset 0) r`

/** The receipts of a batch, each of which goes into the row it belongs to. */
export class ReceiptsOfBatch {
  readonly #homeless: Array<Receipt> = []
  readonly #byCommand = new Map<string, Receipt>()

  constructor(puts: ReadonlyArray<Put<Receipt>>) {
    for (const { after } of puts) {
      if (homes.some(({ operation }) => operation === after.operation)) this.#byCommand.set(after.commandId, after)
      else this.#homeless.push(after)
    }
  }

  readonly ofOrder = (orderId: string): Receipt | undefined => this.#take(orderId, homeOfOrder)
  readonly ofEntry = (commandId: string): Receipt | undefined => this.#take(commandId, homeOfEntry)
  readonly ofCoupon = (commandId: string): Receipt | undefined => this.#take(commandId, homeOfCoupon)

  /** Those that no row took: they need rows of their own. */
  get rest(): ReadonlyArray<Receipt> {
    return [...this.#homeless, ...this.#byCommand.values()]
  }

  #take(commandId: string, { operation }: Home): Receipt | undefined {
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
