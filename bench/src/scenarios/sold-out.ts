/**
 * A product that is gone, on PostgreSQL: how much faster a no is than a yes, in the same run.
 */

import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { Comparison, during, sizesOf } from "../postgres/Comparison.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales } from "../postgres/Sales.ts"
import { Textbook } from "../postgres/Textbook.ts"
import { textbookOrders } from "../postgres/textbook/orders.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "sold-out",
  about: "refusals of a product that is gone, on PostgreSQL, against accepted orders of a hot one",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const accounts = context.tiny ? 20 : 2_000
  for (const prefix of ["", "text-"]) await furnishAccounts(shop, `${prefix}account-`, accounts)
  // As many as are sold in the first round, and not one more afterwards.
  const few = context.tiny ? 5 : 2_000
  for (const [productId, onHand] of [
    ["hot", plenty],
    ["text-hot", plenty],
    ["gone", few],
  ] as const) {
    await shop.stock.register({ productId, name: "Thing", price: 10, onHand })
  }
  const { millis, rounds } = sizesOf(context, { millis: 3_000, rounds: 5 })
  const acknowledged = new Acknowledged()
  const sales = new Sales(acknowledged, { accounts, lines: () => [{ productId: "hot", quantity: 1 }] })
  let count = 0
  const tooLate = async () => {
    const n = count++
    const lines = [{ productId: "gone", quantity: 1 }]
    const key = `late-${n}`
    const answer = await shop.safe.orders.place({ accountId: `account-${n % accounts}`, lines, key })
    if (answer.ok) acknowledged.orders.push([key, answer.value.orderId])
    else if (answer.error.code !== "OUT_OF_STOCK") throw answer.error
  }
  // Sells it out first: what is measured are refusals alone.
  await during(database, 60_000, 64, tooLate, few + 64)
  const textbook = new Textbook(database, context, millis)
  const interactive = sales.textbook(textbookOrders(database.schema, database.ownSchema).interactive)
  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    async () => ({ accepted64: await during(database, millis, 64, sales.ours(shop)) }),
    async () => ({ refused64: await during(database, millis, 64, tooLate) }),
    textbook.step(textbook.many, { interactive64: interactive }),
  ])
  const { onHand } = await shop.stock.product("gone")
  if (onHand !== 0) context.progress(`RECOUNT: ${onHand} units are left of what ${count} callers wanted`)
  const ok = (await addsUp(database, shop, acknowledged, context)) && onHand === 0
  return {
    ratios: {
      refusalsToAccepts: comparison.ratio("refused64", "accepted64"),
      refusalsToInteractive64: comparison.ratio("refused64", "interactive64"),
    },
    figures: comparison.figures(),
    audit: { ok },
    plots: [
      {
        type: "bars",
        title: "Answers to 64 callers",
        caption: "Medians over the rounds. A refusal is decided on a snapshot: no lock, no commit.",
        yLabel: "answers per second",
        bars: comparison.bars({
          refused64: "refused by us",
          accepted64: "accepted by us",
          interactive64: "accepted, SELECT FOR UPDATE",
        }),
      },
    ],
    notes: {
      refusalsToAccepts: "64 callers: refusals of a product that is gone / orders of one that is not; must 4, aim 8",
      refusalsToInteractive64: "the same refusals / orders by SELECT FOR UPDATE on 64 connections",
    },
  }
}
