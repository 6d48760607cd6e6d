/**
 * The calls of the memory scenario, as a host makes them: through the promises of a shop.
 *
 * Each one makes sure that it was answered as it should be: a bench that counts refusals as sales measures nothing.
 */
import { isHoldfastError } from "@holdfast/core"
import { closedLoop, type Measured } from "../load.ts"
import { accountOf, orderOf, productOf, soldOutProduct, type World } from "./World.ts"

export const placeOrders = (
  world: World,
  callers: number,
  count: number,
  productAt: (index: number) => string,
): Promise<Measured> => closedLoop(callers, count, (index) => world.shop.orders.place(orderOf(world, productAt(index))))

/** Orders of a product that is sold out, answered as values. */
export const refuseSafely = (world: World, callers: number, count: number): Promise<Measured> =>
  closedLoop(callers, count, async () => {
    const placed = await world.shop.safe.orders.place(orderOf(world, soldOutProduct))
    if (placed.ok || placed.error.code !== "OUT_OF_STOCK") throw new Error("A sold-out product was sold.")
  })

/** The same, answered as rejections. */
export const refuseByRejecting = (world: World, callers: number, count: number): Promise<Measured> =>
  closedLoop(callers, count, async () => {
    try {
      await world.shop.orders.place(orderOf(world, soldOutProduct))
    } catch (error) {
      if (isHoldfastError(error) && error.code === "OUT_OF_STOCK") return
      throw error
    }
    throw new Error("A sold-out product was sold.")
  })

/** Claims of a campaign of its own, by as many accounts as there are at most. */
export const claimCoupons = async (world: World, callers: number, count: number): Promise<Measured> => {
  const campaignId = `campaign-${world.fresh()}`
  const claims = Math.min(count, world.accounts)
  const discount = { type: "flat", amount: 1 } as const
  await world.shop.coupons.createCampaign({ campaignId, name: "Bench", discount, limit: claims })
  return closedLoop(callers, claims, (index) =>
    world.shop.coupons.issue({ campaignId, accountId: accountOf(world, index), key: `${campaignId}-${index}` }),
  )
}

/** One of many products, spread evenly. */
export const uniformly =
  (world: World) =>
  (index: number): string =>
    productOf(world, index)
