/**
 * The list of popular products as the store answers it, and the same list recounted from the orders.
 */
import { Effect } from "effect"
import { hourOf, rollingWindow } from "../../popularity/SalesBucket.ts"
import type { StoreFault, StoreShape } from "../../ports/Store.ts"
import { compareBytes } from "../../values.ts"
import type { Snapshot, TrialRecord } from "./Trial.ts"

/** As texts, `<product> <sold>`, most sold first. Only the trial's own products. */
export const topOf = (
  store: StoreShape,
  snapshot: Snapshot,
  now: number,
  prefix: string,
): Effect.Effect<TrialRecord["top"], StoreFault> => {
  const window = rollingWindow(now, 3)
  const sold = new Map<string, number>()
  for (const order of snapshot.records.order) {
    const hour = hourOf(order.placedAt)
    if (order.state === "cancelled" || hour < window.fromHour || hour >= window.untilHour) continue
    for (const { productId, quantity } of order.lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
  }
  const retired = new Set(
    snapshot.records.product.filter((each) => each.retired).map(({ productId }) => String(productId)),
  )
  const recounted = Array.from(sold)
    .filter(([productId, units]) => units > 0 && !retired.has(productId))
    .sort(([leftId, left], [rightId, right]) => right - left || compareBytes(leftId, rightId))
    .map(([productId, units]) => `${productId} ${units}`)
  return Effect.map(store.reads.top({ ...window, limit: 1_000 }), (listed) => ({
    listed: listed
      .filter(({ productId }) => productId.startsWith(prefix))
      .map(({ productId, sold: units }) => `${productId} ${units}`),
    recounted,
  }))
}
