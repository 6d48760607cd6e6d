/**
 * Coupons.
 *
 * Locks: coupon rows, in the order of (campaign, account), after the accounts. New ones come after their campaign's row:
 * two batches that give the same ticket would else wait for each other, one for the ticket and one for the row. Plans: a
 * nested loop from the keys into the primary key; `offset 0` keeps the planner from turning the look-up into a scan of the
 * whole index, which it would cache for good when the table is empty. A coupon is the receipt of the command that issued it.
 */
import type { Key, Put, RecordOf } from "@holdfast/core"
import { documents, given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"
import { type ReceiptsOfBatch, receiptColumns } from "./receipt.ts"
import { split } from "./split.ts"

type Coupon = RecordOf["coupon"]

export type CouponRow = readonly [
  Coupon["campaignId"],
  Coupon["accountId"],
  number,
  Coupon["discount"],
  number,
  number,
  Coupon["state"],
  Coupon["orderId"] | null,
  number,
  Coupon["commandId"],
  number,
]
export const couponRow = `json_build_array(r.campaign_id, r.account_id, r.ticket, r.discount, r.issued_at, r.expires_at, r.state, r.order_id, r.changed_at, r.command_id, r.version)`
export const couponOf = ([
  campaignId,
  accountId,
  ticket,
  discount,
  issuedAt,
  expiresAt,
  state,
  orderId,
  changedAt,
  commandId,
  version,
]: CouponRow): Coupon => ({
  campaignId,
  accountId,
  ticket,
  discount,
  issuedAt,
  expiresAt,
  state,
  orderId: given(orderId),
  changedAt,
  commandId,
  version,
})

export const couponKeys = (keys: ReadonlyArray<Key>): readonly [string, string] => [
  texts(keys.map(([campaignId]) => String(campaignId))),
  texts(keys.map(([, accountId]) => String(accountId))),
]

/** `$1` and `$2` of the caller's choice: the statement that reads everything at once has its own numbers. */
export const readCoupons = (campaigns: string, accounts: string): string => `select json_agg(${couponRow})
from (select unnest(${campaigns}::text[]) as campaign_id, unnest(${accounts}::text[]) as account_id) k
  cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id offset 0) r`

export const lockCoupons = `select json_agg(${couponRow})::text from (
  select c.* from (select * from ${unnested(1, "campaign_id text", "account_id text")} k order by k.campaign_id collate "C", k.account_id collate "C") k
    cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.account_id = k.account_id for update) c
) r`

const insert = `insert into @.coupon (campaign_id, account_id, ticket, discount, issued_at, expires_at, state, order_id, changed_at, command_id, version, scope, key, fingerprint)
select x.campaign_id, x.account_id, x.ticket, x.discount::json, x.issued_at, x.expires_at, x.state, x.order_id, x.changed_at, x.command_id, x.version, x.scope, x.key, x.fingerprint
from ${unnested(1, "campaign_id text", "account_id text", "ticket bigint", "discount text", "issued_at bigint", "expires_at bigint", "state text", "order_id text", "changed_at bigint", "command_id text", "version bigint", "scope text", "key text", "fingerprint text")} x`

const change = `with x as (
  select * from ${unnested(1, "campaign_id text", "account_id text", "version0 bigint", "state text", "order_id text", "changed_at bigint", "version1 bigint")} x
  order by x.campaign_id collate "C", x.account_id collate "C"
), u as (
  update @.coupon r
  set state = x.state, order_id = x.order_id, changed_at = x.changed_at, version = x.version1
  from x
  where r.campaign_id = x.campaign_id and r.account_id = x.account_id and r.version = x.version0
  returning 1
)
select 1 / ((select count(*) from u) = $8::int)::int`

/** Changes coupons where their version is the one decided on. */
export const changedCouponStatements = (puts: ReadonlyArray<Put<Coupon>>): ReadonlyArray<Statement> => {
  const { moved: changed } = split(puts)
  if (changed.length === 0) return []
  return [
    statement(
      change,
      texts(changed.map(({ after }) => after.campaignId)),
      texts(changed.map(({ after }) => after.accountId)),
      values(changed.map(({ before }) => before.version)),
      texts(changed.map(({ after }) => after.state)),
      texts(changed.map(({ after }) => after.orderId)),
      values(changed.map(({ after }) => after.changedAt)),
      values(changed.map(({ after }) => after.version)),
      String(changed.length),
    ),
  ]
}

/** Inserts coupons as they are by the end of the batch. */
export const newCouponStatements = (
  puts: ReadonlyArray<Put<Coupon>>,
  receipts: ReceiptsOfBatch,
): ReadonlyArray<Statement> => {
  const { fresh } = split(puts)
  return fresh.length === 0 ? [] : [insertCoupons(fresh, receipts)]
}

const insertCoupons = (coupons: ReadonlyArray<Coupon>, receipts: ReceiptsOfBatch): Statement =>
  statement(
    insert,
    texts(coupons.map(({ campaignId }) => campaignId)),
    texts(coupons.map(({ accountId }) => accountId)),
    values(coupons.map(({ ticket }) => ticket)),
    documents(coupons.map(({ discount }) => discount)),
    values(coupons.map(({ issuedAt }) => issuedAt)),
    values(coupons.map(({ expiresAt }) => expiresAt)),
    texts(coupons.map(({ state }) => state)),
    texts(coupons.map(({ orderId }) => orderId)),
    values(coupons.map(({ changedAt }) => changedAt)),
    texts(coupons.map(({ commandId }) => commandId)),
    values(coupons.map(({ version }) => version)),
    ...receiptColumns(coupons.map(({ commandId }) => receipts.ofCoupon(commandId))),
  )
