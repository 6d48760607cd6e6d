/**
 * The reads of a memory store, answered from its tables.
 *
 * Each is one synchronous look, and so one snapshot. How the look becomes an effect is the store's choice: the plain
 * store takes it at once, the interleaving one lets others run before it.
 */
import type { ProductSales, Window } from "../popularity/SalesBucket.ts"
import type { StoreShape } from "../ports/Store.ts"
import { compareBytes, maxAmount, type ProductId, plus, Quantity, zero } from "../values.ts"
import type { Step } from "./step.ts"
import type { Cell, Tables } from "./Tables.ts"

export const readsOf = (tables: Tables, step: Step): Pick<StoreShape, "reads" | "scan" | "scanLog"> => ({
  reads: {
    account: (accountId) => step(() => tables.account(accountId)),
    entries: (accountId, page) => step(() => tables.ledgers.entry.page(accountId, page)),
    products: (productIds) => step(() => productIds.flatMap((productId) => tables.product(productId) ?? [])),
    movements: (productId, page) => step(() => tables.ledgers.movement.page(productId, page)),
    campaign: (campaignId) => step(() => tables.campaign(campaignId)),
    coupon: (campaignId, accountId) => step(() => tables.coupon(campaignId, accountId)),
    couponsOfAccount: (accountId, page) => step(() => tables.couponsOfAccount.page(accountId, page).map(recordOf)),
    couponsOfCampaign: (campaignId, page) => step(() => tables.couponsOfCampaign.page(campaignId, page).map(recordOf)),
    order: (orderId) => step(() => tables.order(orderId)),
    ordersOfAccount: (accountId, page) => step(() => tables.ordersOfAccount.page(accountId, page).map(recordOf)),
    ordersByReference: (reference, page) => step(() => tables.ordersByReference.page(reference, page).map(recordOf)),
    top: (window) => step(() => top(tables, window, window.limit)),
    receipt: (scope, operation, key) => step(() => tables.receipt(scope, operation, key)),
  },
  scan: (kind, after, limit) => step(() => tables.scan(kind, after, limit)),
  scanLog: (log, after, limit) => step(() => tables.scanLog(log, after, limit)),
})

const recordOf = <R>({ record }: Cell<R>): R => record

const most = Quantity.make(maxAmount)

const top = (tables: Tables, window: Window, limit: number): ReadonlyArray<ProductSales> => {
  const sums = new Map<ProductId, Quantity>()
  for (const hour of hoursIn(tables, window)) {
    for (const { record } of tables.bucketsOfHour.get(hour) ?? []) {
      // A sum past 2^53 − 1 could not be told exactly, so it stays there.
      sums.set(record.productId, plus(sums.get(record.productId) ?? zero, record.sold) ?? most)
    }
  }
  return Array.from(sums, ([productId, sold]) => ({ productId, sold }))
    .filter(({ productId, sold }) => sold > 0 && tables.product(productId)?.retired !== true)
    .sort((left, right) => right.sold - left.sold || compareBytes(left.productId, right.productId))
    .slice(0, limit)
}

/** The hours of a window in which something was counted. A window may be far longer than the shop is old. */
const hoursIn = (tables: Tables, { fromHour, untilHour }: Window): ReadonlyArray<number> => {
  const counted = tables.bucketsOfHour
  if (untilHour - fromHour > counted.size) {
    return Array.from(counted.keys()).filter((hour) => hour >= fromHour && hour < untilHour)
  }
  const hours: Array<number> = []
  for (let hour = fromHour; hour < untilHour; hour++) hours.push(hour)
  return hours
}
