/**
 * The outbox: rows of events in the order of their batch, and for each of them one small row for each subscription that
 * waits for it.
 *
 * Locks: none but what it inserts. A row is written last, when the batch holds every row lock it will ever hold. Its id
 * is drawn at that moment, so the ids of two batches that share a key are in the order of their commits. Rows of other
 * batches may become visible later and with lower ids.
 */
import type { RowOf } from "@holdfast/core/ports"
import { type Statement, written } from "../session/wire.ts"

type Event = RowOf["event"]

/**
 * Writes nothing where nobody is registered, and says so. Whoever executes it holds a lock on the outbox from before its
 * snapshot until its transaction ends, and so does `leaveOut`: that is how `register` knows of a transaction whose snapshot
 * may be older than the name.
 */
const append = written(
  "append events",
  ["events text", "size int"],
  `with o as (
  insert into @.outbox (events, size, bytes)
  select $1::text::json, $2::int, octet_length($1::text) where exists (select from @.subscription) returning id
), d as (
  insert into @.delivery (name, outbox_id) select s.name, o.id from o cross join @.subscription s
)
select 'heard'::text from o`,
)

/** Divides by zero where somebody is registered. */
const leaveOut = written(
  "leave events out",
  [],
  `with o as (
  insert into @.outbox (events, size) select '[]'::json, 1 where false
)
select 1 / (not exists (select from @.subscription))::int`,
)

/**
 * The most characters of a row, unless one event alone has more: at most 384 KiB, so that whoever reads whole rows stays
 * within its bounds. Nearly every batch is one row; one of 128 orders of 100 lines each would be one of 9 MB.
 */
const mostCharacters = 128 * 1_024

/** One statement for each row, or none where there are no events. They are left out where there is no audience. */
export const outboxStatements = (events: ReadonlyArray<Event>, isHeard: boolean): ReadonlyArray<Statement> => {
  if (events.length === 0) return []
  return isHeard ? rowsOfEvents(events).map(({ json, size }) => append(json, size)) : [leaveOut()]
}

const rowsOfEvents = (
  events: ReadonlyArray<Event>,
): ReadonlyArray<{ readonly json: string; readonly size: string }> => {
  const rows: Array<{ readonly json: string; readonly size: string }> = []
  let json = ""
  let size = 0
  const end = () => {
    rows.push({ json: `[${json}]`, size: String(size) })
    json = ""
    size = 0
  }
  for (const event of events) {
    const text = JSON.stringify(event)
    if (size > 0 && json.length + text.length > mostCharacters) end()
    json = size === 0 ? text : `${json},${text}`
    size++
  }
  end()
  return rows
}

/**
 * Those who begin the name, and those who delete what is left over of it, do so one by one until their commit. Sales take no
 * such lock. It is another one than that of the lease, which goes by two numbers.
 */
export const holdName = written(
  "hold a name until the commit",
  ["name text"],
  `select pg_advisory_xact_lock(f.tableoid::bigint << 32 | hashtext($1)::bigint & 4294967295)::text from @.fence f`,
)

// A name comes into being in three steps that hold nothing. A transaction that does not see it is one of those that are
// listed after it was committed: every other one takes its lock, and then its snapshot, later.
/** With a fence of its own, which tells it from a registration before or after it. Under `holdName`. */
export const register = written(
  "register a name",
  ["name text"],
  `insert into @.subscription (name, is_ready, fence)
select $1, false, nextval(f.tableoid::regclass) from @.fence f on conflict do nothing`,
)
export const standing = written(
  "whether a name gets events",
  ["name text"],
  `select json_build_array(json_build_array(is_ready, fence))::text from @.subscription where name = $1`,
)
export const nowReady = written(
  "a name gets events",
  ["name text", "fence bigint"],
  `update @.subscription set is_ready = true where name = $1 and fence = $2::bigint and not is_ready`,
)

/** Transactions that write to the outbox: who they are, and what is known of them. All of them, or those of `$1`. */
export const writers = written(
  "transactions that write events",
  ["ids text[]"],
  `with f as materialized (
  select c.relnamespace from @.fence f join pg_class c on c.oid = f.tableoid
), w as materialized (
  select l.virtualtransaction as id, l.pid
  from pg_locks l
  where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.relation = (select c.oid from pg_class c join f on f.relnamespace = c.relnamespace and c.relname = 'outbox')
    and l.pid is distinct from pg_backend_pid()
    and ($1::text[] is null or l.virtualtransaction = any($1::text[]))
)
select json_agg(json_build_array(w.id, w.pid, a.application_name,
  extract(epoch from clock_timestamp() - a.xact_start)::int))::text
from w left join pg_stat_activity a on a.pid = w.pid`,
)

// Forgetting a name goes the same way: no transaction that begins now adds to what waits for it.
export const unregister = written("forget a name", ["name text"], `delete from @.subscription where name = $1`)

/** True while the name `$1` is not registered. A statement that deletes by it needs `holdName` before it. */
const isForgotten = `not exists (select from @.subscription s where s.name = $1)`

export const leftOver = written(
  "rows left over of a name",
  ["name text", "after bigint", "limit int"],
  `select json_agg(r.outbox_id)::text from (
  select outbox_id from @.delivery where name = $1 and outbox_id > $2::bigint and ${isForgotten}
  order by outbox_id limit $3::int
) r`,
)
export const forgetDeliveries = written(
  "forget what waits for a name",
  ["name text", "rows bigint[]"],
  `delete from @.delivery where name = $1 and outbox_id = any($2::bigint[]) and ${isForgotten}`,
)
export const forgetParked = written(
  "forget what is parked",
  ["name text", "limit int"],
  `with p as (
  delete from @.parked where (name, outbox_id, index) in (
    select name, outbox_id, index from @.parked where name = $1 and ${isForgotten} order by outbox_id, index limit $2::int
  ) returning 1
)
select 'some'::text from p limit 1`,
)
