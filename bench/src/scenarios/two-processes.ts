/**
 * Two processes on one shop, on PostgreSQL: each batches its own callers, and they meet at the rows. A hot product, a hot
 * campaign, a hot wallet.
 *
 * One process has the lanes that a shop has by default. Two have one lane each, as is advised where several processes sell
 * the same rows; and the default, for comparison.
 */
import { Contest, type Step, sizesOf } from "../postgres/Contest.ts"
import { deadlocksOn } from "../postgres/deadlocks.ts"
import { furnishAccounts, Ground, plenty } from "../postgres/Ground.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sellers } from "../postgres/Sellers.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "two-processes",
  about: "two processes on one hot product, campaign and wallet on PostgreSQL, against one process; deadlocks",
  run,
}

const works = { product: "order", coupon: "claim", wallet: "charge" } as const

async function run(context: Context): Promise<Result> {
  const ground = await Ground.open(context)
  const shop = await ground.openShop()
  const accounts = context.tiny ? 1_000 : context.quick ? 20_000 : 100_000
  await furnishAccounts(shop, "account-", accounts)
  await shop.points.open({ accountId: "wallet" })
  await shop.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const acknowledged = new Acknowledged()
  const byDefault = await Sellers.start(2, ground, acknowledged, context)
  const withOneLane = await Sellers.start(2, ground, acknowledged, context, 1)
  const { millis, rounds } = sizesOf(context, { millis: 1_500, rounds: 5 })
  let campaigns = 0
  const turn = (
    name: keyof typeof works,
    processes: number,
    callers: number,
    as: string,
    sellers = byDefault,
  ): Step => {
    return async () => {
      const campaignId = `campaign-${campaigns++}`
      if (name === "coupon") {
        const discount = { type: "flat", amount: 1 } as const
        await shop.coupons.createCampaign({ campaignId, name: "Hot", discount, limit: accounts })
      }
      return { [as]: await sellers.sell(processes, { work: works[name], millis, callers, accounts, campaignId }) }
    }
  }
  const callers = context.tiny ? 8 : 64
  const deadlocks = await deadlocksOn(ground)
  const contest = new Contest(context)
  await contest.run(rounds, [
    turn("product", 1, callers, "productOne"),
    turn("product", 2, callers, "productTwo", withOneLane),
    turn("product", 2, callers / 2, "productTwoHalved", withOneLane),
    turn("product", 2, callers, "productTwoByDefault"),
    turn("coupon", 1, callers, "couponOne"),
    turn("coupon", 2, callers, "couponTwo", withOneLane),
    turn("wallet", 1, callers, "walletOne"),
    turn("wallet", 2, callers, "walletTwo", withOneLane),
  ])
  const added = await addsUp(ground, shop, acknowledged, context)
  const happened = await deadlocks()
  if (happened > 0) context.progress(`RECOUNT: ${happened} deadlocks`)
  return {
    ratios: {
      toOneProcess: contest.ratio("productTwo", "productOne"),
      byDefaultToOneProcess: contest.ratio("productTwoByDefault", "productOne"),
      halvedToOneProcess: contest.ratio("productTwoHalved", "productOne"),
      couponToOneProcess: contest.ratio("couponTwo", "couponOne"),
      walletToOneProcess: contest.ratio("walletTwo", "walletOne"),
    },
    figures: { ...contest.figures(), deadlocks: happened },
    audit: { ok: added && happened === 0 },
    plots: [
      {
        type: "bars",
        title: "One process and two",
        caption: `Medians over the rounds. ${callers} callers in each process; "halved" has ${callers / 2} in each of the two.`,
        yLabel: "per second",
        bars: contest.bars({
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
