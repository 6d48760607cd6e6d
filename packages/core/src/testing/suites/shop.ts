/**
 * A small shop for the suites to work in, and the commands that they ask most.
 */
import { Effect } from "effect"
import type { Command } from "../../decision/Command.ts"
import { createCampaignCall, issueCall } from "../../decision/couponCalls.ts"
import { placeCall } from "../../decision/orderCalls.ts"
import { chargeCall, openCall } from "../../decision/pointsCalls.ts"
import { registerCall, restockCall } from "../../decision/stockCalls.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { commandMaker, transact } from "./commands.ts"

/** What a shop is furnished with. */
export interface Furniture {
  readonly accounts?: ReadonlyArray<string>
  /** What every account has. */
  readonly points?: number
  /** How many units there are of each product, whose price is 10. */
  readonly products?: Readonly<Record<string, number>>
  /** How many coupons the campaign `spring` has. Default: there is no campaign. */
  readonly limit?: number
}

const furnisher = commandMaker("w")

/** Accounts with points, products with stock, one campaign. */
export const furnish = Effect.fnUntraced(function* (
  store: StoreShape,
  shop: Furniture,
  maker = furnisher,
): Effect.fn.Return<void, StoreFault> {
  for (const accountId of shop.accounts ?? []) {
    yield* transact(store, [maker(openCall, { accountId })])
    if (shop.points !== undefined) {
      yield* transact(store, [maker(chargeCall, { accountId, amount: shop.points })])
    }
  }
  for (const [productId, onHand] of Object.entries(shop.products ?? {})) {
    yield* transact(store, [maker(registerCall, { productId, name: productId, price: 10, onHand })])
  }
  if (shop.limit !== undefined) {
    const discount = { type: "flat", amount: 1 } as const
    yield* transact(store, [
      maker(createCampaignCall, { campaignId: "spring", name: "Spring", discount, limit: shop.limit }),
    ])
  }
})

const make = commandMaker("m")
export const place = (accountId: string, productId: string, quantity: number, key?: string): Command =>
  make(placeCall, { accountId, lines: [{ productId, quantity }], ...(key === undefined ? {} : { key }) })
export const restock = (productId: string, quantity: number): Command => make(restockCall, { productId, quantity })
export const charge = (accountId: string, amount: number, key?: string): Command =>
  make(chargeCall, { accountId, amount, ...(key === undefined ? {} : { key }) })
export const issue = (accountId: string, key?: string): Command =>
  make(issueCall, { campaignId: "spring", accountId, ...(key === undefined ? {} : { key }) })
