/**
 * The list of popular products as the store answers it, the same list recounted from the orders, and summed up from the
 * hourly buckets.
 */
import { Effect } from "effect"
import { calendarWindow, hourOf, rollingWindow, type SalesWindow } from "../../popularity/SalesBucket.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { compareBytes } from "../../values.ts"
import type { Snapshot, TrialRecord } from "./Trial.ts"

/** More products than all trials of a run have sold. */
const mostProducts = 100_000

/** As texts, `<window> <product> <sold>`, most sold first. Only the trial's own products. */
export const topOf = Effect.fnUntraced(function* (
  store: StoreShape,
  snapshot: Snapshot,
  now: number,
  prefix: string,
): Effect.fn.Return<TrialRecord["top"], StoreFault> {
  const listed: Array<string> = []
  const recounted: Array<string> = []
  const summed: Array<string> = []
  for (const [name, window] of windowsAt(now)) {
    const top = yield* store.reads.top({ ...window, limit: mostProducts })
    for (const { productId, sold } of top) {
      if (productId.startsWith(prefix)) listed.push(`${name} ${productId} ${sold}`)
    }
    recounted.push(...ranked(name, snapshot, soldOf(snapshot, window)))
    summed.push(...ranked(name, snapshot, bucketsOf(snapshot, window)))
  }
  return { listed, recounted, summed }
})

let lastToday: { readonly hour: number; readonly window: SalesWindow | undefined } | undefined

/** Three days of hours, one day of hours, and today where the day begins at another hour than here. */
const windowsAt = (now: number): ReadonlyArray<readonly [name: string, window: SalesWindow]> => {
  const hour = hourOf(now)
  // Zones are slow to look up, and most trials are of one hour.
  if (lastToday?.hour !== hour) lastToday = { hour, window: calendarWindow(now, 1, "Asia/Seoul") }
  const today = lastToday.window
  return [
    ["three days", rollingWindow(now, 3)],
    ["one day", rollingWindow(now, 1)],
    ...(today === undefined ? [] : [["today", today] as const]),
  ]
}

const soldOf = (snapshot: Snapshot, { fromHour, untilHour }: SalesWindow): ReadonlyMap<string, number> => {
  const sold = new Map<string, number>()
  for (const order of snapshot.records.order) {
    const hour = hourOf(order.placedAt)
    if (order.state === "cancelled" || hour < fromHour || hour >= untilHour) continue
    for (const { productId, quantity } of order.lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
  }
  return sold
}

const bucketsOf = (snapshot: Snapshot, { fromHour, untilHour }: SalesWindow): ReadonlyMap<string, number> => {
  const sold = new Map<string, number>()
  for (const bucket of snapshot.records.bucket) {
    if (bucket.hour < fromHour || bucket.hour >= untilHour) continue
    sold.set(bucket.productId, (sold.get(bucket.productId) ?? 0) + bucket.sold)
  }
  return sold
}

const ranked = (name: string, snapshot: Snapshot, sold: ReadonlyMap<string, number>): ReadonlyArray<string> => {
  const retired = new Set(
    snapshot.records.product.filter((each) => each.retired).map(({ productId }) => String(productId)),
  )
  return Array.from(sold)
    .filter(([productId, units]) => units > 0 && !retired.has(productId))
    .sort(([leftId, left], [rightId, right]) => right - left || compareBytes(leftId, rightId))
    .map(([productId, units]) => `${name} ${productId} ${units}`)
}
