/**
 * Accounts and their entries.
 *
 * Locks: account rows, in the order of their ids. Plans: the primary key, whatever the statistics say; `move` is a nested
 * loop from the sorted input into the primary key, so that rows are locked in that order. An entry of a charge is the
 * receipt of its command.
 */
import type { Put, RecordOf, RowOf } from "@holdfast/core"
import { given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"
import { type ReceiptsOfBatch, receiptColumns } from "./receipt.ts"
import { type Moved, split } from "./split.ts"

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

/** The version of an account that was guessed instead of read. Accounts that exist begin at 1. */
export const guessed = 0

/** The version decided on; for a guess, which has none, the terms that were guessed. */
const isAsDecided = `(r.version = x.version0 or x.version0 = ${guessed} and r.state = x.state and r.balance_limit = x.balance_limit)`

/**
 * For decisions that only rely on accounts being as they are: their rows are kept as they are until the commit, and not
 * written. Only compared, an account that is suspended meanwhile would be heard of before the order that it placed (law
 * ORD-05). Divides by zero where a guard did not hold.
 */
const rely = `with x as (
  select * from ${unnested(1, "account_id text", "version0 bigint", "state text", "balance_limit bigint")} x
  order by x.account_id collate "C"
), held as materialized (
  select a.version from x cross join lateral (
    select r.version from @.account r where r.account_id = x.account_id and ${isAsDecided} for share
  ) a
)
select 1 / ((select count(*) from held) = $5::int)::int`

/**
 * Moves counters by what the decision moved them and sets the terms, where the version (and for exact guards the seq,
 * which every movement of the balance moves) is the one decided on.
 */
const update = `update @.account r
  set balance = r.balance + (x.balance1 - x.balance0), seq = r.seq + (x.seq1 - x.seq0),
    state = x.state, balance_limit = x.balance_limit,
    version = case when x.version0 = ${guessed} then r.version else x.version1 end
  from x
  where r.account_id = x.account_id and ${isAsDecided}
    and (x.exact_seq is null or r.seq = x.exact_seq)`

const moveColumns = [
  "account_id text",
  "balance0 bigint",
  "balance1 bigint",
  "seq0 bigint",
  "seq1 bigint",
  "exact_seq bigint",
  "version0 bigint",
  "state text",
  "balance_limit bigint",
  "version1 bigint",
] as const

const insertEntries = `insert into @.entry (account_id, seq, balance, type, change, order_id, reason, command_id, at, scope, key, fingerprint)`

const entryColumns = [
  "type text",
  "change bigint",
  "order_id text",
  "reason text",
  "command_id text",
  "at bigint",
  "scope text",
  "key text",
  "fingerprint text",
] as const
const entryFields = (row: string): string => entryColumns.map((column) => `${row}.${column.split(" ")[0]}`).join(", ")

/**
 * For accounts that have one entry each at most, which tells the row's new counters. Divides by zero where a guard did not
 * hold; that check stands outside of `from u`, or it would not be made when `u` is empty.
 */
const moveOnce = `with x as (
  select * from ${unnested(1, ...moveColumns, ...entryColumns)} x order by x.account_id collate "C"
), u as (
  ${update}
  returning r.account_id, r.seq, r.balance, ${entryFields("x")}
), i as (
  ${insertEntries}
  select u.account_id, u.seq, u.balance, ${entryFields("u")} from u where u.type is not null
)
select 1 / ((select count(*) from u) = $20::int)::int`

/**
 * The same for accounts with several entries: they move along with their account. Few accounts are found elsewhere than
 * they were decided on, so entries are compared with those alone: without a hash join (see the session's settings)
 * comparing every entry with every account costs their product.
 */
const move = `with x as (
  select * from ${unnested(1, ...moveColumns)} x order by x.account_id collate "C"
), u as (
  ${update}
  returning r.account_id, r.seq - x.seq1 as seq_shift, r.balance - x.balance1 as balance_shift
), shifted as materialized (
  select * from u where u.seq_shift <> 0 or u.balance_shift <> 0
), i as (
  ${insertEntries}
  select e.account_id, e.seq + coalesce(s.seq_shift, 0), e.balance + coalesce(s.balance_shift, 0), ${entryFields("e")}
  from ${unnested(11, "account_id text", "seq bigint", "balance bigint", ...entryColumns)} e
    left join shifted s on s.account_id = e.account_id
)
select 1 / ((select count(*) from u) = $23::int)::int`

/** Inserts new accounts, then moves the others and writes all entries. */
export const accountStatements = (
  puts: ReadonlyArray<Put<Account>>,
  entries: ReadonlyArray<Entry>,
  receipts: ReceiptsOfBatch,
): ReadonlyArray<Statement> => {
  const { fresh, moved } = split(puts)
  const statements: Array<Statement> = []
  if (fresh.length > 0) statements.push(insertAccounts(fresh))
  if (moved.length === 0 && entries.length === 0) return statements
  if (entries.length === 0 && moved.every(({ before, after, guard }) => before === after && guard === "relative")) {
    statements.push(relyOn(moved))
    return statements
  }
  const only = onlyEntries(moved, entries)
  statements.push(
    only === undefined
      ? statement(
          move,
          ...paramsOf(moved),
          texts(entries.map(({ accountId }) => accountId)),
          values(entries.map(({ seq }) => seq)),
          values(entries.map(({ balance }) => balance)),
          ...paramsOfEntries(entries, receipts),
          String(moved.length),
        )
      : statement(moveOnce, ...paramsOf(moved), ...paramsOfEntries(only, receipts), String(moved.length)),
  )
  return statements
}

/** The entry of each account, where none has two and each tells the counters that its account has in the end. */
const onlyEntries = (
  moved: ReadonlyArray<Moved<Account>>,
  entries: ReadonlyArray<Entry>,
): ReadonlyArray<Entry | undefined> | undefined => {
  const byAccount = new Map(entries.map((entry) => [entry.accountId, entry]))
  if (byAccount.size < entries.length) return undefined
  let found = 0
  const only: Array<Entry | undefined> = []
  for (const { before, after } of moved) {
    const entry = byAccount.get(after.accountId)
    if (entry !== undefined) {
      if (entry.seq !== after.seq || entry.balance !== after.balance || after.seq !== before.seq + 1) return undefined
      found++
    }
    only.push(entry)
  }
  return found === entries.length ? only : undefined
}

const insertAccounts = (accounts: ReadonlyArray<Account>): Statement =>
  statement(
    insert,
    texts(accounts.map(({ accountId }) => accountId)),
    values(accounts.map(({ balance }) => balance)),
    values(accounts.map(({ seq }) => seq)),
    texts(accounts.map(({ state }) => state)),
    values(accounts.map(({ balanceLimit }) => balanceLimit)),
    values(accounts.map(({ openedAt }) => openedAt)),
    values(accounts.map(({ version }) => version)),
  )

const relyOn = (accounts: ReadonlyArray<Moved<Account>>): Statement =>
  statement(
    rely,
    texts(accounts.map(({ after }) => after.accountId)),
    values(accounts.map(({ before }) => before.version)),
    texts(accounts.map(({ after }) => after.state)),
    values(accounts.map(({ after }) => after.balanceLimit)),
    String(accounts.length),
  )

const paramsOf = (moved: ReadonlyArray<Moved<Account>>): ReadonlyArray<string> => [
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
]

const paramsOfEntries = (
  entries: ReadonlyArray<Entry | undefined>,
  receipts: ReceiptsOfBatch,
): ReadonlyArray<string> => [
  texts(entries.map((entry) => entry?.type)),
  values(entries.map((entry) => entry?.change)),
  texts(entries.map((entry) => entry?.orderId)),
  texts(entries.map((entry) => entry?.reason)),
  texts(entries.map((entry) => entry?.commandId)),
  values(entries.map((entry) => entry?.at)),
  ...receiptColumns(entries.map((entry) => (entry?.type === "charge" ? receipts.ofEntry(entry.commandId) : undefined))),
]
