/**
 * Accounts and their entries.
 *
 * Locks: account rows, in the order of their ids. Plans: the primary key, whatever the statistics say; `move` is a nested
 * loop from the sorted input into the primary key, so that rows are locked in that order.
 */
import type { Put, RecordOf, RowOf } from "@holdfast/core"
import { given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"

type Account = RecordOf["account"]
type Entry = RowOf["entry"]

export type AccountRow = readonly [
  Account["accountId"],
  Account["balance"],
  number,
  Account["state"],
  Account["balanceLimit"],
  number,
  number,
]
export const accountRow = `json_build_array(r.account_id, r.balance, r.seq, r.state, r.balance_limit, r.opened_at, r.version)`
export const accountOf = ([accountId, balance, seq, state, balanceLimit, openedAt, version]: AccountRow): Account => ({
  accountId,
  balance,
  seq,
  state,
  balanceLimit,
  openedAt,
  version,
})

export type EntryRow = readonly [
  Entry["accountId"],
  number,
  Entry["type"],
  number,
  Entry["balance"],
  Entry["orderId"] | null,
  string | null,
  Entry["commandId"],
  number,
]
export const entryRow = `json_build_array(r.account_id, r.seq, r.type, r.change, r.balance, r.order_id, r.reason, r.command_id, r.at)`
export const entryOf = ([accountId, seq, type, change, balance, orderId, reason, commandId, at]: EntryRow): Entry => ({
  accountId,
  seq,
  type,
  change,
  balance,
  orderId: given(orderId),
  reason: given(reason),
  commandId,
  at,
})

export const readAccounts = (ids: string): string =>
  `select json_agg(${accountRow}) from @.account r where r.account_id = any(${ids}::text[])`

export const lockAccounts = `select json_agg(${accountRow})::text from (
  select * from @.account where account_id = any($1::text[]) order by account_id for update
) r`

const insert = `insert into @.account (account_id, balance, seq, state, balance_limit, opened_at, version)
select * from ${unnested(1, "account_id text", "balance bigint", "seq bigint", "state text", "balance_limit bigint", "opened_at bigint", "version bigint")} x
order by x.account_id collate "C"`

/**
 * Moves counters by what the decision moved them and sets the terms, where the version (and for exact guards the seq,
 * which every movement of the balance moves) is the one decided on. Entries move along with their account. Divides by
 * zero where a guard did not hold; that check stands outside of `from u`, or it would not be made when `u` is empty.
 * Few accounts are found elsewhere than they were decided on, so entries are compared with those alone: without a hash
 * join (see the session's settings) comparing every entry with every account costs their product.
 */
const move = `with x as (
  select * from ${unnested(1, "account_id text", "balance0 bigint", "balance1 bigint", "seq0 bigint", "seq1 bigint", "exact_seq bigint", "version0 bigint", "state text", "balance_limit bigint", "version1 bigint")} x
  order by x.account_id collate "C"
), u as (
  update @.account r
  set balance = r.balance + (x.balance1 - x.balance0), seq = r.seq + (x.seq1 - x.seq0),
    state = x.state, balance_limit = x.balance_limit, version = x.version1
  from x
  where r.account_id = x.account_id and r.version = x.version0
    and (x.exact_seq is null or r.seq = x.exact_seq)
  returning r.account_id, r.seq - x.seq1 as seq_shift, r.balance - x.balance1 as balance_shift
), shifted as materialized (
  select * from u where u.seq_shift <> 0 or u.balance_shift <> 0
), i as (
  insert into @.entry (account_id, seq, type, change, balance, order_id, reason, command_id, at)
  select e.account_id, e.seq + coalesce(s.seq_shift, 0), e.type, e.change, e.balance + coalesce(s.balance_shift, 0),
    e.order_id, e.reason, e.command_id, e.at
  from ${unnested(11, "account_id text", "seq bigint", "type text", "change bigint", "balance bigint", "order_id text", "reason text", "command_id text", "at bigint")} e
    left join shifted s on s.account_id = e.account_id
)
select 1 / ((select count(*) from u) = $20::int)::int`

/** Inserts new accounts, then moves the others and writes all entries. */
export const accountStatements = (
  puts: ReadonlyArray<Put<Account>>,
  entries: ReadonlyArray<Entry>,
): ReadonlyArray<Statement> => {
  const fresh: Array<Account> = []
  const moved: Array<Put<Account> & { readonly before: Account }> = []
  for (const { before, after, guard } of puts) {
    if (before === undefined) fresh.push(after)
    else moved.push({ before, after, guard })
  }
  const statements: Array<Statement> = []
  if (fresh.length > 0) {
    statements.push(
      statement(
        insert,
        texts(fresh.map(({ accountId }) => accountId)),
        values(fresh.map(({ balance }) => balance)),
        values(fresh.map(({ seq }) => seq)),
        texts(fresh.map(({ state }) => state)),
        values(fresh.map(({ balanceLimit }) => balanceLimit)),
        values(fresh.map(({ openedAt }) => openedAt)),
        values(fresh.map(({ version }) => version)),
      ),
    )
  }
  if (moved.length === 0 && entries.length === 0) return statements
  statements.push(
    statement(
      move,
      texts(moved.map(({ after }) => after.accountId)),
      values(moved.map(({ before }) => before.balance)),
      values(moved.map(({ after }) => after.balance)),
      values(moved.map(({ before }) => before.seq)),
      values(moved.map(({ after }) => after.seq)),
      values(moved.map(({ before, guard }) => (guard === "exact" ? before.seq : undefined))),
      values(moved.map(({ before }) => before.version)),
      texts(moved.map(({ after }) => after.state)),
      values(moved.map(({ after }) => after.balanceLimit)),
      values(moved.map(({ after }) => after.version)),
      texts(entries.map(({ accountId }) => accountId)),
      values(entries.map(({ seq }) => seq)),
      texts(entries.map(({ type }) => type)),
      values(entries.map(({ change }) => change)),
      values(entries.map(({ balance }) => balance)),
      texts(entries.map(({ orderId }) => orderId)),
      texts(entries.map(({ reason }) => reason)),
      texts(entries.map(({ commandId }) => commandId)),
      values(entries.map(({ at }) => at)),
      String(moved.length),
    ),
  )
  return statements
}
