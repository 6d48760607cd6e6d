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
import { type CommandOptions, commandMaker, transact } from "./commands.ts"

/** What a shop is furnished with. */
export interface Furniture {
  readonly accounts?: ReadonlyArray<string>
  /** What every account has. */
  readonly points?: number
  /** How many units there are of each product, whose price is 10. */
  readonly products?: Readonly<Record<string, number>>
  /** How many coupons each campaign has, which take one point off. */
  readonly campaigns?: Readonly<Record<string, number>>
}

const furnisher = commandMaker("w")

/** The commands that furnish a shop. */
export const furnishing = (
  { accounts = [], points, products = {}, campaigns = {} }: Furniture,
  make = furnisher,
  options: CommandOptions<never> = {},
): ReadonlyArray<Command> => [
  ...accounts.flatMap((accountId) => [
    make(openCall, { accountId }, options),
    ...(points === undefined ? [] : [make(chargeCall, { accountId, amount: points }, options)]),
  ]),
  ...Object.entries(products).map(([productId, onHand]) =>
    make(registerCall, { productId, name: productId, price: 10, onHand }, options),
  ),
  ...Object.entries(campaigns).map(([campaignId, limit]) =>
    make(createCampaignCall, { campaignId, name: campaignId, discount: { type: "flat", amount: 1 }, limit }, options),
  ),
]

/** Accounts with points, products with stock, campaigns: one command after the other. */
export const furnish = (store: StoreShape, shop: Furniture, make = furnisher): Effect.Effect<void, StoreFault> =>
  Effect.forEach(furnishing(shop, make), (command) => transact(store, [command]), { discard: true })

const make = commandMaker("m")
export const place = (accountId: string, productId: string, quantity: number, key?: string): Command =>
  make(placeCall, { accountId, lines: [{ productId, quantity }], ...(key === undefined ? {} : { key }) })
export const restock = (productId: string, quantity: number): Command => make(restockCall, { productId, quantity })
export const charge = (accountId: string, amount: number, key?: string): Command =>
  make(chargeCall, { accountId, amount, ...(key === undefined ? {} : { key }) })
export const issue = (accountId: string, key?: string): Command =>
  make(issueCall, { campaignId: "spring", accountId, ...(key === undefined ? {} : { key }) })
