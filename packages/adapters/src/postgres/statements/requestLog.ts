/**
 * The log of coupon requests: claims that wait, and the one row that numbers them.
 *
 * Locks: the row of the log, by who appends, until its commit. So places become visible in their order, and nobody who reads
 * the log can pass over one. Reading and deleting wait for nobody.
 */
import { written } from "../session/wire.ts"

/** The one partition of this log. */
const decided = `coalesce((select p.next from @.request_position p where p.log = l.log and p.partition = 0), 0)`

/** Appends claims, at most so many that `$8` wait. Answers the log and the place of the first; nothing where it is full. */
export const append = written(
  "append requests",
  [
    "campaign_ids text[]",
    "account_ids text[]",
    "ats bigint[]",
    "command_ids text[]",
    "scopes text[]",
    "keys text[]",
    "rows bigint",
    "max_waiting bigint",
  ],
  `with l as (
  update @.request_log l set next = l.next + $7::bigint
  where l.next + $7::bigint - ${decided} <= $8::bigint
  returning l.log, l.next - $7::bigint as first
), c as (
  insert into @.request_claim (place, campaign_id, account_id, at, command_id, scope, key)
  select l.first + x.number - 1, x.campaign_id, x.account_id, x.at, x.command_id, x.scope, x.key
  from l, unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
    with ordinality x(campaign_id, account_id, at, command_id, scope, key, number)
  order by x.number
)
select json_build_array(json_build_array(l.log, l.first))::text from l`,
)

/** The first `$1` claims that are not decided, with the log and how many wait. One snapshot. */
export const slice = written(
  "read requests",
  ["limit bigint"],
  `select json_build_array(json_build_array(l.log, l.next - ${decided}, (
  select json_agg(json_build_array(c.place, c.campaign_id, c.account_id, c.at, c.command_id, c.scope, c.key) order by c.place)
  from (select * from @.request_claim c where c.place >= ${decided} order by c.place limit $1::bigint) c
)))::text from @.request_log l`,
)

/** Whether the claim of this command stands at this place. */
export const holds = written(
  "whether a request waits",
  ["log text", "place bigint", "command_id text"],
  `select 'yes'::text from @.request_log l
where l.log = $1 and exists (select from @.request_claim c where c.place = $2::bigint and c.command_id = $3)`,
)

/** How many wait. */
export const waiting = written("count requests", [], `select (l.next - ${decided})::text from @.request_log l`)

/** Deletes claims before `$1`, the oldest `$2` of them: all of these are decided. */
export const trim = written(
  "delete decided requests",
  ["place bigint", "limit bigint"],
  `delete from @.request_claim where place in (
  select c.place from @.request_claim c where c.place < $1::bigint order by c.place limit $2::bigint
)`,
)
