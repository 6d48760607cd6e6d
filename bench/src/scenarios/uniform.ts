/**
 * Orders of one to three of ten thousand products, on PostgreSQL: hardly anybody waits for a row, so what is compared is
 * how many round trips and commits an order costs.
 */
import { againstInteractive, interactiveNotes } from "../postgres/againstInteractive.ts"
import { BenchDatabase, furnishAccounts, furnishProducts } from "../postgres/BenchDatabase.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales, scattered } from "../postgres/Sales.ts"
import { textbookOrders } from "../postgres/textbook/orders.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "uniform",
  about: "orders over ten thousand products on PostgreSQL: our batches against SELECT FOR UPDATE",
  run,
}

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const [accounts, products] = context.tiny ? [20, 30] : context.quick ? [2_000, 2_000] : [10_000, 10_000]
  for (const prefix of ["", "text-"]) {
    await furnishAccounts(shop, `${prefix}account-`, accounts)
    await furnishProducts(shop, `${prefix}product-`, products)
  }
  const acknowledged = new Acknowledged()
  // A different product for each line of an order, and every product as often as any other.
  const lines = (n: number) =>
    Array.from({ length: 1 + (n % 3) }, (_, index) => ({
      productId: `product-${scattered(3 * n + index, products)}`,
      quantity: 1 + (n % 2),
    }))
  const sales = new Sales(acknowledged, { accounts, lines })
  const { ratios, figures, plot } = await againstInteractive(context, database, {
    ours: sales.ours(shop),
    interactive: sales.textbook(textbookOrders(database.schema, database.ownSchema).interactive),
    title: `Orders of 1 to 3 of ${products.toLocaleString("en-US")} products`,
    yLabel: "orders per second",
  })
  return {
    ratios,
    figures: { ...figures, products },
    audit: { ok: await addsUp(database, shop, acknowledged, context) },
    plots: [plot],
    notes: interactiveNotes("; must 8, aim 12", "; must 6, aim 9"),
  }
}
