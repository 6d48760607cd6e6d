/**
 * A product that the host's own transaction holds for seconds, on PostgreSQL: who wants it waits, and everybody else is
 * served as if nothing were.
 *
 * A transaction that is open, whatever it holds, keeps the server from removing old versions of rows meanwhile, and rows
 * that change hundreds of times a second grow long tails of them. So the others choose from a catalogue; where they all want
 * the same twenty, what the lock costs is told apart from that by a transaction that is open and holds nothing.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { BenchDatabase, furnishAccounts, furnishProducts } from "../postgres/BenchDatabase.ts"
import { Comparison, during, type Sample, type Step, sizesOf } from "../postgres/Comparison.ts"
import { Connections } from "../postgres/Connections.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales } from "../postgres/Sales.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "busy-key",
  about: "sales of other products on PostgreSQL while a host's transaction holds one for seconds, against free ones",
  run,
}

/** Callers who want the held product, beside those who want another. */
const waiting = 4
const others = 60
/** How many other products there are, and how many of them everybody wants where few are wanted. */
const catalogue = 1_000
const few = 20

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const accounts = context.tiny ? 20 : 2_000
  await furnishAccounts(shop, "account-", accounts)
  await furnishProducts(shop, "product-", 1 + catalogue)
  const acknowledged = new Acknowledged()
  const buyersOf = (name: string, productOf: (n: number) => string): (() => Promise<void>) =>
    new Sales(acknowledged, { accounts, lines: (n) => [{ productId: productOf(n), quantity: 1 }] }, name).ours(shop)
  const held = buyersOf("held", () => "product-0")
  const any = buyersOf("any", (n) => `product-${1 + (n % catalogue)}`)
  const oneOfFew = buyersOf("few", (n) => `product-${1 + (n % few)}`)
  const { millis, rounds } = sizesOf(context, { millis: 2_500, rounds: 5 })
  // What the host does begins before the first sale and ends after the last one.
  const holdMillis = millis * 1.5
  const host = await Connections.open(database.url, 1)
  context.atEnd(() => host.close())

  /** Those who want the held product come to their end too, before anything else begins. */
  const turn = async (other: () => Promise<void>): Promise<Sample> => {
    let isOver = false
    const wait = async (): Promise<void> => {
      while (!isOver) await held()
    }
    const waited = Promise.all(Array.from({ length: waiting }, wait))
    const sample = await during(database, millis, others, other)
    isOver = true
    await waited
    return sample
  }
  const whileOpen = async (statement: string, other: () => Promise<void>): Promise<Sample> => {
    await host.ask("begin")
    await host.ask(statement)
    const letGo = sleep(holdMillis).then(() => host.ask("commit"))
    const sample = await turn(other)
    await letGo
    return sample
  }
  const hold = `select on_hand from ${database.schema}.product where product_id = 'product-0' for update`
  const holdNothing = "select pg_current_xact_id()::text"

  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    async () => ({ free: await turn(any) }),
    async () => ({ beside: await whileOpen(hold, any) }),
    async () => ({ fewOpen: await whileOpen(holdNothing, oneOfFew) }),
    async () => ({ fewBeside: await whileOpen(hold, oneOfFew) }),
  ] satisfies ReadonlyArray<Step>)
  return {
    ratios: {
      othersToFree: comparison.ratio("beside", "free"),
      othersP99ToFree: comparison.ratio("beside", "free", "p99"),
      fewToOpen: comparison.ratio("fewBeside", "fewOpen"),
    },
    figures: { ...comparison.figures(), holdMillis },
    audit: { ok: await addsUp(database, shop, acknowledged, context) },
    plots: [
      {
        type: "bars",
        title: `${others} callers who want other products`,
        caption: `Medians over the rounds. Beside them ${waiting} callers want one product, which a host's transaction holds for ${holdMillis} ms.`,
        yLabel: "orders per second",
        bars: comparison.bars({
          free: `one of ${catalogue}, nobody holds it`,
          beside: `one of ${catalogue}, somebody holds it`,
          fewOpen: `one of ${few}, nothing is held`,
          fewBeside: `one of ${few}, somebody holds it`,
        }),
      },
    ],
    notes: {
      othersToFree: `sales of ${catalogue} others while one product is held / while none is; must 0.8`,
      othersP99ToFree: "their p99 / the same",
      fewToOpen: `sales of ${few} others while one is held / while a transaction is open that holds nothing`,
    },
  }
}
