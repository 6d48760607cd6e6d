/**
 * Leases of names, and what their holders do: claim events, settle them, park them.
 *
 * Locks: a name's advisory lock, where its session is ours; rows of the outbox in the order of their ids.
 */
import { written } from "../session/wire.ts"

/** The oids that locks go by. A sequence has one row, which knows of what relation it is. */
const relations = `k as materialized (
  select f.tableoid as class, hashtext($1) as object from @.fence f
)`

const now = `(extract(epoch from clock_timestamp()) * 1000)::bigint`

/** Whether this session holds the lock of the name, whatever else it has to do with it. */
const holding = `${relations}, h as materialized (
  select k.*, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid()
      and l.classid = k.class and l.objid = k.object::oid and l.objsubid = 2
  ) as mine from k
)`

/** The advisory lock, kept by the session where it is ours (`$4`), and otherwise only looked for. */
const locking = `${holding}, l as materialized (
  select h.mine, h.class, case
    when h.mine then false
    when $4::boolean then pg_try_advisory_lock(h.class::int4, h.object)
    else pg_try_advisory_xact_lock(h.class::int4, h.object)
  end as free from h
)`

/** Which server answers, of those that may hold the same rows: no two began in the same microsecond. */
const server = `extract(epoch from pg_postmaster_start_time())`

/** Takes the lease of `$1` for `$2` and `$3` milliseconds: it is free, it has run out, or its session has ended. */
export const lease = written(
  "take a lease",
  ["name text", "owner text", "lease_millis bigint", "is_own_session boolean"],
  `with ${locking}
update @.subscription s
set owner = $2, until = ${now} + $3::bigint, fence = nextval(l.class::regclass),
  locked_by = case when $4::boolean and (l.mine or l.free) then $2 end
from l
where s.name = $1
  and (s.owner is null or s.owner = $2 or s.until <= ${now} or (s.locked_by = s.owner and l.free))
returning s.fence::text`,
)

/** Keeps the lease of `$1` and `$2`, with the fence `$5`, for `$3` milliseconds from now on, and says which server does. */
export const renew = written(
  "renew a lease",
  ["name text", "owner text", "lease_millis bigint", "is_own_session boolean", "fence bigint"],
  `with ${locking}
update @.subscription s
set until = ${now} + $3::bigint, locked_by = case when $4::boolean and (l.mine or l.free) then $2 end
from l
where s.name = $1 and s.owner = $2 and s.fence = $5::bigint
returning ${server}::text`,
)

export const release = written(
  "release a lease",
  ["name text", "owner text", "fence bigint"],
  `update @.subscription set owner = null, until = null, locked_by = null
where name = $1 and owner = $2 and fence = $3::bigint`,
)

/** Gives back a lock that this session has for no lease. */
export const unlock = written(
  "unlock a name",
  ["name text"],
  `with ${holding}
select pg_advisory_unlock(h.class::int4, h.object)::text from h
where h.mine and not exists (select from @.subscription s where s.name = $1 and s.locked_by = s.owner)`,
)

/** A session that holds a lease and is not heard of ends: whoever is frozen or cut off holds nothing up. */
export const idleLimit = written(
  "limit how long a session is idle",
  ["limit text"],
  `select set_config('idle_session_timeout', $1, false)`,
)

/** Whether the lease of `$1` and `$2` with the fence `$3` is the newest. */
const held = `select from @.subscription s where s.name = $1 and s.owner = $2 and s.fence = $3::bigint`

/** Whether the server of a parameter answers, or none is known: another one may have other rows of the same ids. */
const isOn = (parameter: string): string => `coalesce(nullif(${parameter}, '')::numeric = ${server}, true)`

const heldOn = (parameter: string): string => `${held} and ${isOn(parameter)}`

/**
 * Rows that the holder was not given, in order, with the transactions that had ended by then and the server: see `Given`.
 *
 * `$4` to `$5` are the ranges of ids where they can be, `$6` what in them is in hand, `$7` how many rows are looked at;
 * `$8` events and `$9` bytes are answered, or one row. The events of a row with more bytes are not: `slice` has them.
 */
export const claim = written(
  "claim events",
  [
    "name text",
    "owner text",
    "fence bigint",
    "low bigint[]",
    "high bigint[]",
    "in_hand bigint[]",
    "rows int",
    "events bigint",
    "bytes bigint",
  ],
  `with r as materialized (
  select d.outbox_id, d.settled, o.size, coalesce(o.bytes, octet_length(o.events::text)) as bytes
  from unnest($4::bigint[], $5::bigint[]) g(low, high)
    cross join lateral (
      select d.outbox_id, d.settled from @.delivery d
      where d.name = $1 and d.outbox_id between g.low and g.high and d.outbox_id <> all($6::bigint[])
      order by d.outbox_id limit $7::int
    ) d
    join @.outbox o on o.id = d.outbox_id
  order by d.outbox_id limit $7::int
), s as (
  select r.*, row_number() over w as n, sum(r.size) over w as events_so_far, sum(r.bytes) over w as bytes_so_far
  from r window w as (order by r.outbox_id rows unbounded preceding)
)
select json_build_array(json_build_array(
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
  (select count(*) from r),
  ${server},
  (select json_agg(json_build_array(s.outbox_id, s.settled, s.size, s.bytes,
      case when s.bytes <= $9::bigint then (select o.events from @.outbox o where o.id = s.outbox_id) end
    ) order by s.outbox_id)
    from s where s.n = 1 or (s.events_so_far <= $8::bigint and s.bytes_so_far <= $9::bigint))
))::text where exists (${held})`,
)

/** Rows of `$5` that the holder has in hand of the server `$4`, once more: as many as stay within `$6` bytes, or one. */
export const reread = written(
  "read claimed events again",
  ["name text", "owner text", "fence bigint", "server text", "rows bigint[]", "bytes bigint"],
  `with s as (
  select d.outbox_id, d.settled, o.size, o.bytes, row_number() over w as n, sum(o.bytes) over w as bytes_so_far
  from unnest($5::bigint[]) i(id)
    join @.delivery d on d.name = $1 and d.outbox_id = i.id
    cross join lateral (
      select o.size, coalesce(o.bytes, octet_length(o.events::text)) as bytes from @.outbox o where o.id = i.id
    ) o
  window w as (order by i.id rows unbounded preceding)
)
select coalesce(json_agg(json_build_array(s.outbox_id, s.settled, s.size, s.bytes,
    case when s.bytes <= $6::bigint then (select o.events from @.outbox o where o.id = s.outbox_id) end
  ) order by s.outbox_id), '[]')::text
from s where s.n = 1 or s.bytes_so_far <= $6::bigint
having exists (${heldOn("$4")})`,
)

/** Of a row that is larger than a claim, on the server `$4`: what comes after the first `$2` events, up to `$3` bytes, or one event. */
export const slice = written(
  "a slice of a row",
  ["row bigint", "after int", "bytes bigint", "server text"],
  `select json_agg(e.event order by e.n)::text from (
  select x.event, x.n, sum(octet_length(x.event::text)) over (order by x.n) as bytes_so_far
  from @.outbox o cross join lateral json_array_elements(o.events) with ordinality x(event, n)
  where o.id = $1::bigint and x.n > $2::int and ${isOn("$4")}
) e where e.bytes_so_far <= $3::bigint or e.n = $2::int + 1`,
)

/**
 * The first statement of every change by an owner to what it has of the server `$4`: nobody else takes the lease before this
 * transaction ends.
 */
export const holdLease = written(
  "hold a lease until the commit",
  ["name text", "owner text", "fence bigint", "server text"],
  `select 'yes'::text from @.subscription s
where s.name = $1 and s.owner = $2 and s.fence = $3::bigint and ${isOn("$4")} for share`,
)
/** Sorted, so that two subscriptions that settle the same rows wait for each other instead of deadlocking. */
export const lockRows = written(
  "lock rows of events",
  ["rows bigint[]"],
  `select 1 from (select id from @.outbox where id = any($1::bigint[]) order by id for update) r`,
)
/** Settles all of the rows `$5`. */
export const settleRows = written(
  "settle rows",
  ["name text", "owner text", "fence bigint", "server text", "rows bigint[]"],
  `delete from @.delivery d
where d.name = $1 and d.outbox_id = any($5::bigint[]) and exists (${heldOn("$4")})`,
)
/** Settles `$6`[i] of row `$5`[i], unless it is settled or never was. */
export const settle = written(
  "settle events of rows",
  ["name text", "owner text", "fence bigint", "server text", "rows bigint[]", "indexes int[]"],
  `with x as (
  select p.outbox_id, array_agg(distinct p.index) as indexes
  from unnest($5::bigint[], $6::int[]) p(outbox_id, index)
    join @.outbox o on o.id = p.outbox_id and p.index between 0 and o.size - 1
  group by 1
)
update @.delivery d
set settled = array(select distinct i from unnest(d.settled || x.indexes) i order by 1)
from x
where d.name = $1 and d.outbox_id = x.outbox_id and exists (${heldOn("$4")})`,
)
export const deleteSettled = written(
  "delete deliveries that are settled",
  ["name text", "rows bigint[]"],
  `delete from @.delivery d using @.outbox o
where d.name = $1 and d.outbox_id = any($2::bigint[]) and o.id = d.outbox_id and cardinality(d.settled) >= o.size`,
)
export const deleteDelivered = written(
  "delete rows that all have had",
  ["rows bigint[]"],
  `delete from @.outbox o
where o.id = any($1::bigint[]) and not exists (select from @.delivery d where d.outbox_id = o.id)`,
)

export const park = written(
  "park an event",
  [
    "name text",
    "owner text",
    "fence bigint",
    "server text",
    "row bigint",
    "index int",
    "reason text",
    "parked_at bigint",
  ],
  `insert into @.parked (name, outbox_id, index, event, reason, parked_at)
select d.name, d.outbox_id, $6::int, o.events -> $6::int, $7, $8::bigint
from @.delivery d join @.outbox o on o.id = d.outbox_id
where d.name = $1 and d.outbox_id = $5::bigint and $6::int between 0 and o.size - 1 and not $6::int = any(d.settled)
  and exists (${heldOn("$4")})
on conflict do nothing`,
)
/** What is left over of a name that is not registered counts for nothing: it is about to be deleted. */
const isRegistered = `exists (select from @.subscription s where s.name = $1)`

export const listParked = written(
  "parked events",
  ["name text", "row bigint", "index int", "limit int"],
  `select json_agg(json_build_array(r.outbox_id, r.index, r.event, r.reason, r.parked_at) order by r.outbox_id, r.index)::text from (
  select * from @.parked where name = $1 and (outbox_id, index) > ($2::bigint, $3::int) and ${isRegistered}
  order by outbox_id, index limit $4::int
) r`,
)
/**
 * The event waits again in a row of its own after all others: its owner has claimed past the old one. The name is registered
 * until the commit, so that whoever forgets it deletes that row too. Only the end of a registration waits for this lock.
 */
export const unpark = written(
  "an event waits again",
  ["name text", "row bigint", "index int"],
  `with s as materialized (
  select from @.subscription where name = $1 for key share
), p as (
  delete from @.parked
  where name = $1 and outbox_id = $2::bigint and index = $3::int and exists (select from s) returning event
), o as (
  insert into @.outbox (events, size, bytes)
  select json_build_array(event), 1, octet_length(event::text) + 2 from p returning id
), d as (
  insert into @.delivery (name, outbox_id) select $1, id from o returning 1
)
select count(*)::text from d`,
)

/** How far the holder has come on the server `$4`: two looks into the key of its deliveries. */
export const reach = written(
  "how far a name has come",
  ["name text", "owner text", "fence bigint", "server text", "asked bigint"],
  `select json_build_array(json_build_array(
  (select max(d.outbox_id) from @.delivery d where d.name = $1),
  not exists (select from @.delivery d where d.name = $1 and d.outbox_id <= $5::bigint)
))::text where exists (${heldOn("$4")})`,
)

export const depth = written(
  "how much waits for a name",
  ["name text"],
  `select json_build_array(json_build_array(
  (select coalesce(sum(o.size - cardinality(d.settled)), 0) from @.delivery d join @.outbox o on o.id = d.outbox_id
    where d.name = $1 and ${isRegistered}),
  (select count(*) from @.parked where name = $1 and ${isRegistered}),
  (select (e.event ->> 'occurredAt')::bigint
    from (select d.outbox_id, d.settled from @.delivery d
        where d.name = $1 and ${isRegistered} order by d.outbox_id limit 1) d
      join @.outbox o on o.id = d.outbox_id
      cross join lateral json_array_elements(o.events) with ordinality e(event, n)
    where not (e.n - 1)::int = any(d.settled)
    order by e.n limit 1)
))::text`,
)
