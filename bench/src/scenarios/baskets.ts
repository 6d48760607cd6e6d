/**
 * Baskets that name the same few products in opposite orders, on PostgreSQL: what deadlocks where locks are taken as
 * callers name them. The textbook sorts its locks here; ours need nobody to know that.
 */
import { againstInteractive, interactiveNotes } from "../postgres/againstInteractive.ts"
import { BenchDatabase, furnishAccounts, furnishProducts } from "../postgres/BenchDatabase.ts"
import { deadlocksOn } from "../postgres/deadlocks.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales, scattered } from "../postgres/Sales.ts"
import { textbookOrders } from "../postgres/textbook/orders.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "baskets",
  about: "orders of several lines in opposite order on PostgreSQL: no deadlocks, against sorted SELECT FOR UPDATE",
  run,
}

const products = 20
const linesOfBasket = 4

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const accounts = context.tiny ? 20 : 300
  for (const prefix of ["", "text-"]) {
    await furnishAccounts(shop, `${prefix}account-`, accounts)
    await furnishProducts(shop, `${prefix}product-`, products)
  }
  const acknowledged = new Acknowledged()
  const lines = (n: number) => {
    const basket = Array.from({ length: linesOfBasket }, (_, index) => ({
      productId: `product-${scattered(linesOfBasket * (n >> 1) + index, products)}`,
      quantity: 1,
    }))
    return n % 2 === 0 ? basket : basket.toReversed()
  }
  const sales = new Sales(acknowledged, { accounts, lines })
  const deadlocks = await deadlocksOn(database)
  const { ratios, figures, plot } = await againstInteractive(context, database, {
    ours: sales.ours(shop),
    interactive: sales.textbook(textbookOrders(database.schema, database.ownSchema).interactive),
    title: `Orders of ${linesOfBasket} of ${products} products, named in opposite orders`,
    yLabel: "orders per second",
  })
  const added = await addsUp(database, shop, acknowledged, context)
  const happened = await deadlocks()
  if (happened > 0) context.progress(`RECOUNT: ${happened} deadlocks`)
  return {
    ratios,
    figures: { ...figures, deadlocks: happened },
    audit: { ok: added && happened === 0 },
    plots: [plot],
    notes: {
      ...interactiveNotes(" (sorted by product)", ""),
      deadlocks: "counted by the server over the whole run, its other guests included; must be 0",
    },
  }
}
