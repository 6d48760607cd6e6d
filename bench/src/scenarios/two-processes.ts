/**
 * Two processes on one shop, on PostgreSQL: each batches its own callers, and they meet at the rows. A hot product, a hot
 * campaign, a hot wallet.
 *
 * One process has the lanes that a shop has by default. Two have one lane each, as is advised where several processes sell
 * the same rows; and the default, for comparison.
 */

import { BenchDatabase } from "../postgres/BenchDatabase.ts"
import { Comparison, sizesOf } from "../postgres/Comparison.ts"
import { deadlocksOn } from "../postgres/deadlocks.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sellers } from "../postgres/Sellers.ts"
import { sellingTurns } from "../postgres/sellingTurns.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "two-processes",
  about: "two processes on one hot product, campaign and wallet on PostgreSQL, against one process; deadlocks",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const accounts = context.tiny ? 1_000 : context.quick ? 20_000 : 100_000
  const { millis, rounds } = sizesOf(context, { millis: 1_500, rounds: 5 })
  const turn = await sellingTurns(shop, { accounts, millis })
  const acknowledged = new Acknowledged()
  const byDefault = await Sellers.start(2, database, acknowledged, context)
  const withOneLane = await Sellers.start(2, database, acknowledged, context, 1)
  const callers = context.tiny ? 8 : 64
  const deadlocks = await deadlocksOn(database)
  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    turn("productOne", byDefault, { what: "product", processes: 1, callers }),
    turn("productTwo", withOneLane, { what: "product", processes: 2, callers }),
    turn("productTwoHalved", withOneLane, { what: "product", processes: 2, callers: callers / 2 }),
    turn("productTwoByDefault", byDefault, { what: "product", processes: 2, callers }),
    turn("couponOne", byDefault, { what: "coupon", processes: 1, callers }),
    turn("couponTwo", withOneLane, { what: "coupon", processes: 2, callers }),
    turn("walletOne", byDefault, { what: "wallet", processes: 1, callers }),
    turn("walletTwo", withOneLane, { what: "wallet", processes: 2, callers }),
  ])
  const added = await addsUp(database, shop, acknowledged, context)
  const happened = await deadlocks()
  if (happened > 0) context.progress(`RECOUNT: ${happened} deadlocks`)
  return {
    ratios: {
      toOneProcess: comparison.ratio("productTwo", "productOne"),
      byDefaultToOneProcess: comparison.ratio("productTwoByDefault", "productOne"),
      halvedToOneProcess: comparison.ratio("productTwoHalved", "productOne"),
      couponToOneProcess: comparison.ratio("couponTwo", "couponOne"),
      walletToOneProcess: comparison.ratio("walletTwo", "walletOne"),
    },
    figures: { ...comparison.figures(), deadlocks: happened },
    audit: { ok: added && happened === 0 },
    plots: [
      {
        type: "bars",
        title: "One process and two",
        caption: `Medians over the rounds. ${callers} callers in each process; "halved" has ${callers / 2} in each of the two.`,
        yLabel: "per second",
        bars: comparison.bars({
          productOne: "one product, one process",
          productTwo: "one product, two processes",
          productTwoByDefault: "one product, two, two lanes each",
          productTwoHalved: "one product, two, halved",
          couponOne: "one campaign, one process",
          couponTwo: "one campaign, two processes",
          walletOne: "one wallet, one process",
          walletTwo: "one wallet, two processes",
        }),
      },
    ],
    notes: {
      toOneProcess:
        "one hot product: two processes of 64 callers and one lane each / one of 64 callers and two lanes; must 1.0, aim 1.4",
      byDefaultToOneProcess: "the same with two lanes in each process",
      halvedToOneProcess: "the same with the 64 callers divided between the two",
      couponToOneProcess: "one hot campaign: two processes of 64 callers each / one of 64",
      walletToOneProcess: "one hot wallet: two processes of 64 callers each / one of 64",
      deadlocks: "counted by the server over the whole run, its other guests included; must be 0",
    },
  }
}
