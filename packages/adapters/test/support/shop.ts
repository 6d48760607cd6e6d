/**
 * A shop as a host has it, on a store of these adapters, with a few people and things in it.
 */
import { createHoldfast } from "@holdfast/core"
import { hangMillis } from "@holdfast/test-services"
import { each, furnish, names } from "@holdfast/test-services/furnish"
import { postgres } from "../../src/postgres/index.ts"

/** No call of a shop that is not in a hurry ends by its deadline, however slow the machine: only one that hangs. */
export const patientMillis = hangMillis / 2

/** `deadlineMillis` for a shop whose calls are meant to meet their deadline. */
export const shopOn = (url: string, schema: string, deadlineMillis = patientMillis, workers = false) =>
  createHoldfast({ store: postgres({ url, schema }), deadlineMillis, workers, logger: () => {} })

export type TestShop = ReturnType<typeof shopOn>

/** Accounts `account-0` …, with more points than they can spend, and products `product-0` …, at 3 points. */
export const furnishShop = (
  shop: TestShop,
  { accounts, products, onHand = 1_000_000 }: { accounts: number; products: number; onHand?: number },
): Promise<void> =>
  furnish(shop, {
    accounts: each(names("account-", accounts), 1_000_000),
    products: each(names("product-", products), { name: "Thing", price: 3, onHand }),
  })

export const buy = (shop: TestShop, account: number, product: number, key: string) =>
  shop.orders.place({
    accountId: `account-${account}`,
    lines: [{ productId: `product-${product}`, quantity: 1 }],
    key,
  })

/** Drawn numbers that are the same in every run of a seed. */
export const seeded = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}
