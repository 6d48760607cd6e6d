/**
 * Placing an order: stock, coupon, points and the order itself, all of it or none of it.
 *
 * `placeOrder` looks at the buyer's account, the products and the buyer's coupon and answers either with everything
 * that changes or with one refusal. The order of its checks is the precedence of the refusals: account, products,
 * price, stock, coupon, points.
 */
import { type Coupon, notUsable, redeem } from "../coupons/Coupon.ts"
import { discountOn } from "../coupons/Discount.ts"
import { type Account, notOpen, type PointEntry, spend } from "../points/Account.ts"
import { count, hourOf, type SalesBucket } from "../popularity/SalesBucket.ts"
import type {
  AccountNotFound,
  AccountNotOpen,
  AmountTooLarge,
  CouponExpired,
  CouponMinimumNotMet,
  CouponNotFound,
  CouponNotUsable,
  OutOfStock,
  PointsNotEnough,
  PriceChanged,
  ProductNotFound,
  ProductRetired,
} from "../refusals.ts"
import { type Product, type Shortage, type StockMovement, take } from "../stock/Product.ts"
import {
  type AccountId,
  type Amount,
  type CampaignId,
  type Cause,
  minus,
  type OrderId,
  type ProductId,
  type Quantity,
  zero,
} from "../values.ts"
import type { Metadata, Order, OrderLine } from "./Order.ts"
import { type PricedLine, paidOf, sharesOf, totalOf } from "./pricing.ts"
import { placedState } from "./states.ts"

/** What a buyer asks for, with the lines merged per product and sorted by product id. */
export interface OrderRequest {
  readonly accountId: AccountId
  readonly lines: ReadonlyArray<RequestedLine>
  readonly campaignId: CampaignId | undefined
  readonly expectedPaid: Amount | undefined
  readonly reference: string | undefined
  readonly metadata: Metadata | undefined
}

export interface RequestedLine {
  readonly productId: ProductId
  readonly quantity: Quantity
  /** The price that the buyer saw, where it was stated. */
  readonly unitPrice: Amount | undefined
}

/** The records that decide an order. */
export interface OrderRecords {
  account(accountId: AccountId): Account | undefined
  product(productId: ProductId): Product | undefined
  coupon(campaignId: CampaignId, accountId: AccountId): Coupon | undefined
  bucket(productId: ProductId, hour: number): SalesBucket | undefined
}

/** Everything that changes when an order is placed. */
export interface Placed {
  readonly order: Order
  /** Undefined where nothing is to pay: then the order only relies on the account being open. */
  readonly account: Account | undefined
  readonly entry: PointEntry | undefined
  readonly coupon: Coupon | undefined
  readonly products: ReadonlyArray<Product>
  readonly movements: ReadonlyArray<StockMovement>
  readonly buckets: ReadonlyArray<SalesBucket>
}

export type PlaceRefusal =
  | AccountNotFound
  | AccountNotOpen
  | ProductNotFound
  | ProductRetired
  | PriceChanged
  | AmountTooLarge
  | OutOfStock
  | CouponNotFound
  | CouponNotUsable
  | CouponExpired
  | CouponMinimumNotMet
  | PointsNotEnough

export const placeOrder = (
  records: OrderRecords,
  request: OrderRequest,
  orderId: OrderId,
  cause: Cause,
): Placed | PlaceRefusal => {
  const account = records.account(request.accountId)
  if (account === undefined) return { _tag: "AccountNotFound", accountId: request.accountId }
  const closed = notOpen(account)
  if (closed !== undefined) return closed

  const products = productsOf(records, request.lines)
  if ("_tag" in products) return products

  const priced = priceOf(records, request, products, cause.at)
  if ("_tag" in priced) return priced

  const buckets = countAll(records, request.lines, cause.at)
  if ("_tag" in buckets) return buckets

  const taken = takeAll(request.lines, products, orderId, cause)
  if ("_tag" in taken) return taken

  if (priced.couponRefusal !== undefined) return priced.couponRefusal

  const spent = priced.paid === 0 ? undefined : spend(account, priced.paid, orderId, cause)
  if (spent !== undefined && "_tag" in spent) return spent

  return {
    order: {
      orderId,
      accountId: request.accountId,
      lines: linesOf(products, priced, orderId),
      total: priced.total,
      discount: priced.discount,
      paid: priced.paid,
      campaignId: request.campaignId,
      reference: request.reference,
      metadata: request.metadata,
      state: placedState,
      placedAt: cause.at,
      closed: undefined,
      version: 1,
    },
    account: spent?.account,
    entry: spent?.entry,
    coupon: priced.coupon && redeem(priced.coupon, orderId, cause),
    products: taken.products,
    movements: taken.movements,
    buckets,
  }
}

const productsOf = (
  records: OrderRecords,
  lines: ReadonlyArray<RequestedLine>,
): ReadonlyArray<Product> | ProductNotFound | ProductRetired => {
  const found: Array<Product> = []
  const unknown: Array<ProductId> = []
  const retired: Array<ProductId> = []
  for (const { productId } of lines) {
    const product = records.product(productId)
    if (product === undefined) unknown.push(productId)
    else if (product.retired) retired.push(productId)
    else found.push(product)
  }
  if (unknown.length > 0) return { _tag: "ProductNotFound", productIds: unknown }
  if (retired.length > 0) return { _tag: "ProductRetired", productIds: retired }
  return found
}

interface Priced {
  readonly lines: ReadonlyArray<PricedLine>
  readonly total: Amount
  readonly discount: Amount
  readonly paid: Amount
  readonly coupon: Coupon | undefined
  /** Found while pricing, but answered only after the stock was looked at: stock precedes the coupon. */
  readonly couponRefusal: CouponNotFound | CouponNotUsable | CouponExpired | CouponMinimumNotMet | undefined
}

const priceOf = (
  records: OrderRecords,
  request: OrderRequest,
  products: ReadonlyArray<Product>,
  at: number,
): Priced | PriceChanged | AmountTooLarge => {
  const lines = pricedLines(request.lines, products)
  const changed = changedPrices(request.lines, lines)
  const total = totalOf(lines)
  if (total === undefined) {
    return changed.length > 0
      ? { _tag: "PriceChanged", lines: changed }
      : { _tag: "AmountTooLarge", what: "order total" }
  }
  const priced = discounted(records, request, lines, total, at)
  const { expectedPaid } = request
  // What is to pay is only known when the coupon, if one is named, may be used.
  const paid =
    expectedPaid === undefined || expectedPaid === priced.paid || priced.couponRefusal !== undefined
      ? undefined
      : { stated: expectedPaid, current: priced.paid }
  if (changed.length > 0 || paid !== undefined) {
    return paid === undefined
      ? { _tag: "PriceChanged", lines: changed }
      : { _tag: "PriceChanged", lines: changed, paid }
  }
  return priced
}

const changedPrices = (
  stated: ReadonlyArray<RequestedLine>,
  current: ReadonlyArray<PricedLine>,
): PriceChanged["lines"] => {
  const changed: Array<PriceChanged["lines"][number]> = []
  current.forEach(({ productId, unitPrice }, index) => {
    const price = stated[index]?.unitPrice
    if (price !== undefined && price !== unitPrice) changed.push({ productId, stated: price, current: unitPrice })
  })
  return changed
}

const discounted = (
  records: OrderRecords,
  request: OrderRequest,
  lines: ReadonlyArray<PricedLine>,
  total: Amount,
  at: number,
): Priced => {
  const { campaignId, accountId } = request
  const full = { lines, total, discount: zero, paid: total, coupon: undefined, couponRefusal: undefined }
  if (campaignId === undefined) return full
  const coupon = records.coupon(campaignId, accountId)
  if (coupon === undefined) return { ...full, couponRefusal: { _tag: "CouponNotFound", campaignId, accountId } }
  const couponRefusal = notUsable(coupon, total, at)
  if (couponRefusal !== undefined) return { ...full, couponRefusal }
  const discount = discountOn(coupon.discount, total)
  return { lines, total, discount, paid: minus(total, discount) ?? zero, coupon, couponRefusal: undefined }
}

const pricedLines = (
  lines: ReadonlyArray<RequestedLine>,
  products: ReadonlyArray<Product>,
): ReadonlyArray<PricedLine> =>
  products.map(({ productId, price }, index) => ({
    productId,
    unitPrice: price,
    quantity: lines[index]?.quantity ?? zero,
  }))

// Every shortage is collected, so that the refusal names all of them at once.
const takeAll = (
  lines: ReadonlyArray<RequestedLine>,
  products: ReadonlyArray<Product>,
  orderId: OrderId,
  cause: Cause,
): { readonly products: Array<Product>; readonly movements: Array<StockMovement> } | OutOfStock => {
  const shortages: Array<Shortage> = []
  const taken: { products: Array<Product>; movements: Array<StockMovement> } = { products: [], movements: [] }
  products.forEach((product, index) => {
    const shifted = take(product, lines[index]?.quantity ?? zero, orderId, cause)
    if ("requested" in shifted) shortages.push(shifted)
    else {
      taken.products.push(shifted.product)
      taken.movements.push(shifted.movement)
    }
  })
  return shortages.length > 0 ? { _tag: "OutOfStock", lines: shortages } : taken
}

const countAll = (
  records: OrderRecords,
  lines: ReadonlyArray<RequestedLine>,
  at: number,
): Array<SalesBucket> | AmountTooLarge => {
  const hour = hourOf(at)
  const buckets: Array<SalesBucket> = []
  for (const { productId, quantity } of lines) {
    const bucket = count(records.bucket(productId, hour), productId, hour, quantity)
    if (bucket === undefined) return { _tag: "AmountTooLarge", what: "units sold" }
    buckets.push(bucket)
  }
  return buckets
}

const linesOf = (
  products: ReadonlyArray<Product>,
  { lines, discount: discountOfAll, total }: Priced,
  orderId: OrderId,
): ReadonlyArray<OrderLine> => {
  const shares = sharesOf(lines, discountOfAll, total)
  return lines.map((line, index) => {
    const { productId, unitPrice, quantity } = line
    const discount = shares[index] ?? zero
    const paid = paidOf(line, discount)
    const name = products[index]?.name ?? ""
    return { lineId: `${orderId}-${index + 1}`, productId, name, unitPrice, quantity, discount, paid }
  })
}
