/** Commands of the engine's tests, stamped at the start of simulated time, and a small shop for them to work on. */
import { each } from "@holdfast/test-services/furnish"
import { Clock, Effect } from "effect"
import type { Command } from "../../src/decision/Command.ts"
import { issueCall } from "../../src/decision/couponCalls.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall } from "../../src/decision/pointsCalls.ts"
import { restockCall } from "../../src/decision/stockCalls.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { type CommandOptions, commandMaker, transact } from "../../src/testing/suites/commands.ts"
import { furnishing } from "../../src/testing/suites/shop.ts"
import { AccountId, ProductId } from "../../src/values.ts"

const make = commandMaker("e")

type Options = CommandOptions & { readonly key?: string }

const keyed = (key: string | undefined) => (key === undefined ? {} : { key })

const stamped = ({ at = 0, deadline = at + 10_000, id }: Options) => ({
  at,
  deadline,
  ...(id === undefined ? {} : { id }),
})

export const charge = (accountId: string, amount: number, options: Options = {}): Command =>
  make(chargeCall, { accountId, amount, ...keyed(options.key) }, stamped(options))
export const place = (accountId: string, productId: string, quantity: number, options: Options = {}): Command =>
  make(placeCall, { accountId, lines: [{ productId, quantity }], ...keyed(options.key) }, stamped(options))
export const restock = (productId: string, quantity: number, options: Options = {}): Command =>
  make(restockCall, { productId, quantity, ...keyed(options.key) }, stamped(options))
export const issue = (campaignId: string, accountId: string, options: Options = {}): Command =>
  make(issueCall, { campaignId, accountId, ...keyed(options.key) }, stamped(options))

/** Accounts with 1,000 points each, products with 1,000 units at 10, campaigns of 1,000 coupons: in one batch. */
export const furnish = (
  store: StoreShape,
  {
    accounts = [],
    products = [],
    campaigns = [],
  }: { readonly [K in "accounts" | "products" | "campaigns"]?: ReadonlyArray<string> },
) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const shop = { accounts, points: 1_000, products: each(products, 1_000), campaigns: each(campaigns, 1_000) }
    yield* transact(store, furnishing(shop, make, { at: now }), now)
  })

export const balanceOf = (store: StoreShape, accountId: string) =>
  Effect.map(store.reads.account(AccountId.make(accountId)), (account) => account?.balance)

export const onHandOf = (store: StoreShape, productId: string) =>
  Effect.map(store.reads.products([ProductId.make(productId)]), ([product]) => product?.onHand)

export const names = (count: number, prefix = "a"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
