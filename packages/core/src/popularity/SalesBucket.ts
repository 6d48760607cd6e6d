/**
 * Sales per product and hour: what the list of popular products is added up from.
 *
 * An order counts in the bucket of the hour it was placed in, in its own commit; a cancel subtracts from that same
 * bucket. So the list is exact at every moment and a recount from the orders must agree.
 */
import { DateTime, Option } from "effect"
import type { ProductId, Quantity } from "../values.ts"
import { minus, plus, zero } from "../values.ts"

export interface SalesBucket {
  readonly productId: ProductId
  /** Whole hours since 1970 (UTC). */
  readonly hour: number
  /** Counter: units sold and not cancelled. It moves by addition. */
  readonly sold: Quantity
}

/** One product in a list of popular ones. */
export interface ProductSales {
  readonly productId: ProductId
  readonly sold: Quantity
}

const hourMillis = 3_600_000

/** The bucket that a moment falls into. */
export const hourOf = (at: number): number => Math.floor(at / hourMillis)

/** Counts sold units; undefined where the sum would pass 2^53 − 1. */
export const count = (
  bucket: SalesBucket | undefined,
  productId: ProductId,
  hour: number,
  quantity: Quantity,
): SalesBucket | undefined => {
  const sold = plus(bucket?.sold ?? zero, quantity)
  return sold === undefined ? undefined : { productId, hour, sold }
}

/** Takes cancelled units off the bucket that their order was counted in. */
export const uncount = (bucket: SalesBucket, quantity: Quantity): SalesBucket => ({
  ...bucket,
  sold: minus(bucket.sold, quantity) ?? zero,
})

/** Whole hours, half-open: `fromHour ≤ hour < untilHour`. */
export interface SalesWindow {
  readonly fromHour: number
  readonly untilHour: number
}

/** The last 24 × days buckets, ending with the one that `at` falls into. */
export const rollingWindow = (at: number, days: number): SalesWindow => {
  const untilHour = hourOf(at) + 1
  return { fromHour: untilHour - 24 * days, untilHour }
}

/**
 * The last `days` calendar days including today in a zone, such as `Asia/Seoul` or `+09:00`. Undefined where the zone
 * is unknown or its midnight does not fall on a whole hour of UTC.
 */
export const calendarWindow = (at: number, days: number, zone: string): SalesWindow | undefined => {
  const parsed = DateTime.zoneFromString(zone)
  if (Option.isNone(parsed) || isBeyondAll(parsed.value)) return undefined
  const today = DateTime.startOf(DateTime.makeZonedUnsafe(at, { timeZone: parsed.value }), "day")
  // Looked for once more: where a clock is put forward at midnight, today begins at one and an earlier day does not.
  const first = DateTime.startOf(DateTime.subtract(today, { days: days - 1 }), "day")
  const from = DateTime.toEpochMillis(first)
  return from % hourMillis === 0 ? { fromHour: hourOf(from), untilHour: hourOf(at) + 1 } : undefined
}

/** No place is more than 14 hours from UTC. */
const isBeyondAll = (zone: DateTime.TimeZone): boolean =>
  DateTime.isTimeZoneOffset(zone) && Math.abs(zone.offset) > 14 * hourMillis
