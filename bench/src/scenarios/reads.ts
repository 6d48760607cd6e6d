/**
 * Exact reads over HTTP on PostgreSQL: what callers gain who share a read, and what readers notice of a sale.
 */
import { privateServer } from "@holdfast/test-services"
import { type Compared, compared } from "../http/compared.ts"
import { startGenerator, startServer } from "../http/processes.ts"
import { saleRows } from "../http/saleRows.ts"
import { agedRow } from "../postgres/agedRow.ts"
import { Connections } from "../postgres/Connections.ts"
import { rankedRow } from "../postgres/rankedRow.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "reads",
  about: "exact reads over HTTP: 64 connections that share reads against one statement each; reads beside a sale",
  run,
}

const hours = 72
/** In how many of these hours each product was sold. */
const soldHours = 24

async function run(context: Context): Promise<Result> {
  const { quick, progress, atEnd } = context
  const given = process.env.DATABASE_URL
  const own = given === undefined ? await privateServer("bench reads") : undefined
  const url = given ?? own?.url
  if (url === undefined) throw new Error("There is no PostgreSQL here.")
  if (own !== undefined) atEnd(own.stop)
  const schema = `reads_bench_${process.pid}`
  // What is written past the shop would not stand an audit.
  const saleSchema = `${schema}_sale`
  const control = await Connections.open(url, 1)
  atEnd(async () => {
    for (const each of [schema, saleSchema, `${saleSchema}_aged`])
      await control.ask(`drop schema if exists ${each} cascade`)
    await control.close()
  })
  const together = await startServer("postgres", undefined, url, schema)
  const apart = await startServer("apart", undefined, url, schema)
  const cached = await startServer("cached", undefined, url, schema)
  for (const { stop } of [together, apart, cached]) atEnd(stop)
  const generator = await startGenerator(undefined)
  const sizes = quick ? { rounds: 3, millis: 1_000 } : { rounds: 5, millis: 4_000 }
  const grouped = (kind: "read" | "popular") =>
    compared(kind, generator, [together, apart], sizes, `${kind}, shared / one statement each`, context)

  const product = await grouped("read")
  const aged = await compared("read", generator, [cached, together], sizes, "up to 500 ms old / exact", context)
  const agedInside = await agedRow(url, schema, sizes, context)
  const popular: Array<Compared> = []
  for (const products of [1_000, 10_000]) {
    progress(`${products.toLocaleString("en-US")} products`)
    await fill(control, schema, products)
    popular.push(await grouped("popular"))
  }
  const ranked = await rankedRow(url, schema, sizes.rounds, context)
  generator.stop()
  for (const { stop } of [together, apart, cached]) stop()
  const selling = await startServer("postgres", undefined, url, saleSchema)
  atEnd(selling.stop)
  const saleSizes = quick
    ? { rounds: 3, warmMillis: 1_500, millis: 1_000 }
    : { rounds: 5, warmMillis: 3_000, millis: 4_000 }
  const sale = await saleRows(selling, undefined, saleSizes, progress)
  selling.stop()
  progress("the same with answers that are up to 500 ms old")
  const agedSelling = await startServer("cached", undefined, url, `${saleSchema}_aged`)
  atEnd(agedSelling.stop)
  const agedSale = await saleRows(agedSelling, undefined, saleSizes, progress)
  const [few, many] = popular
  return {
    ratios: {
      popularGrouped: Math.min(few?.ratio ?? Number.NaN, many?.ratio ?? Number.NaN),
      popularGrouped1000: few?.ratio ?? Number.NaN,
      popularGrouped10000: many?.ratio ?? Number.NaN,
      productGrouped: product.ratio,
      cachedToExact: agedInside.ratio,
      cachedHttpToExact: aged.ratio,
      ...(ranked && { rankToStore: ranked.ratio }),
      readP99BesideSale: sale.ratios.readP99BesideSale,
      readP99BesideSaleCached: agedSale.ratios.readP99BesideSale,
      readP99BesideSaturation: sale.ratios.readP99BesideSaturation,
    },
    figures: {
      ...sale.figures,
      loopTurnP99Millis: sale.loopTurnP99Millis,
      productsPerSecond: product.perSecond,
      agedProductsPerSecond: agedInside.perSecond,
      agedProductsHttpPerSecond: aged.perSecond,
      popularPerSecond1000: few?.perSecond ?? Number.NaN,
      popularPerSecond10000: many?.perSecond ?? Number.NaN,
      ...(ranked && {
        popularStoreMillis: ranked.storeMillis,
        popularRankedMillis: ranked.rankedMillis,
        rankingFillSeconds: ranked.fillSeconds,
      }),
    },
    audit: { ok: sale.ok && agedSale.ok },
    notes,
  }
}

/** As many products, each sold in a third of the hours of the window. */
const fill = async (control: Connections, schema: string, products: number): Promise<void> => {
  const hour = Math.floor(Date.now() / 3_600_000)
  await control.ask(
    `insert into ${schema}.product (product_id, on_hand, revision, name, price, retired, registered_name, registered_price, registered_on_hand, version)
     select i::text, 1000000, 0, 'Product ' || i, 1, false, 'Product ' || i, 1, 1000000, 1 from generate_series(0, ${products - 1}) i
     on conflict do nothing`,
  )
  await control.ask(
    `insert into ${schema}.bucket (product_id, hour, sold)
     select i::text, ${hour} - h, 1 + (i * h) % 7 from generate_series(0, ${products - 1}) i, generate_series(1, ${hours - 1}, ${hours / soldHours}) h
     on conflict do nothing`,
  )
  await control.ask(`analyze ${schema}.bucket`)
}

const notes = {
  popularGrouped:
    "answers of the popular list, 64 connections that share reads / one statement each: the smaller of both sizes",
  popularGrouped1000: "with 1,000 products, each sold in 24 of 72 hours",
  popularGrouped10000: "with 10,000 products",
  rankToStore:
    "popular lists of up to 20 out of 10,000 products: time of the store / time of the ranking on Redis, 20 callers at once and no list kept before",
  productGrouped: "answers of GET product likewise",
  cachedToExact: "64 callers in the process: products that are up to 500 ms old / exact ones; must 10",
  cachedHttpToExact: "the same over HTTP, where the request itself costs more than either",
  readP99BesideSale: "reads at 500 per second: p99 beside a sale of 1,500 orders and 500 claims per second / p99 alone",
  readP99BesideSaleCached: "the same where products are up to 500 ms old",
  readP99BesideSaturation:
    "32 readers in a closed loop: p99 beside 64 buyers and 32 claimers in closed loops / p99 alone",
  loopTurnP99Millis: "turns of the shop's event loop in the sale, by CPU time, p99",
}
