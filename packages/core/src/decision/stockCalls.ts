/**
 * The calls that change products: register, restock, adjust, changePrice, rename, retire.
 */
import { Schema } from "effect"
import type { EventType } from "../events/Event.ts"
import type { AmountTooLarge, OutOfStock, ProductAlreadyExists, ProductNotFound, ProductRetired } from "../refusals.ts"
import { adjust, changeTerms, type Product, register, restock, retire, type Shifted } from "../stock/Product.ts"
import { type Amount, Change, Label, PositiveQuantity, Price, ProductId, Quantity, zero } from "../values.ts"
import type { Changes } from "./Changes.ts"
import type { EventOf } from "./Command.ts"
import { accept, asDecoded, type Call, keyOptional, keyRequired, noLane, repeat } from "./call.ts"
import type { Payload } from "./payloads.ts"
import { productChanged } from "./termsChanged.ts"

export const RegisterProduct = Schema.Struct({
  /** Your own id for it: 1–128 bytes of text. */
  productId: ProductId,
  /** What it is called: 1–200 characters. Orders keep the name that it had. */
  name: Label,
  /** The price of one unit, in the smallest currency unit: 0 to 10^12. */
  price: Price,
  /** The units that there are at first. Default 0. */
  onHand: Schema.optional(Quantity),
  ...keyOptional,
})
export const RestockProduct = Schema.Struct({
  /** The product that was delivered. */
  productId: ProductId,
  /** The units that arrived: at least 1. */
  quantity: PositiveQuantity,
  ...keyRequired,
})
export const AdjustStock = Schema.Struct({
  /** The product to correct. */
  productId: ProductId,
  /** Up or down: a whole number other than 0. */
  change: Change,
  /** Why, for the ledger: 1–200 characters. */
  reason: Schema.optional(Label),
  ...keyRequired,
})
export const ChangePrice = Schema.Struct({
  /** The product. */
  productId: ProductId,
  /** The price of one unit from now on: 0 to 10^12. */
  price: Price,
  ...keyOptional,
})
export const RenameProduct = Schema.Struct({
  /** The product. */
  productId: ProductId,
  /** What it is called from now on: 1–200 characters. */
  name: Label,
  ...keyOptional,
})
export const NameProduct = Schema.Struct({
  /** The product. */
  productId: ProductId,
  ...keyOptional,
})

/** A product as it was registered. */
export type RegisterAnswer = {
  /** The product. */
  readonly productId: ProductId
  /** What it was called at first. */
  readonly name: string
  /** What one unit cost at first. */
  readonly price: Amount
  /** The units it was registered with. What is left now is in `stock.product`. */
  readonly onHand: Quantity
}
export type RestockAnswer = {
  /** The product. */
  readonly productId: ProductId
  /** The units that were added. */
  readonly quantity: Quantity
}
export type AdjustStockAnswer = {
  /** The product. */
  readonly productId: ProductId
  /** By how much its count changed, up or down. */
  readonly change: number
}
/** What the product is called and costs after the call. */
export type ProductTermsAnswer = {
  /** The product. */
  readonly productId: ProductId
  /** What it is called. */
  readonly name: string
  /** What one unit costs. */
  readonly price: Amount
}
export type RetireAnswer = {
  /** The product that is no longer sold. */
  readonly productId: ProductId
}

export const registerCall: Call<
  typeof RegisterProduct,
  typeof RegisterProduct.Type,
  RegisterAnswer,
  ProductAlreadyExists
> = {
  name: "stock.register",
  input: RegisterProduct,
  normalise: asDecoded,
  intention: ({ productId, name, price, onHand = zero }) => ({ name, onHand, price, productId }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId, name, price, onHand = zero }, cause) => {
    const answer: RegisterAnswer = { productId, name, price, onHand }
    const existing = records.product(productId)
    if (existing === undefined) {
      const { product, movement } = register(productId, { name, price, onHand }, cause)
      const changes = { records: { product: [product] }, rows: { movement: movement && [movement] } }
      return accept(answer, changes, eventOf("stock.registered", productId, answer))
    }
    const was = existing.registered
    return was.name === name && was.price === price && was.onHand === onHand
      ? repeat(answer)
      : { _tag: "ProductAlreadyExists", existing: { productId, ...was } }
  },
}

export const restockCall: Call<
  typeof RestockProduct,
  typeof RestockProduct.Type,
  RestockAnswer,
  ProductNotFound | ProductRetired | AmountTooLarge
> = {
  name: "stock.restock",
  input: RestockProduct,
  normalise: asDecoded,
  intention: ({ productId, quantity }) => ({ productId, quantity }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId, quantity }, cause) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const shifted = restock(product, quantity, cause)
    if ("_tag" in shifted) return shifted
    const answer: RestockAnswer = { productId, quantity }
    const changes = changesOf(shifted)
    return accept(answer, changes, eventOf("stock.restocked", productId, answer))
  },
}

export const adjustStockCall: Call<
  typeof AdjustStock,
  typeof AdjustStock.Type,
  AdjustStockAnswer,
  ProductNotFound | AmountTooLarge | OutOfStock
> = {
  name: "stock.adjust",
  input: AdjustStock,
  normalise: asDecoded,
  intention: ({ productId, change, reason }) => ({ change, productId, reason }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId, change, reason }, cause) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const shifted = adjust(product, change, reason, cause)
    if ("_tag" in shifted) return shifted
    if ("requested" in shifted) return { _tag: "OutOfStock", lines: [shifted] }
    const answer: AdjustStockAnswer = { productId, change }
    const changes = changesOf(shifted)
    return accept(answer, changes, eventOf("stock.adjusted", productId, { ...answer, reason }))
  },
}

export const changePriceCall: Call<
  typeof ChangePrice,
  typeof ChangePrice.Type,
  ProductTermsAnswer,
  ProductNotFound | ProductRetired
> = {
  name: "stock.changePrice",
  input: ChangePrice,
  normalise: asDecoded,
  intention: ({ productId, price }) => ({ price, productId }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId, price }, cause) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const changed = changeTerms(product, { price })
    if (changed === undefined) return repeat(termsOf(product))
    if ("_tag" in changed) return changed
    const event = eventOf("stock.priceChanged", productId, { productId, price, previousPrice: product.price })
    return accept(termsOf(changed), productChanged(product, changed, cause), event)
  },
}

export const renameCall: Call<
  typeof RenameProduct,
  typeof RenameProduct.Type,
  ProductTermsAnswer,
  ProductNotFound | ProductRetired
> = {
  name: "stock.rename",
  input: RenameProduct,
  normalise: asDecoded,
  intention: ({ productId, name }) => ({ name, productId }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId, name }, cause) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const changed = changeTerms(product, { name })
    if (changed === undefined) return repeat(termsOf(product))
    if ("_tag" in changed) return changed
    const event = eventOf("stock.renamed", productId, { productId, name, previousName: product.name })
    return accept(termsOf(changed), productChanged(product, changed, cause), event)
  },
}

export const retireCall: Call<typeof NameProduct, typeof NameProduct.Type, RetireAnswer, ProductNotFound> = {
  name: "stock.retire",
  input: NameProduct,
  normalise: asDecoded,
  intention: ({ productId }) => ({ productId }),
  keys: ({ productId }, add) => add("product", [productId]),
  lane: noLane,
  operator: true,
  decide: (records, { productId }, cause) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const retired = retire(product)
    if (retired === undefined) return repeat({ productId })
    const event = eventOf("stock.retired", productId, { productId })
    return accept({ productId }, productChanged(product, retired, cause), event)
  },
}

const changesOf = ({ product, movement }: Shifted): Changes => ({
  records: { product: [product] },
  rows: { movement: [movement] },
})

const termsOf = ({ productId, name, price }: Product): ProductTermsAnswer => ({ productId, name, price })

const productNotFound = (productId: ProductId): ProductNotFound => ({
  _tag: "ProductNotFound",
  productIds: [productId],
})

type StockEvent = Extract<EventType, `stock.${string}`>

const eventOf = <Type extends StockEvent>(type: Type, productId: ProductId, data: Payload<Type>): EventOf => ({
  type,
  aggregate: { type: "product", id: productId },
  key: productId,
  data,
})
