/**
 * A product that the host's own transaction holds for seconds, on PostgreSQL: who wants it waits, and everybody else is
 * served as if nothing were.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { Connections } from "../postgres/Connections.ts"
import { Contest, during, type Sample, sizesOf } from "../postgres/Contest.ts"
import { furnishAccounts, furnishProducts, Ground } from "../postgres/Ground.ts"
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

async function run(context: Context): Promise<Result> {
  const ground = await Ground.open(context)
  const shop = await ground.openShop()
  const accounts = context.tiny ? 20 : 2_000
  await furnishAccounts(shop, "account-", accounts)
  await furnishProducts(shop, "product-", 21)
  const acknowledged = new Acknowledged()
  const buyersOf = (name: string, productOf: (n: number) => string): (() => Promise<void>) =>
    new Sales(acknowledged, { accounts, lines: (n) => [{ productId: productOf(n), quantity: 1 }] }, name).ours(shop)
  const held = buyersOf("held", () => "product-0")
  const other = buyersOf("other", (n) => `product-${1 + (n % 20)}`)
  const { millis, rounds } = sizesOf(context, { millis: 2_500, rounds: 5 })
  // The lock is there before the first sale and after the last one.
  const holdMillis = millis * 1.5
  const host = await Connections.open(ground.url, 1)
  context.atEnd(() => host.close())

  /** Both kinds of callers for the same time. Those who wait come to their end too, before anything else begins. */
  const turn = async (): Promise<readonly [others: Sample, waiting: Sample]> =>
    Promise.all([during(ground, millis, others, other), during(ground, millis, waiting, held)])

  const contest = new Contest(context)
  await contest.run(rounds, [
    async () => {
      const [free, freeHeld] = await turn()
      return { free, freeHeld }
    },
    async () => {
      await host.ask("begin")
      await host.ask(`select on_hand from ${ground.schema}.product where product_id = 'product-0' for update`)
      const letGo = sleep(holdMillis).then(() => host.ask("commit"))
      const [beside, besideHeld] = await turn()
      await letGo
      return { beside, besideHeld }
    },
  ])
  return {
    ratios: {
      othersToFree: contest.ratio("beside", "free"),
      othersP99ToFree: contest.ratio("beside", "free", "p99"),
    },
    figures: { ...contest.figures(), holdMillis },
    audit: { ok: await addsUp(ground, shop, acknowledged, context) },
    plots: [
      {
        type: "bars",
        title: `${others} callers who want other products`,
        caption: `Medians over the rounds. Beside them ${waiting} callers want one product, which a host's transaction holds for ${holdMillis} ms.`,
        yLabel: "orders per second",
        bars: contest.bars({ free: "nobody holds it", beside: "somebody holds it" }),
      },
    ],
    notes: {
      othersToFree: "sales of others while one product is held / while none is; must 0.8",
      othersP99ToFree: "their p99 / the same",
      besideHeldP50Millis: "how long those waited who wanted the held product",
    },
  }
}
