/**
 * The outbox: one row for each batch, with its events in order, and one small row for each subscription that waits for it.
 *
 * Locks: none but what it inserts. The row is written last, when the batch holds every row lock it will ever hold. Its id
 * is drawn at that moment, so the ids of two batches that share a key are in the order of their commits. Rows of other
 * batches may become visible later and with lower ids; readers therefore keep no horizon, only what is settled.
 */
import type { RowOf } from "@holdfast/core"
import { type Statement, statement } from "../wire.ts"

type Event = RowOf["event"]

/** Writes nothing where nobody is registered, and says so. The target's lock is taken before the snapshot: see `register`. */
const append = `with o as (
  insert into @.outbox (events, size) select $1::text::json, $2::int where exists (select from @.subscription) returning id
), d as (
  insert into @.delivery (name, outbox_id) select s.name, o.id from o cross join @.subscription s
)
select 'heard'::text from o`

/** Takes the same lock and divides by zero where somebody is registered. */
const leaveOut = `with o as (
  insert into @.outbox (events, size) select '[]'::json, 1 where false
)
select 1 / (not exists (select from @.subscription))::int`

/**
 * Whether anybody is subscribed, as far as the last batch knew. Where nobody is, events need not be written down as JSON,
 * which is a tenth of a claim. What this believes is verified by the batch that relies on it.
 */
export class Audience {
  isThere = true

  /** What the outbox statement replied, or that it failed. */
  learn(value: string | null | undefined, failed: boolean): void {
    this.isThere = failed || (this.isThere && value === "heard")
  }
}

/** One statement, or none where there are no events. They are left out where there is no audience. */
export const outboxStatements = (events: ReadonlyArray<Event>, isHeard: boolean): ReadonlyArray<Statement> => {
  if (events.length === 0) return []
  return [isHeard ? statement(append, JSON.stringify(events), String(events.length)) : statement(leaveOut)]
}

// Registering waits for the batches that have written their outbox row without this name, and holds back those that come.
export const lockOutbox = `lock table @.outbox in share row exclusive mode`
export const register = `insert into @.subscription (name) values ($1) on conflict do nothing`
export const isRegistered = `select 'yes'::text from @.subscription where name = $1`
export const unregister = `delete from @.subscription where name = $1`
export const forgetDeliveries = `delete from @.delivery where name = $1`
export const forgetParked = `delete from @.parked where name = $1`
export const deleteUnawaited = `delete from @.outbox o where not exists (select from @.delivery d where d.outbox_id = o.id)`

export const lease = `update @.subscription set owner = $2, until = $3::bigint + $4::bigint
where name = $1 and (owner is null or owner = $2 or until <= $3::bigint)
returning 'yes'::text`
export const release = `update @.subscription set owner = null, until = null where name = $1 and owner = $2`

/** `$3` and `$4` are a position to start after, `$5` how many rows, `$6` the rows that this owner has in hand. */
export const claim = `select json_agg(json_build_array(r.outbox_id, r.settled, r.events) order by r.outbox_id)::text from (
  select d.outbox_id, d.settled, o.events
  from @.delivery d join @.outbox o on o.id = d.outbox_id
  where d.name = $1 and (d.outbox_id > $3::bigint or (d.outbox_id = $3::bigint and o.size > $4::int + 1))
    and d.outbox_id <> all($6::bigint[])
    and exists (select from @.subscription s where s.name = $1 and s.owner = $2)
  order by d.outbox_id limit $5::int
) r`

/** The first statement of every change by an owner: nobody else takes the lease before this transaction ends. */
export const holdLease = `select 'yes'::text from @.subscription where name = $1 and owner = $2 for share`
/** Sorted, so that two subscriptions that settle the same rows wait for each other instead of deadlocking. */
export const lockRows = `select 1 from (select id from @.outbox where id = any($1::bigint[]) order by id for update) r`
/** Settles `$3`[i] of row `$2`[i], unless it is settled or never was. Nothing where another owner holds the lease. */
export const settle = `with x as (
  select p.outbox_id, array_agg(distinct p.index) as indexes
  from unnest($3::bigint[], $4::int[]) p(outbox_id, index)
    join @.outbox o on o.id = p.outbox_id and p.index between 0 and o.size - 1
  group by 1
)
update @.delivery d
set settled = array(select distinct i from unnest(d.settled || x.indexes) i order by 1)
from x
where d.name = $1 and d.outbox_id = x.outbox_id
  and exists (select from @.subscription s where s.name = $1 and s.owner = $2)`
export const deleteSettled = `delete from @.delivery d using @.outbox o
where d.name = $1 and d.outbox_id = any($2::bigint[]) and o.id = d.outbox_id and cardinality(d.settled) >= o.size`
export const deleteDelivered = `delete from @.outbox o
where o.id = any($1::bigint[]) and not exists (select from @.delivery d where d.outbox_id = o.id)`

export const park = `insert into @.parked (name, outbox_id, index, event, reason, parked_at)
select d.name, d.outbox_id, $4::int, o.events -> $4::int, $5, $6::bigint
from @.delivery d join @.outbox o on o.id = d.outbox_id
where d.name = $1 and d.outbox_id = $3::bigint and $4::int between 0 and o.size - 1 and not $4::int = any(d.settled)
  and exists (select from @.subscription s where s.name = $1 and s.owner = $2)
on conflict do nothing`
export const listParked = `select json_agg(json_build_array(r.outbox_id, r.index, r.event, r.reason, r.parked_at) order by r.outbox_id, r.index)::text from (
  select * from @.parked where name = $1 and (outbox_id, index) > ($2::bigint, $3::int) order by outbox_id, index limit $4::int
) r`
/** The event waits again in a row of its own after all others: its owner has claimed past the old one. */
export const unpark = `with p as (
  delete from @.parked where name = $1 and outbox_id = $2::bigint and index = $3::int returning event
), o as (
  insert into @.outbox (events, size) select json_build_array(event), 1 from p returning id
)
insert into @.delivery (name, outbox_id) select $1, id from o`

export const depth = `select json_build_array(json_build_array(
  (select coalesce(sum(o.size - cardinality(d.settled)), 0) from @.delivery d join @.outbox o on o.id = d.outbox_id where d.name = $1),
  (select count(*) from @.parked where name = $1),
  (select (e.event ->> 'occurredAt')::bigint
    from (select d.outbox_id, d.settled from @.delivery d where d.name = $1 order by d.outbox_id limit 1) d
      join @.outbox o on o.id = d.outbox_id
      cross join lateral json_array_elements(o.events) with ordinality e(event, n)
    where not (e.n - 1)::int = any(d.settled)
    order by e.n limit 1)
))::text`
