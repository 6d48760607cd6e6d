/**
 * One account that everybody charges, on PostgreSQL: every answer shows its exact balance and position.
 */
import { againstInteractive, interactiveNotes } from "../postgres/againstInteractive.ts"
import { BenchDatabase, furnishAccounts } from "../postgres/BenchDatabase.ts"
import type { Ask } from "../postgres/Connections.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { chargeInteractively } from "../postgres/textbook/others.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "hot-wallet",
  about: "charges of one account on PostgreSQL: our batches against SELECT FOR UPDATE",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  await furnishAccounts(shop, "wallet-", 2, 0)
  const acknowledged = new Acknowledged()
  let count = 0
  const ours = async () => {
    const key = `charge-${count++}`
    const { balance, seq } = await shop.points.charge({ accountId: "wallet-0", amount: 1, key })
    acknowledged.charges.push([key, String(balance), String(seq)])
  }
  const interactive = async (ask: Ask) => {
    const key = `text-${count++}`
    const { balance, seq } = await chargeInteractively(ask, database.schema, { accountId: "wallet-1", amount: 1, key })
    acknowledged.charges.push([key, String(balance), String(seq)])
  }
  const { ratios, figures, plot } = await againstInteractive(context, database, {
    ours,
    interactive,
    title: "Charges of one account",
    yLabel: "charges per second",
  })
  return {
    ratios,
    figures,
    audit: { ok: await addsUp(database, shop, acknowledged, context) },
    plots: [plot],
    notes: interactiveNotes("; must 50, aim 70", ""),
  }
}
