/**
 * Archiving: rows that are older than a moment move to tables beside their own, a page at a time.
 *
 * Locks: the rows that move, which nobody else writes to any more. Plans: the primary keys; pages go on after a key.
 * Parameters of a page come last: how many rows it has at most.
 */

/** What time it is on the server. */
export const now = "select (extract(epoch from clock_timestamp()) * 1000)::bigint::text"

/** The moment only ever moves on. It is noted before anything moves, so that an audit knows what it may miss. */
export const note = `insert into @.archive as a (before) values ($1::bigint)
on conflict (one) do update set before = greatest(a.before, excluded.before)`

/** Two at once would read each other's rows as if they were there. */
export const lock = `select pg_advisory_xact_lock(hashtextextended('holdfast archive:' || $1, 0))`

const ledger = (table: string, owner: string, position: string) => ({
  page: `select json_agg(json_build_array(r.${owner}, r.${position}, r.at) order by r.${owner}, r.${position})::text from (
  select ${owner}, ${position}, at from @.${table} where (${owner}, ${position}) > ($1::text collate "C", $2::bigint)
  order by ${owner}, ${position} limit $3::int
) r`,
  move: `with x as (select * from unnest($1::text[], $2::bigint[]) x(owner, position)), gone as (
  delete from @.${table} r using x where r.${owner} = x.owner and r.${position} = x.position returning r.*
), kept as (insert into @.${table}_archive select * from gone returning 1)
select count(*)::text from kept`,
})

export type LedgerSql = ReturnType<typeof ledger>
export const entries: LedgerSql = ledger("entry", "account_id", "seq")
export const movements: LedgerSql = ledger("movement", "product_id", "revision")

/**
 * Orders that ended before the moment. Open ones stay, since they may still be cancelled. Answers the last key of the page
 * and how many moved, or nothing behind the last page.
 */
export const moveOrders = `with page as (
  select order_id, placed_at, closed_at from @.orders where order_id > $2::text collate "C" order by order_id limit $3::int
), gone as (
  delete from @.orders o using page p
  where o.order_id = p.order_id and p.placed_at < $1::bigint and p.closed_at < $1::bigint returning o.*
), kept as (insert into @.orders_archive select * from gone returning 1)
select json_build_array(json_build_array(p.order_id), (select count(*) from kept))::text
from page p order by p.order_id desc limit 1`

/** Receipts, but for those of what a product and a campaign were made with: these are compared for ever. */
export const moveReceipts = `with page as (
  select scope, operation, key, at from @.receipt
  where (scope, operation, key) > ($2::text collate "C", $3::text collate "C", $4::text collate "C")
  order by scope, operation, key limit $5::int
), gone as (
  delete from @.receipt r using page p
  where r.scope = p.scope and r.operation = p.operation and r.key = p.key and p.at < $1::bigint
    and p.operation not in ('stock.register', 'coupons.createCampaign') returning r.*
), kept as (insert into @.receipt_archive select * from gone returning 1)
select json_build_array(json_build_array(p.scope, p.operation, p.key), (select count(*) from kept))::text
from page p order by p.scope desc, p.operation desc, p.key desc limit 1`
