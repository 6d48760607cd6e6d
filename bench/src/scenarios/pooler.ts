/**
 * One product, on PostgreSQL, through a pooler that gives each transaction another session: what is left of the speed of
 * sessions of our own.
 */
import { privatePooler } from "@holdfast/test-services"
import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { Comparison, during, sizesOf } from "../postgres/Comparison.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales } from "../postgres/Sales.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "pooler",
  about: "orders of one product on PostgreSQL, through PgBouncer in transaction mode, against connections of our own",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const pooler = await privatePooler("bench: pooler", database.url, "transaction")
  if (pooler !== undefined) context.atEnd(pooler.stop)
  const direct = await database.openShop()
  const pooled = pooler && (await database.openShop({}, { url: pooler.url, pooler: "transaction" }))
  const accounts = context.tiny ? 20 : 2_000
  await furnishAccounts(direct, "account-", accounts)
  await direct.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const { millis, rounds } = sizesOf(context, { millis: 2_000, rounds: 5 })
  const acknowledged = new Acknowledged()
  const basket = { accounts, lines: () => [{ productId: "hot", quantity: 1 }] }
  const ours = new Sales(acknowledged, basket)
  const theirs = new Sales(acknowledged, basket, "pooled")
  const comparison = new Comparison(context)
  const through = (callers: number) => pooled && during(database, millis, callers, theirs.ours(pooled))
  await comparison.run(rounds, [
    async () => ({ direct64: await during(database, millis, 64, ours.ours(direct)) }),
    async () => ({ pooler64: await through(64) }),
    async () => ({ direct1: await during(database, millis, 1, ours.ours(direct)) }),
    async () => ({ pooler1: await through(1) }),
  ])
  return {
    ratios: {
      poolerToDirect: comparison.ratio("pooler64", "direct64"),
      lonePoolerToDirect: comparison.ratio("pooler1", "direct1"),
    },
    figures: comparison.figures(),
    audit: { ok: await addsUp(database, direct, acknowledged, context) },
    plots: [
      {
        type: "bars",
        title: "Orders of one product, 64 callers",
        caption:
          "Medians over the rounds. Through the pooler nothing is prepared, and settings are made in each transaction.",
        yLabel: "orders per second",
        bars: comparison.bars({ direct64: "sessions of our own", pooler64: "through PgBouncer" }),
      },
    ],
    notes: {
      poolerToDirect: "64 callers: orders of one product through PgBouncer in transaction mode / directly; must 0.5",
      lonePoolerToDirect: "the same with one caller",
    },
  }
}
