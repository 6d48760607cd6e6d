/**
 * What the memory scenario sells from: a store of its own with a shop on it, many accounts with points, one hot product,
 * many others, and one that is sold out.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Store, type StoreShape } from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { closedLoop } from "../load.ts"

export interface Size {
  readonly accounts: number
  readonly products: number
}

export interface World extends Size {
  readonly store: StoreShape
  readonly shop: Shop
  /** A number that was never used in this world, for keys. */
  readonly fresh: () => number
}

/** Enough of both for any bench. */
const plenty = 1_000_000_000_000

export const hotProduct = "hot"
export const soldOutProduct = "sold-out"
export const accountOf = ({ accounts }: Size, index: number): string => `account-${index % accounts}`
// The step is coprime to the number of products, so that neighbours in a batch are not neighbours in the shop.
export const productOf = ({ products }: Size, index: number): string => `product-${(index * 7_919) % products}`

/** Opens a world and fills it. Everything in it goes away with the returned shop. */
export const openWorld = async (size: Size): Promise<World> => {
  const store = Effect.runSync(MemoryStore.make)
  const layer = Layer.succeed(Store, store)
  // A deadline that no garbage collection can reach: nothing here is about being late.
  const shop = createHoldfast({ store: { name: "memory", layer }, deadlineMillis: 600_000 })
  await closedLoop(512, size.accounts, async (index) => {
    const accountId = accountOf(size, index)
    await shop.points.open({ accountId })
    await shop.points.charge({ accountId, amount: plenty, key: `top-up-${index}` })
  })
  await shop.stock.register({ productId: hotProduct, name: "Hot", price: 10, onHand: plenty })
  await shop.stock.register({ productId: soldOutProduct, name: "Sold out", price: 10, onHand: 0 })
  await closedLoop(512, size.products, (index) =>
    shop.stock.register({ productId: productOf(size, index), name: "One of many", price: 10, onHand: plenty }),
  )
  let next = 0
  return { ...size, store, shop, fresh: () => next++ }
}

/** An order of one line by the account whose turn it is. */
export const orderOf = (world: World, productId: string) => {
  const number = world.fresh()
  return { accountId: accountOf(world, number), lines: [{ productId, quantity: 1 }], key: `order-${number}` }
}
