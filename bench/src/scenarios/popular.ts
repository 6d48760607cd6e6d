/**
 * The list of popular products, on PostgreSQL: added up from order lines, with and without an index, and from the buckets
 * that every order of ours counts itself into.
 */
import type { Shop } from "@holdfast/core"
import { captured, explained } from "../../../packages/adapters/test/support/captured.ts"
import { Connections } from "../postgres/Connections.ts"
import { Contest, during, sizesOf } from "../postgres/Contest.ts"
import { furnishProducts, Ground } from "../postgres/Ground.ts"
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
  const ground = await Ground.open(context)
  const shop = await ground.openShop()
  const products = context.tiny ? 50 : 1_000
  await furnishProducts(shop, "product-", products)
  const reader = await Connections.open(ground.url, 1)
  context.atEnd(() => reader.close())
  const sizes = context.tiny ? [1_000, 5_000] : [10_000, 100_000, 1_000_000, ...(context.large ? [5_000_000] : [])]
  const { millis, rounds } = sizesOf(context, { millis: 1_000, rounds: 5 })
  const contests: Array<readonly [rows: number, contest: Contest]> = []
  let exact = true
  for (const rows of sizes) {
    context.progress(`${rows.toLocaleString("en-US")} order lines`)
    await fillLines(ground, rows, products)
    const contest = new Contest(context)
    const ours = () => shop.popularity.top({ limit })
    const { from } = await ours()
    const lines = (table: string) => () => reader.ask(topOfLines(table), String(from.getTime()), String(limit))
    await contest.run(rounds, [
      async () => ({ plain: await during(ground, millis, 1, lines(bareLines(ground))) }),
      async () => ({ indexed: await during(ground, millis, 1, lines(indexedLines(ground))) }),
      async () => ({ ours: await during(ground, millis, 1, ours) }),
    ])
    contests.push([rows, contest])
    for (const days of [1, 3, 30]) exact = (await agree(ground, shop, days, context)) && exact
  }
  const largest = contests.at(-1)?.[1] ?? new Contest(context)
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
          points: contests.map(([rows, contest]) => [rows, contest.median(key, "p50")] as const),
        })),
      },
    ],
    texts: await plans(ground, shop),
    notes: {
      plainToOurs: "milliseconds of the plain query without an index / ours, at the largest size",
      indexedToOurs: "the same with an index that covers the query / ours",
    },
  }
}

/** Whether the buckets name the same products with the same sums as the lines do. */
const agree = async (ground: Ground, shop: Shop, days: number, { progress }: Context): Promise<boolean> => {
  const { from, products } = await shop.popularity.top({ limit: 20, days })
  const rows = await ground.control.ask(topOfLines(bareLines(ground)), String(from.getTime()), "20")
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
const plans = async (ground: Ground, shop: Shop): Promise<NonNullable<Result["texts"]>> => {
  const { from, asOf } = await shop.popularity.top({ limit })
  const hourOf = (at: Date): number => Math.floor(at.getTime() / 3_600_000)
  const top = await captured(ground.schema, (reads) =>
    reads.top({ fromHour: hourOf(from), untilHour: hourOf(asOf) + 1, limit }),
  )
  const planOf = async (table: string): Promise<string> => {
    const explain = `explain (analyze, buffers, timing off, costs off) ${topOfLines(table)}`
    const rows = await ground.control.ask(explain, String(from.getTime()), String(limit))
    return rows.map((row) => row["QUERY PLAN"]).join("\n")
  }
  return [
    { title: `Plan: ${names.plain}`, text: await planOf(bareLines(ground)) },
    { title: `Plan: ${names.indexed}`, text: await planOf(indexedLines(ground)) },
    { title: `Plan: ${names.ours}`, text: (await explained(ground.url, top, "text")).join("\n") },
  ]
}
