/**
 * Sales buckets: units sold per product and hour.
 *
 * A bucket is nothing but a count that moves by addition. So the first order of an hour inserts it, and where another one
 * did so meanwhile adds to it: the same as deciding again would give. Every full hour would start with conflicts else.
 *
 * Locks: rows in the order of (product, hour), after the products.
 */
import type { Put, RecordOf } from "@holdfast/core/ports"
import { bigint, type Column, text } from "./columns.ts"
import { inOrder, matching } from "./keys.ts"
import { type KindTable, kindTable } from "./kindTable.ts"
import { type RowColumn, template } from "./template.ts"

type Bucket = RecordOf["bucket"]

/** Units to add to a bucket. */
interface Counted {
  readonly bucket: Bucket
  readonly units: number
}

const found = kindTable("bucket", {
  table: "bucket",
  key: ["productId", "hour"],
  fields: { productId: text("product_id"), hour: bigint("hour"), sold: bigint("sold") },
})

const columns: ReadonlyArray<RowColumn<Counted>> = [
  ...found.key.map(({ name, type, get }: Column<Bucket>) => ({
    name,
    type,
    get: ({ bucket }: Counted) => get(bucket),
  })),
  { name: "units", type: "bigint", get: ({ units }) => units },
]
const itself = (counted: ReadonlyArray<Counted>) => counted

const count = template<ReadonlyArray<Counted>>(
  "count bucket",
  (parameters) => `insert into @.bucket as r (product_id, hour, sold)
select * from ${parameters.rows(columns, itself)} x
order by ${inOrder("x", found.key)}
on conflict (product_id, hour) do update set sold = r.sold + excluded.sold`,
)

/** A cancelled order's units. The row is there: they were counted in it. */
const uncount = template<ReadonlyArray<Counted>>(
  "uncount bucket",
  (parameters) => `with x as (
  select * from ${parameters.rows(columns, itself)} x order by ${inOrder("x", found.key)}
), u as (
  update @.bucket r set sold = r.sold - x.units from x where ${matching("r", "x", found.key)} returning 1
)
select 1 / ((select count(*) from u) = ${parameters.value("rows", "int", (counted) => counted.length)})::int`,
)

export const bucket: KindTable<"bucket"> = {
  ...found,
  write: (puts) => {
    const added: Array<Counted> = []
    const taken: Array<Counted> = []
    for (const put of puts) {
      const units = unitsOf(put)
      if (units < 0) taken.push({ bucket: put.after, units: -units })
      else if (units > 0 || put.before === undefined) added.push({ bucket: put.after, units })
    }
    return {
      changes: taken.length === 0 ? [] : [uncount.of(taken)],
      inserts: added.length === 0 ? [] : [count.of(added)],
    }
  },
  templates: [count, uncount],
}

const unitsOf = ({ before, after }: Put<Bucket>): number => after.sold - (before?.sold ?? 0)
