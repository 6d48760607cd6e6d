/**
 * The list of popular products, on PostgreSQL: added up from order lines, with and without an index, and from the buckets
 * that every order of ours counts itself into.
 */
import type { Shop } from "@holdfast/core"
import { captured, explained } from "../../../packages/adapters/test/support/captured.ts"
import { BenchDatabase, furnishProducts } from "../postgres/BenchDatabase.ts"
import { Comparison, during, sizesOf } from "../postgres/Comparison.ts"
import { Connections } from "../postgres/Connections.ts"
import { bareLines, fillLines, indexedLines, topOfLines } from "../postgres/orderLines.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "popular",
  about: "the popular products of three days on PostgreSQL: our buckets against order lines (5M of them with --large)",
  run,
}

const limit = 5
const names = { plain: "lines, no index", indexed: "lines, covering index", ours: "ours" }

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const products = context.tiny ? 50 : 1_000
  await furnishProducts(shop, "product-", products)
  const reader = await Connections.open(database.url, 1)
  context.atEnd(() => reader.close())
  const sizes = context.tiny ? [1_000, 5_000] : [10_000, 100_000, 1_000_000, ...(context.large ? [5_000_000] : [])]
  const { millis, rounds } = sizesOf(context, { millis: 1_000, rounds: 5 })
  const contests: Array<readonly [rows: number, comparison: Comparison]> = []
  let exact = true
  for (const rows of sizes) {
    context.progress(`${rows.toLocaleString("en-US")} order lines`)
    await fillLines(database, rows, products)
    const comparison = new Comparison(context)
    const ours = () => shop.popularity.top({ limit })
    const { from } = await ours()
    const lines = (table: string) => () => reader.ask(topOfLines(table), String(from.getTime()), String(limit))
    await comparison.run(rounds, [
      async () => ({ plain: await during(database, millis, 1, lines(bareLines(database))) }),
      async () => ({ indexed: await during(database, millis, 1, lines(indexedLines(database))) }),
      async () => ({ ours: await during(database, millis, 1, ours) }),
    ])
    contests.push([rows, comparison])
    for (const days of [1, 3, 30]) exact = (await agree(database, shop, days, context)) && exact
  }
  const largest = contests.at(-1)?.[1] ?? new Comparison(context)
  return {
    ratios: {
      plainToOurs: largest.ratio("plain", "ours", "p50"),
      indexedToOurs: largest.ratio("indexed", "ours", "p50"),
    },
    figures: { ...largest.figures(), orderLines: sizes.at(-1) ?? 0, products },
    audit: { ok: exact },
    plots: [
      {
        type: "lines",
        title: `The ${limit} most popular products of three days`,
        caption: `One caller, median. The lines are of ${products.toLocaleString("en-US")} products and of thirty days.`,
        xLabel: "order lines",
        yLabel: "milliseconds",
        x: "in steps",
        y: "in powers of ten",
        series: Object.entries(names).map(([key, name]) => ({
          name,
          points: contests.map(([rows, comparison]) => [rows, comparison.median(key, "p50")] as const),
        })),
      },
    ],
    texts: await plans(database, shop),
    notes: {
      plainToOurs: "milliseconds of the plain query without an index / ours, at the largest size",
      indexedToOurs: "the same with an index that covers the query / ours",
    },
  }
}

/** Whether the buckets name the same products with the same sums as the lines do. */
const agree = async (database: BenchDatabase, shop: Shop, days: number, { progress }: Context): Promise<boolean> => {
  const { from, products } = await shop.popularity.top({ limit: 20, days })
  const rows = await database.control.ask(topOfLines(bareLines(database)), String(from.getTime()), "20")
  const [ours, theirs] = [
    products.map(({ productId, sold }) => [productId, sold]),
    rows.map(({ product_id, sold }) => [product_id, sold]),
  ]
  const same = JSON.stringify(ours) === JSON.stringify(theirs)
  if (!same)
    progress(`RECOUNT: of ${days} days the buckets say ${JSON.stringify(ours)}, the lines ${JSON.stringify(theirs)}`)
  return same
}

/** The plans as they ran, for the page. */
const plans = async (database: BenchDatabase, shop: Shop): Promise<NonNullable<Result["texts"]>> => {
  const { from, asOf } = await shop.popularity.top({ limit })
  const hourOf = (at: Date): number => Math.floor(at.getTime() / 3_600_000)
  const top = await captured(database.schema, (reads) =>
    reads.top({ fromHour: hourOf(from), untilHour: hourOf(asOf) + 1, limit }),
  )
  const planOf = async (table: string): Promise<string> => {
    const explain = `explain (analyze, buffers, timing off, costs off) ${topOfLines(table)}`
    const rows = await database.control.ask(explain, String(from.getTime()), String(limit))
    return rows.map((row) => row["QUERY PLAN"]).join("\n")
  }
  return [
    { title: `Plan: ${names.plain}`, text: await planOf(bareLines(database)) },
    { title: `Plan: ${names.indexed}`, text: await planOf(indexedLines(database)) },
    { title: `Plan: ${names.ours}`, text: (await explained(database.url, top, "text")).join("\n") },
  ]
}
