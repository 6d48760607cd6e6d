/**
 * A product, its exact stock and the ledger of its movements: on hand is always the sum of the movements.
 *
 * Pure rules. **`take` is the rule that stops overselling**: it is the only way units leave for an order, and it answers
 * with what is available instead of going below zero.
 */
import type { AmountTooLarge, ProductRetired } from "../refusals.ts"
import {
  type Amount,
  type Cause,
  type CommandId,
  magnitude,
  minus,
  type OrderId,
  type ProductId,
  plus,
  type Quantity,
  zero,
} from "../values.ts"

export interface Product {
  readonly productId: ProductId
  /** Counters: they move by addition. */
  readonly onHand: Quantity
  readonly revision: number
  /** Terms: they change rarely, and `version` with them. */
  readonly name: string
  readonly price: Amount
  readonly retired: boolean
  /** What was registered first, so that a repeated registration is recognised. */
  readonly registered: { readonly name: string; readonly price: Amount; readonly onHand: Quantity }
  readonly version: number
}

export interface StockMovement {
  /** The product whose ledger it stands in. */
  readonly productId: ProductId
  /** 1, 2, 3 … without gaps per product. */
  readonly revision: number
  /** What moved the count. */
  readonly type: "register" | "restock" | "adjust" | "sale" | "return"
  /** What was added: negative for a sale. */
  readonly change: number
  /** The units on hand after this movement. */
  readonly onHand: Quantity
  /** The order that took or returned the units. */
  readonly orderId: OrderId | undefined
  /** Why the operator adjusted. */
  readonly reason: string | undefined
  readonly commandId: CommandId
  readonly at: number
}

/** A product and the movement that changed it. */
export interface Shifted {
  readonly product: Product
  readonly movement: StockMovement
}

/** One product of an order that asks for more than there is. */
export interface Shortage {
  readonly productId: ProductId
  readonly requested: Quantity
  readonly available: Quantity
}

/** Takes units for an order, or answers with the shortage: on hand never falls below zero. */
export const take = (product: Product, quantity: Quantity, orderId: OrderId, cause: Cause): Shifted | Shortage => {
  const onHand = minus(product.onHand, quantity)
  return onHand === undefined
    ? { productId: product.productId, requested: quantity, available: product.onHand }
    : shift(product, onHand, -quantity, "sale", orderId, undefined, cause)
}

/** Brings the units of a cancelled order back, into retired products too. */
export const putBack = (
  product: Product,
  quantity: Quantity,
  orderId: OrderId,
  cause: Cause,
): Shifted | AmountTooLarge => add(product, quantity, "return", orderId, undefined, cause)

/** Registers a product. The first units, if any, are its first movement. */
export const register = (
  productId: ProductId,
  registered: Product["registered"],
  cause: Cause,
): { readonly product: Product; readonly movement: StockMovement | undefined } => {
  const empty: Product = {
    productId,
    onHand: zero,
    revision: 0,
    name: registered.name,
    price: registered.price,
    retired: false,
    registered,
    version: 1,
  }
  return registered.onHand === 0
    ? { product: empty, movement: undefined }
    : shift(empty, registered.onHand, registered.onHand, "register", undefined, undefined, cause)
}

/** Adds delivered units. */
export const restock = (
  product: Product,
  quantity: Quantity,
  cause: Cause,
): Shifted | ProductRetired | AmountTooLarge =>
  isRetired(product) ?? add(product, quantity, "restock", undefined, undefined, cause)

/** The operator's correction after a count, in retired products too; never below zero. */
export const adjust = (
  product: Product,
  change: number,
  reason: string | undefined,
  cause: Cause,
): Shifted | Shortage | AmountTooLarge => {
  if (change > 0) return add(product, change, "adjust", undefined, reason, cause)
  const onHand = minus(product.onHand, -change)
  return onHand === undefined
    ? { productId: product.productId, requested: magnitude(change), available: product.onHand }
    : shift(product, onHand, change, "adjust", undefined, reason, cause)
}

/** Changes name or price; undefined where they already are so. */
export const changeTerms = (
  product: Product,
  terms: { readonly name?: string; readonly price?: Amount },
): Product | undefined | ProductRetired => {
  const retired = isRetired(product)
  if (retired !== undefined) return retired
  const name = terms.name ?? product.name
  const price = terms.price ?? product.price
  return name === product.name && price === product.price
    ? undefined
    : { ...product, name, price, version: product.version + 1 }
}

/** Takes the product out of sale for good; undefined where it already is. */
export const retire = (product: Product): Product | undefined =>
  product.retired ? undefined : { ...product, retired: true, version: product.version + 1 }

const isRetired = (product: Product): ProductRetired | undefined =>
  product.retired ? { _tag: "ProductRetired", productIds: [product.productId] } : undefined

const add = (
  product: Product,
  quantity: number,
  type: StockMovement["type"],
  orderId: OrderId | undefined,
  reason: string | undefined,
  cause: Cause,
): Shifted | AmountTooLarge => {
  const onHand = plus(product.onHand, quantity)
  return onHand === undefined
    ? { _tag: "AmountTooLarge", what: "on hand" }
    : shift(product, onHand, quantity, type, orderId, reason, cause)
}

const shift = (
  product: Product,
  onHand: Quantity,
  change: number,
  type: StockMovement["type"],
  orderId: OrderId | undefined,
  reason: string | undefined,
  cause: Cause,
): Shifted => {
  const revision = product.revision + 1
  return {
    product: { ...product, onHand, revision },
    movement: {
      productId: product.productId,
      revision,
      type,
      change,
      onHand,
      orderId,
      reason,
      commandId: cause.id,
      at: cause.at,
    },
  }
}
