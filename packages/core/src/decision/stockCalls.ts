/**
 * The calls that change products: register, restock, adjust, changePrice, rename, retire.
 */
import { Schema } from "effect"
import type { EventData, EventType } from "../events/Event.ts"
import type { AmountTooLarge, OutOfStock, ProductAlreadyExists, ProductNotFound, ProductRetired } from "../refusals.ts"
import { adjust, changeTerms, type Product, register, restock, retire } from "../stock/Product.ts"
import { type Amount, Change, Label, PositiveQuantity, Price, ProductId, Quantity, zero } from "../values.ts"
import type { EventOf } from "./Command.ts"
import { accept, asDecoded, type Call, keyOptional, keyRequired, noLane, repeat } from "./call.ts"

export const RegisterProduct = Schema.Struct({
  productId: ProductId,
  name: Label,
  price: Price,
  onHand: Schema.optional(Quantity),
  ...keyOptional,
})
export const RestockProduct = Schema.Struct({ productId: ProductId, quantity: PositiveQuantity, ...keyRequired })
export const AdjustStock = Schema.Struct({
  productId: ProductId,
  change: Change,
  reason: Schema.optional(Label),
  ...keyRequired,
})
export const ChangePrice = Schema.Struct({ productId: ProductId, price: Price, ...keyOptional })
export const RenameProduct = Schema.Struct({ productId: ProductId, name: Label, ...keyOptional })
export const NameProduct = Schema.Struct({ productId: ProductId, ...keyOptional })

/** A product as it was registered. */
export type RegisterAnswer = {
  readonly productId: ProductId
  readonly name: string
  readonly price: Amount
  /** The units it was registered with. What is left now is in `stock.product`. */
  readonly onHand: Quantity
}
export type RestockAnswer = { readonly productId: ProductId; readonly quantity: Quantity }
export type AdjustStockAnswer = { readonly productId: ProductId; readonly change: number }
/** What the product is called and costs after the call. */
export type ProductTermsAnswer = { readonly productId: ProductId; readonly name: string; readonly price: Amount }
export type RetireAnswer = { readonly productId: ProductId }

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
      const changes = { products: [product], movements: movement && [movement] }
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
    const changes = { products: [shifted.product], movements: [shifted.movement] }
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
    const changes = { products: [shifted.product], movements: [shifted.movement] }
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
  decide: (records, { productId, price }) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const changed = changeTerms(product, { price })
    if (changed === undefined) return repeat(termsOf(product))
    if ("_tag" in changed) return changed
    const event = eventOf("stock.priceChanged", productId, { productId, price, previousPrice: product.price })
    return accept(termsOf(changed), { products: [changed] }, event)
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
  decide: (records, { productId, name }) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const changed = changeTerms(product, { name })
    if (changed === undefined) return repeat(termsOf(product))
    if ("_tag" in changed) return changed
    const event = eventOf("stock.renamed", productId, { productId, name, previousName: product.name })
    return accept(termsOf(changed), { products: [changed] }, event)
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
  decide: (records, { productId }) => {
    const product = records.product(productId)
    if (product === undefined) return productNotFound(productId)
    const retired = retire(product)
    return retired === undefined
      ? repeat({ productId })
      : accept({ productId }, { products: [retired] }, eventOf("stock.retired", productId, { productId }))
  },
}

const termsOf = ({ productId, name, price }: Product): ProductTermsAnswer => ({ productId, name, price })

const productNotFound = (productId: ProductId): ProductNotFound => ({
  _tag: "ProductNotFound",
  productIds: [productId],
})

const eventOf = (type: EventType, productId: ProductId, data: EventData): EventOf => ({
  type,
  aggregate: { type: "product", id: productId },
  key: productId,
  data,
})
