/**
 * Many processes on one shop, on PostgreSQL, each as a host starts it that has read nothing: default options. They meet at
 * one campaign, one product, one wallet; the question is how much less they sell together than one of them alone.
 */

import { BenchDatabase } from "../postgres/BenchDatabase.ts"
import { Comparison, sizesOf } from "../postgres/Comparison.ts"
import { deadlocksOn } from "../postgres/deadlocks.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sellers } from "../postgres/Sellers.ts"
import { type SellingTurn, sellingTurns } from "../postgres/sellingTurns.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "processes",
  about: "four and eight processes with default options on one campaign, product and wallet on PostgreSQL, against one",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const acknowledged = new Acknowledged()
  const { millis, rounds } = sizesOf(context, { millis: 1_500, rounds: 5 })
  const accounts = context.tiny ? 1_000 : context.quick ? 20_000 : 100_000
  const turn = await sellingTurns(shop, { accounts, millis })
  const sellers = await Sellers.start(context.tiny ? 3 : 8, database, acknowledged, context)
  const [four, eight] = context.tiny ? [2, 3] : [4, 8]
  const callers = context.tiny ? 8 : 64
  const of = (what: SellingTurn["what"], processes: number) => ({ what, processes, callers })
  const deadlocks = await deadlocksOn(database)
  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    turn("coupon1", sellers, of("coupon", 1)),
    turn("coupon4", sellers, of("coupon", four)),
    turn("coupon8", sellers, of("coupon", eight)),
    turn("product1", sellers, of("product", 1)),
    turn("product4", sellers, of("product", four)),
    turn("wallet1", sellers, of("wallet", 1)),
    turn("wallet4", sellers, of("wallet", four)),
  ])
  const added = await addsUp(database, shop, acknowledged, context)
  const happened = await deadlocks()
  if (happened > 0) context.progress(`RECOUNT: ${happened} deadlocks`)
  return {
    ratios: {
      processes4: comparison.ratio("coupon4", "coupon1"),
      processes8: comparison.ratio("coupon8", "coupon1"),
      product4: comparison.ratio("product4", "product1"),
      wallet4: comparison.ratio("wallet4", "wallet1"),
    },
    figures: { ...comparison.figures(), deadlocks: happened },
    audit: { ok: added && happened === 0 },
    plots: [
      {
        type: "bars",
        title: "One process and many",
        caption: `Medians over the rounds. Default options, ${callers} callers in each process.`,
        yLabel: "per second",
        bars: comparison.bars({
          coupon1: "one campaign, one process",
          coupon4: `one campaign, ${four}`,
          coupon8: `one campaign, ${eight}`,
          product1: "one product, one process",
          product4: `one product, ${four}`,
          wallet1: "one wallet, one process",
          wallet4: `one wallet, ${four}`,
        }),
      },
    ],
    notes: {
      processes4: "one campaign: four processes of 64 callers each / one of 64; must 0.6, aim 0.9",
      processes8: "the same with eight; must 0.4, aim 0.9",
      product4: "one product: four processes / one; must 0.9, aim 1.3",
      wallet4: "one wallet: four processes / one; must 0.6, aim 0.9",
      deadlocks: "counted by the server over the whole run, its other guests included; must be 0",
    },
  }
}
