/**
 * Turns of processes that sell one hot product, campaign or wallet. Each turn on a campaign has one of its own.
 */
import type { Shop } from "@holdfast/core"
import { furnishAccounts, plenty } from "./BenchDatabase.ts"
import type { Sample, Step } from "./Comparison.ts"
import type { Sellers } from "./Sellers.ts"

const works = { product: "order", coupon: "claim", wallet: "charge" } as const

export interface SellingTurn {
  readonly what: keyof typeof works
  readonly processes: number
  /** In each process. */
  readonly callers: number
}

/** Furnishes a shop with what is hot and gives the turns on it, each by its side's name. */
export const sellingTurns = async (
  shop: Shop,
  { accounts, millis }: { readonly accounts: number; readonly millis: number },
): Promise<(name: string, sellers: Sellers, turn: SellingTurn) => Step> => {
  await furnishAccounts(shop, "account-", accounts)
  await shop.points.open({ accountId: "wallet" })
  await shop.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  let campaigns = 0
  return (name, sellers, { what, processes, callers }) =>
    async (): Promise<Record<string, Sample>> => {
      const campaignId = `campaign-${campaigns++}`
      if (what === "coupon") {
        const discount = { type: "flat", amount: 1 } as const
        await shop.coupons.createCampaign({ campaignId, name: "Hot", discount, limit: accounts })
      }
      return { [name]: await sellers.sell(processes, { work: works[what], millis, callers, accounts, campaignId }) }
    }
}
