/**
 * The reads of a memory store, answered from its tables.
 *
 * Each is one synchronous look, and so one snapshot. How the look becomes an effect is the store's choice: the plain
 * store takes it at once, the interleaving one lets others run before it. Which tables is asked at each look.
 */
import type { ProductSales, SalesWindow } from "../popularity/SalesBucket.ts"
import { type OrderPage, type OrderPlace, orderPageOf, type PageRequest, type StoreShape } from "../ports/index.ts"
import { compareBytes, maxAmount, type ProductId, plus, Quantity, zero } from "../values.ts"
import type { Step } from "./step.ts"
import type { Cell, Tables } from "./Tables.ts"

export const readsOf = (tables: () => Tables, step: Step): Pick<StoreShape, "reads" | "scan" | "scanLog"> => ({
  reads: {
    account: (accountId) => step(() => tables().records.account(accountId)),
    entries: (accountId, page) => step(() => tables().ledgers.entry.page(accountId, page)),
    products: (productIds) => step(() => productIds.flatMap((productId) => tables().records.product(productId) ?? [])),
    movements: (productId, page) => step(() => tables().ledgers.movement.page(productId, page)),
    campaign: (campaignId) => step(() => tables().records.campaign(campaignId)),
    coupon: (campaignId, accountId) => step(() => tables().records.coupon(campaignId, accountId)),
    couponsOfAccount: (accountId, page) => step(() => tables().couponsOfAccount.page(accountId, page).map(recordOf)),
    couponsOfCampaign: (campaignId, page) =>
      step(() => tables().couponsOfCampaign.page(campaignId, page).map(recordOf)),
    standing: ({ campaignId, accountIds, keys }) =>
      step(() => {
        const { records, couponsOfCampaign } = tables()
        const campaign = records.campaign(campaignId)
        const after = (campaign?.issued ?? 0) - 1
        const [last] = couponsOfCampaign.page(campaignId, { after, limit: 1, newestFirst: false })
        return {
          campaign,
          lastCommandId: last?.record.commandId,
          notOpen: indexesOf(accountIds, (accountId) => records.account(accountId)?.state !== "open"),
          used: indexesOf(keys, ([scope, key]) => records.receipt(scope, "coupons.issue", key) !== undefined),
        }
      }),
    owners: (campaignId, after, limit) =>
      step(() =>
        tables()
          .couponsOfCampaign.page(campaignId, { after, limit, newestFirst: false })
          .map(({ record: { accountId } }) => accountId),
      ),
    order: (orderId) => step(() => tables().records.order(orderId)),
    ordersOfAccount: (accountId, page) => step(() => pageOf(tables().ordersOfAccount, accountId, page)),
    ordersByReference: (reference, page) => step(() => pageOf(tables().ordersByReference, reference, page)),
    top: (window) => step(() => top(tables(), window, window.limit)),
    soldOf: (hour, productIds) =>
      step(() =>
        productIds.flatMap((productId) => {
          const bucket = tables().records.bucket(productId, hour)
          return bucket === undefined ? [] : [{ productId, sold: bucket.sold }]
        }),
      ),
    soldIn: (hour, after, limit) =>
      step(() =>
        Array.from(tables().bucketsOfHour.get(hour) ?? [], ({ record: { productId, sold } }) => ({ productId, sold }))
          .filter(({ productId }) => after === undefined || compareBytes(productId, after) > 0)
          .sort((left, right) => compareBytes(left.productId, right.productId))
          .slice(0, limit),
      ),
    receipt: (scope, operation, key) => step(() => tables().records.receipt(scope, operation, key)),
  },
  scan: (kind, after, limit) => step(() => tables().scan(kind, after, limit)),
  scanLog: (log, after, limit) => step(() => tables().scanLog(log, after, limit)),
})

const indexesOf = <Item>(items: ReadonlyArray<Item>, is: (item: Item) => boolean): ReadonlyArray<number> =>
  items.flatMap((item, index) => (is(item) ? [index] : []))

const recordOf = <R>({ record }: Cell<R>): R => record

const pageOf = (list: Tables["ordersOfAccount"], owner: string, page: PageRequest<OrderPlace>): OrderPage => {
  const { after, limit } = page
  const listed = list.page(owner, { ...page, after: after?.position, limit: limit + 1 })
  return orderPageOf(
    listed.map(({ cell, position }) => ({ order: cell.record, position })),
    limit,
  )
}

const most = Quantity.make(maxAmount)

const top = (tables: Tables, window: SalesWindow, limit: number): ReadonlyArray<ProductSales> => {
  const sums = new Map<ProductId, Quantity>()
  for (const hour of hoursIn(tables, window)) {
    for (const { record } of tables.bucketsOfHour.get(hour) ?? []) {
      // A sum past 2^53 − 1 could not be told exactly, so it stays there.
      sums.set(record.productId, plus(sums.get(record.productId) ?? zero, record.sold) ?? most)
    }
  }
  return Array.from(sums, ([productId, sold]) => ({ productId, sold }))
    .filter(({ productId, sold }) => sold > 0 && tables.records.product(productId)?.retired !== true)
    .sort((left, right) => right.sold - left.sold || compareBytes(left.productId, right.productId))
    .slice(0, limit)
}

/** The hours of a window in which something was counted. A window may be far longer than the shop is old. */
const hoursIn = (tables: Tables, { fromHour, untilHour }: SalesWindow): ReadonlyArray<number> => {
  const counted = tables.bucketsOfHour
  if (untilHour - fromHour > counted.size) {
    return Array.from(counted.keys()).filter((hour) => hour >= fromHour && hour < untilHour)
  }
  const hours: Array<number> = []
  for (let hour = fromHour; hour < untilHour; hour++) hours.push(hour)
  return hours
}
