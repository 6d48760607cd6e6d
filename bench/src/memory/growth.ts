/**
 * What many orders do to a shop in memory: how many bytes each one takes, and whether it gets slower.
 */
import { heldBytes } from "../heap.ts"
import type { Context } from "../Scenario.ts"
import { placeOrders } from "./facade.ts"
import { hotProduct, openWorld, type Size } from "./World.ts"

export interface Growth {
  readonly bytesPerOrder: number
  readonly ordersPerSecond: ReadonlyArray<readonly [held: number, perSecond: number]>
  readonly megabytes: ReadonlyArray<readonly [held: number, megabytes: number]>
  readonly auditSeconds: number
  readonly ok: boolean
}

/** Places orders in slices until `orders` are held, and looks at the heap after each. */
export const grow = async (size: Size, orders: number, slices: number, { progress }: Context): Promise<Growth> => {
  const world = await openWorld(size)
  await using shop = world.shop
  const ordersPerSecond: Array<readonly [number, number]> = []
  const before = heldBytes()
  const megabytes: Array<readonly [number, number]> = [[0, before / 2 ** 20]]
  for (let slice = 1; slice <= slices; slice++) {
    const held = (orders / slices) * slice
    const { perSecond } = await placeOrders(world, 64, orders / slices, () => hotProduct)
    ordersPerSecond.push([held, perSecond])
    megabytes.push([held, heldBytes() / 2 ** 20])
    progress(`${held.toLocaleString("en-US")} orders held: ${Math.round(perSecond).toLocaleString("en-US")} orders/s`)
  }
  const bytesPerOrder = (heldBytes() - before) / orders
  progress(`audit of ${orders.toLocaleString("en-US")} orders`)
  const began = performance.now()
  const { ok } = await shop.audit.run()
  return { bytesPerOrder, ordersPerSecond, megabytes, auditSeconds: (performance.now() - began) / 1_000, ok }
}
