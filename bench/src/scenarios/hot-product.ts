/**
 * One product that everybody wants, on PostgreSQL: our batches beside the ways of the textbook (one order per transaction),
 * on the same server, tables and driver, leaving the same rows; and beside pgbench inserting one bare row per transaction,
 * which is what the disk allows one commit per order.
 */
import { pglite } from "@holdfast/adapters/pglite"
import { createHoldfast, type Shop } from "@holdfast/core"
import type { Plot } from "../plot.ts"
import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { BareRows, meanBatch } from "../postgres/bareRows.ts"
import { Comparison, during, type Sample, type Step, sizesOf, toTheBetter } from "../postgres/Comparison.ts"
import { bareInserts } from "../postgres/pgbench.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales } from "../postgres/Sales.ts"
import { Textbook } from "../postgres/Textbook.ts"
import { orderFunction, textbookOrders } from "../postgres/textbook/orders.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "hot-product",
  about: "one hot product on PostgreSQL: our batches against five textbook ways, a bare INSERT, and PGlite",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const embedded = createHoldfast({ store: pglite(), deadlineMillis: 600_000, workers: false })
  context.atEnd(() => embedded.stop())
  const accounts = context.tiny ? 20 : 2_000
  await furnish(shop, accounts)
  await furnish(embedded, accounts)
  await database.control.ask(orderFunction(database.schema, database.ownSchema))

  const { millis, rounds } = sizesOf(context)
  const acknowledged = new Acknowledged()
  const onPglite = new Acknowledged()
  const basket = { accounts, lines: () => [{ productId: "hot", quantity: 1 }] }
  const sales = new Sales(acknowledged, basket)
  const embeddedSales = new Sales(onPglite, basket)
  const ways = textbookOrders(database.schema, database.ownSchema)
  const textbook = new Textbook(database, context, millis)
  const { many } = textbook
  const interactive = sales.textbook(ways.interactive)
  const best = await textbook.bestPool(interactive)
  const insert = await bareInserts(database, context, millis)
  const bare = await BareRows.from(database, acknowledged, { productId: "bare-hot", prefix: "bare-account-" })
  const ours = (callers: number, time = millis): Promise<Sample> => during(database, time, callers, sales.ours(shop))

  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    async () => ({ ours64: await ours(64) }),
    textbook.step(many, { interactive64: interactive }),
    textbook.step(best, { interactiveBest: interactive }),
    async () => ({ insert64: await insert() }),
    async () => ({ rows64: await bare.turn(millis, await meanBatch(database)) }),
    async () => ({ ours512: await ours(512) }),
    async () => ({ ours1: await ours(1, millis / 2) }),
    textbook.step(1, { interactive1: interactive }, 1),
    async () => ({ pglite64: await during({ cpuMicros: () => undefined }, millis, 64, embeddedSales.ours(embedded)) }),
  ])
  // The others of the textbook are there to see, and are no part of any ratio: fewer rounds will do, and none to warm up.
  await comparison.measure(context.quick ? 1 : 2, [
    textbook.step(many, {
      optimistic64: sales.textbook(ways.optimistic),
      conditional64: sales.textbook(ways.conditional),
      advisory64: sales.textbook(ways.advisory),
      oneCall64: sales.textbook(ways.oneCall),
    }),
    textbook.step(best, { oneCallBest: sales.textbook(ways.oneCall) }),
  ])
  const short = new Textbook(database, context, millis / 2)
  const curves = await overCallers(context, {
    ours: (callers) => async () => ({ at: await ours(callers, millis / 2) }),
    [`SELECT FOR UPDATE, ${many} connections`]: (callers) => short.step(many, { at: interactive }, callers),
    [`SELECT FOR UPDATE, ${best} connections`]: (callers) => short.step(best, { at: interactive }, callers),
  })
  const caps = await overLimits(context, async (batchLimit, callers) => {
    const limited = await database.openShop({ batchLimit })
    const sample = await during(database, millis / 2, callers, sales.ours(limited))
    await limited.stop()
    return sample
  })
  const ok = await addsUp(database, shop, acknowledged, context)
  const embeddedOk = await embeddedAddsUp(embedded, onPglite, context)
  return {
    ratios: {
      toInteractive64: comparison.ratio("ours64", "interactive64"),
      toInteractiveBest: toTheBetter(
        comparison.ratio("ours64", "interactive64"),
        comparison.ratio("ours64", "interactiveBest"),
      ),
      toRowsOnly: comparison.ratio("ours64", "rows64"),
      toRawInsert64: comparison.ratio("ours64", "insert64"),
      toRawInsert512: comparison.ratio("ours512", "insert64"),
      p99ToInteractive64: comparison.ratio("ours64", "interactive64", "p99"),
      loneP50ToInteractive: comparison.ratio("ours1", "interactive1", "p50"),
      pgliteToServer: comparison.ratio("pglite64", "ours64"),
    },
    figures: { ...comparison.figures(), bestPoolConnections: best },
    audit: { ok: ok && embeddedOk },
    plots: [{ ...barsText, type: "bars", bars: comparison.bars(barNames) }, ...curves, ...caps],
    notes,
  }
}

const furnish = async (shop: Shop, accounts: number): Promise<void> => {
  await furnishAccounts(shop, "account-", accounts)
  await furnishAccounts(shop, "text-account-", accounts)
  await furnishAccounts(shop, "bare-account-", accounts)
  for (const productId of ["hot", "text-hot", "bare-hot"]) {
    await shop.stock.register({ productId, name: "Thing", price: 10, onHand: plenty })
  }
}

/** PGlite has no second connection to recount on: its audit, and as many units gone as were acknowledged. */
const embeddedAddsUp = async (shop: Shop, { orders }: Acknowledged, { progress }: Context): Promise<boolean> => {
  const product = await shop.stock.product("hot")
  const sold = plenty - product.onHand
  if (sold !== orders.length) progress(`RECOUNT: PGlite sold ${sold} units and acknowledged ${orders.length}`)
  return (await shop.audit.run({ pageSize: 10_000 })).ok && sold === orders.length
}

/** Throughput and p99 over the largest batch, with callers enough to fill it. */
const overLimits = async (
  { progress, quick, tiny }: Context,
  measure: (batchLimit: number, callers: number) => Promise<Sample>,
): Promise<ReadonlyArray<Plot>> => {
  const limits = tiny ? [4, 8] : quick ? [32, 128, 512] : [16, 32, 64, 128, 256, 512]
  const callers = tiny ? 16 : 1_024
  progress(`over the largest batch: ${limits.join(", ")}`)
  const samples: Array<readonly [limit: number, sample: Sample]> = []
  for (const limit of limits) samples.push([limit, await measure(limit, callers)])
  const line = (of: (sample: Sample) => number) => [
    { name: "ours", points: samples.map(([limit, sample]) => [limit, of(sample)] as const) },
  ]
  const text = { type: "lines", xLabel: "commands in a batch, at most", x: "in steps" } as const
  const caption = `${callers} callers, so that every batch is full. Each measured once.`
  return [
    {
      ...text,
      caption,
      title: "Throughput over the largest batch",
      yLabel: "orders per second",
      series: line((at) => at.perSecond),
    },
    {
      ...text,
      caption,
      title: "Slowest of a hundred over the largest batch",
      yLabel: "p99, ms",
      series: line((at) => at.p99),
    },
  ]
}

/** Throughput and p99 over the number of callers, each measured once. */
const overCallers = async (
  { progress, quick, tiny }: Context,
  sides: Readonly<Record<string, (callers: number) => Step>>,
): Promise<ReadonlyArray<Plot>> => {
  const counts = tiny ? [1, 8] : quick ? [1, 64, 512] : [1, 8, 64, 256, 512]
  const curves: Array<{ name: string; samples: Array<readonly [callers: number, sample: Sample]> }> = []
  for (const [name, step] of Object.entries(sides)) {
    progress(`over the number of callers: ${name}`)
    const samples: Array<readonly [number, Sample]> = []
    for (const callers of counts) {
      const { at } = await step(callers)()
      if (at !== undefined) samples.push([callers, at])
    }
    if (samples.length > 0) curves.push({ name, samples })
  }
  const series = (of: (sample: Sample) => number) =>
    curves.map(({ name, samples }) => ({ name, points: samples.map(([x, sample]) => [x, of(sample)] as const) }))
  const text = { type: "lines", xLabel: "callers", x: "in steps", caption: "Each measured once." } as const
  return [
    { ...text, title: "Throughput", yLabel: "orders per second", series: series(({ perSecond }) => perSecond) },
    {
      ...text,
      title: "Slowest of a hundred",
      yLabel: "p99, ms",
      y: "in powers of ten",
      series: series(({ p99 }) => p99),
    },
  ]
}

const barsText = {
  title: "Orders of one product, 64 callers",
  caption: "Medians over the rounds. The bare INSERT writes one row and is no order: it is what the disk allows.",
  yLabel: "per second",
} as const

const barNames = {
  ours64: "ours",
  pglite64: "ours, PGlite in this process",
  insert64: "(bare INSERT, pgbench)",
  rows64: "(our rows alone)",
  interactive64: "SELECT FOR UPDATE",
  interactiveBest: "SELECT FOR UPDATE, best pool",
  conditional64: "conditional updates",
  optimistic64: "version and retry",
  advisory64: "advisory lock",
  oneCall64: "one function call",
  oneCallBest: "one function call, best pool",
}

const notes: Readonly<Record<string, string>> = {
  toInteractive64: "64 callers: ours / SELECT FOR UPDATE on 64 connections; must 30, aim 45",
  toInteractiveBest: "the same / its best pool size of 4, 8, 16 and 64; must 17, aim 25",
  toRowsOnly:
    "64 callers / the very rows of our batches by bare statements of the same sizes, nothing read or guarded; must 0.5, aim 0.7",
  toRawInsert64: "64 callers / pgbench one-row INSERT, 64 clients; must 0.55, aim 0.75",
  toRawInsert512: "512 callers / the same; must 0.70, aim 0.90",
  p99ToInteractive64: "p99 / p99 of SELECT FOR UPDATE on 64 connections; must 1/50, aim 1/90",
  loneP50ToInteractive: "one caller, p50 / p50 of SELECT FOR UPDATE; must 0.7, aim 0.5",
  pgliteToServer: "PGlite in this process / the server, 64 callers; must 0.4, aim 0.7",
}
