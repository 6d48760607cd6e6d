/**
 * Order lines as a shop without buckets keeps them, which is what a list of popular products is usually added up from:
 * once bare, and once with an index that has all the query wants.
 */
import type { BenchDatabase } from "./BenchDatabase.ts"

const days = 30

export const bareLines = ({ ownSchema }: BenchDatabase): string => `${ownSchema}.line`
export const indexedLines = ({ ownSchema }: BenchDatabase): string => `${ownSchema}.line_indexed`

/**
 * Fills the lines anew: `rows` of them over the last thirty days, on products `product-0` … `product-{products − 1}` of
 * which some sell far more than others; and the shop's buckets with what those lines add up to.
 */
export const fillLines = async (database: BenchDatabase, rows: number, products: number): Promise<void> => {
  const { ask } = database.control
  const [bare, indexed, bucket] = [bareLines(database), indexedLines(database), `${database.schema}.bucket`]
  await ask(`drop table if exists ${bare}, ${indexed}`)
  await ask(
    `create table ${bare} (product_id text collate "C" not null, quantity int not null, placed_at bigint not null)`,
  )
  await ask("select setseed(0.5)")
  await ask(
    `insert into ${bare}
     select 'product-' || floor($2::int * random() ^ 3), 1 + floor(random() * 3), $3::bigint - floor(random() * ${days} * 86400000)
     from generate_series(1, $1::int)`,
    String(rows),
    String(products),
    String(Date.now()),
  )
  await ask(`create table ${indexed} (like ${bare})`)
  await ask(`insert into ${indexed} select * from ${bare}`)
  await ask(`create index line_by_time on ${indexed} (placed_at) include (product_id, quantity)`)
  await ask(`truncate ${bucket}`)
  // In the order of time, as sales write them.
  await ask(
    `insert into ${bucket} (product_id, hour, sold)
     select product_id, placed_at / 3600000, sum(quantity) from ${bare} group by 1, 2 order by 2, random()`,
  )
  for (const table of [bare, indexed, bucket]) await ask(`vacuum analyze ${table}`)
}

/** The products sold most since a moment ($1), as many as wanted ($2), from the lines themselves. */
export const topOfLines = (lines: string): string =>
  `select product_id, sum(quantity)::float8 as sold from ${lines} where placed_at >= $1::bigint
   group by 1 order by 2 desc, 1 limit $2::int`
