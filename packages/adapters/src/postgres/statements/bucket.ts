/**
 * Sales buckets: units sold per product and hour.
 *
 * Locks: bucket rows, in the order of (product, hour), after the products. Plans: the primary key.
 *
 * A bucket is nothing but a count that moves by addition. So the first order of an hour inserts it, and where another one
 * did so meanwhile adds to it: the same as deciding again would give. Every full hour would start with conflicts else.
 */
import type { Key, Put, RecordOf } from "@holdfast/core"
import { texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"

type Bucket = RecordOf["bucket"]

export type BucketRow = readonly [Bucket["productId"], number, Bucket["sold"]]
export const bucketRow = `json_build_array(r.product_id, r.hour, r.sold)`
export const bucketOf = ([productId, hour, sold]: BucketRow): Bucket => ({ productId, hour, sold })

export const bucketKeys = (keys: ReadonlyArray<Key>): readonly [string, string] => [
  texts(keys.map(([productId]) => String(productId))),
  values(keys.map(([, hour]) => Number(hour))),
]

export const readBuckets = (products: string, hours: string): string => `select json_agg(${bucketRow})
from (select unnest(${products}::text[]) as product_id, unnest(${hours}::bigint[]) as hour) k
  cross join lateral (select * from @.bucket b where b.product_id = k.product_id and b.hour = k.hour offset 0) r`

export const lockBuckets = `select json_agg(${bucketRow})::text from (
  select b.* from (select * from ${unnested(1, "product_id text", "hour bigint")} k order by k.product_id collate "C", k.hour) k
    cross join lateral (select * from @.bucket b where b.product_id = k.product_id and b.hour = k.hour for update) b
) r`

const count = `insert into @.bucket as r (product_id, hour, sold)
select * from ${unnested(1, "product_id text", "hour bigint", "units bigint")} x
order by x.product_id collate "C", x.hour
on conflict (product_id, hour) do update set sold = r.sold + excluded.sold`

/** A cancelled order's units. The row is there: they were counted in it. */
const uncount = `with x as (
  select * from ${unnested(1, "product_id text", "hour bigint", "units bigint")} x order by x.product_id collate "C", x.hour
), u as (
  update @.bucket r set sold = r.sold - x.units from x where r.product_id = x.product_id and r.hour = x.hour returning 1
)
select 1 / ((select count(*) from u) = $4::int)::int`

/** Adds sold units to their buckets and takes cancelled ones off. */
export const bucketStatements = (puts: ReadonlyArray<Put<Bucket>>): ReadonlyArray<Statement> => {
  const counted: Array<Bucket & { readonly by: number }> = []
  const uncounted: Array<Bucket & { readonly by: number }> = []
  for (const { before, after } of puts) {
    const by = after.sold - (before?.sold ?? 0)
    if (by < 0) uncounted.push({ ...after, by: -by })
    else if (by > 0 || before === undefined) counted.push({ ...after, by })
  }
  const statements: Array<Statement> = []
  if (counted.length > 0) statements.push(statement(count, ...paramsOf(counted)))
  if (uncounted.length > 0) statements.push(statement(uncount, ...paramsOf(uncounted), String(uncounted.length)))
  return statements
}

const paramsOf = (buckets: ReadonlyArray<Bucket & { readonly by: number }>) => [
  texts(buckets.map(({ productId }) => productId)),
  values(buckets.map(({ hour }) => hour)),
  values(buckets.map(({ by }) => by)),
]
