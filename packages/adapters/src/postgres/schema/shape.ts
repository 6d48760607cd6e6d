/**
 * What a schema is made of, as its catalog tells it: to see what somebody dropped or changed since the migrations made it.
 *
 * What must be there is generated together with the migrations, by making a schema and looking at it. More may be there: an
 * index that a host added is the host's. Only what every version of PostgreSQL tells alike is compared, so no expressions.
 */
import type { StoreFault } from "@holdfast/core"
import { Effect } from "effect"
import { notOpened } from "../session/notOpened.ts"
import { rowsOf } from "../session/text.ts"
import { statement, type Wire } from "../session/wire.ts"
import { type Part, shape } from "./shape.generated.ts"

/** An index that is not valid enforces nothing, so it is not there. No name of ours needs the quotes that some servers write around all. */
export const readShape = `with relation as (
  select c.oid, c.relname::text as name, c.relkind, c.relpersistence
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'S')
    -- The sequence of an identity is part of its column.
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i' and c.relkind = 'S')
), part as (
  select name as relation, case relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end as part,
    case relpersistence when 'u' then 'unlogged' else '' end as how
  from relation
  union all
  select r.name, 'column ' || a.attname, concat_ws(' ', replace(format_type(a.atttypid, a.atttypmod), '"', ''),
    case when a.attcollation = 'pg_catalog."C"'::regcollation then 'collate C' end,
    case when a.attnotnull then 'not null' end,
    case a.attidentity when 'a' then 'always identity' when 'd' then 'identity' end,
    case when a.atthasdef then 'default' end)
  from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  where r.relkind <> 'S'
  union all
  select r.name, 'constraint ' || k.conname, concat_ws(' ',
    case k.contype when 'p' then 'primary key' when 'u' then 'unique' when 'c' then 'check' when 'f' then 'foreign key' else 'exclude' end,
    case when k.contype in ('p', 'u') then (
      select '(' || string_agg(a.attname, ', ' order by o.position) || ')'
      from unnest(k.conkey) with ordinality o(attnum, position)
      join pg_attribute a on a.attrelid = r.oid and a.attnum = o.attnum
    ) end,
    case when not k.convalidated then 'not valid' end)
  from relation r join pg_constraint k on k.conrelid = r.oid and k.contype in ('c', 'p', 'u', 'f', 'x')
  union all
  select r.name, 'index ' || c.relname, concat_ws(' ', case when i.indisunique then 'unique' end, (
      select '(' || string_agg(replace(pg_get_indexdef(i.indexrelid, position, true), '"', ''), ', ' order by position) || ')'
      from generate_series(1, i.indnkeyatts) position
    ), case when i.indpred is not null then 'of some rows' end)
  from relation r join pg_index i on i.indrelid = r.oid and i.indisvalid join pg_class c on c.oid = i.indexrelid
  where not exists (select from pg_constraint k where k.conindid = i.indexrelid)
)
select json_agg(json_build_array(relation, part, how)
  order by relation collate "C", part not in ('table', 'view', 'sequence'), part collate "C")::text
from part`

/** The most that is named of what is missing or changed. */
const maxNamed = 8

/** What is missing or changed, as a sentence; undefined where everything is there. */
export const driftOf = (expected: ReadonlyArray<Part>, found: ReadonlyArray<Part>): string | undefined => {
  const keyOf = ([relation, part]: Part): string => `${relation}\0${part}`
  const there = new Map(found.map((each) => [keyOf(each), each[2]]))
  const gone = new Set<string>()
  const drift = expected.flatMap((each) => {
    const [relation, part, how] = each
    // Of a table that is gone nothing else needs to be said.
    if (gone.has(relation)) return []
    const now = there.get(keyOf(each))
    if (now === how) return []
    if (isRelation(part) && now === undefined) gone.add(relation)
    const name = isRelation(part) ? `${part} ${relation}` : `${part} of ${relation}`
    return now === undefined ? [`the ${name} is missing`] : [`the ${name} is ${asHow(now)}, and was made ${asHow(how)}`]
  })
  const more = drift.length - maxNamed
  return drift.length === 0
    ? undefined
    : [...drift.slice(0, maxNamed), ...(more > 0 ? [`and ${more} more`] : [])].join("; ")
}

const isRelation = (part: string): boolean => part === "table" || part === "view" || part === "sequence"
const asHow = (how: string): string => (how === "" ? "plain" : `"${how}"`)

/** What is missing or changed in a schema that has this code's version. */
export const lookForDrift = (wire: Wire, schema: string): Effect.Effect<string | undefined, StoreFault> =>
  Effect.flatMap(wire.run([statement(readShape, schema)]), ({ values, failed }) =>
    failed === undefined
      ? Effect.succeed(driftOf(shape, rowsOf<Part>(values[0])))
      : Effect.fail(notOpened(failed.failure)),
  )
