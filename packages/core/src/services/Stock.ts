/**
 * Stock: products, their exact count and the ledger of its movements.
 */
import { Context, Effect, Layer, Schema } from "effect"
import {
  type AdjustStock,
  type AdjustStockAnswer,
  adjustStockCall,
  type ChangePrice,
  changePriceCall,
  type NameProduct,
  type ProductTermsAnswer,
  type RegisterAnswer,
  type RegisterProduct,
  type RenameProduct,
  type RestockAnswer,
  type RestockProduct,
  type RetireAnswer,
  registerCall,
  renameCall,
  restockCall,
  retireCall,
} from "../decision/stockCalls.ts"
import type {
  AmountTooLarge,
  InvalidInput,
  OutOfStock,
  ProductAlreadyExists,
  ProductNotFound,
  ProductRetired,
} from "../refusals.ts"
import type { StockMovement as MovementRow, Product as ProductRecord } from "../stock/Product.ts"
import { type Amount, ProductId, type Quantity } from "../values.ts"
import {
  aged,
  agedInMemory,
  asJson,
  dropProduct,
  hasFields,
  isListOf,
  listKey,
  productKey,
  type ReadOptions,
} from "./ages.ts"
import type { Documented } from "./inputs.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import {
  type AgedRead,
  asStored,
  type Change,
  change,
  inMemory,
  type MaybeInMemory,
  orUnavailable,
  type Read,
  read,
} from "./method.ts"
import { orderField, type Page, PositionCursor, pageFields, pageOf, positionOf, storePage } from "./pages.ts"

/** A product as it is now. */
export interface Product {
  /** The product. */
  readonly productId: ProductId
  /** What it is called. */
  readonly name: string
  /** What one unit costs. */
  readonly price: Amount
  /** The units that there are. */
  readonly onHand: Quantity
  /** How many movements its ledger has: every one of them counts it up. */
  readonly revision: number
  /** Whether it is no longer sold. */
  readonly retired: boolean
}

/** One line of a product's ledger. */
export interface StockMovement extends Omit<MovementRow, "at" | "commandId"> {
  /** When the call was admitted. `revision` tells the order. */
  readonly at: Date
}

const ListProducts = Schema.Struct({
  /** Which products: at most 1,000, all on one page, so without `limit` and `cursor`. Default: all of them, by id. */
  productIds: Schema.optional(Schema.Array(ProductId).check(Schema.isMaxLength(1_000))),
  cursor: Schema.optional(ProductId),
  ...pageFields,
})
const ListMovements = Schema.Struct({
  /** The product. */
  productId: ProductId,
  cursor: Schema.optional(PositionCursor),
  ...orderField,
  ...pageFields,
})

export interface StockShape {
  /**
   * Registers a product with its price per unit (0 to 10^12) and its first units (`onHand`, default 0). Repeating it
   * with the same definition is `replayed: true`.
   */
  readonly register: Change<typeof RegisterProduct.Encoded, RegisterAnswer, ProductAlreadyExists>
  /** Adds delivered units. */
  readonly restock: Change<
    typeof RestockProduct.Encoded,
    RestockAnswer,
    ProductNotFound | ProductRetired | AmountTooLarge
  >
  /** Corrects the count by `change`, up or down, after a stock-taking. Never below 0. */
  readonly adjust: Change<typeof AdjustStock.Encoded, AdjustStockAnswer, ProductNotFound | AmountTooLarge | OutOfStock>
  /** Sets the price per unit for orders from now on. Placed orders keep theirs. */
  readonly changePrice: Change<typeof ChangePrice.Encoded, ProductTermsAnswer, ProductNotFound | ProductRetired>
  /** Renames a product for orders from now on. */
  readonly rename: Change<typeof RenameProduct.Encoded, ProductTermsAnswer, ProductNotFound | ProductRetired>
  /** Takes a product out of sale for good. Cancelled orders still return units to it. */
  readonly retire: Change<typeof NameProduct.Encoded, RetireAnswer, ProductNotFound>
  /** One product with its exact stock now, or as it was at most `maxAgeMillis` ago. */
  readonly product: AgedRead<string, Product, ProductNotFound>
  /**
   * The named products on one page (unknown ids are left out), or all products by id, in pages; now, or as they were at most
   * `maxAgeMillis` ago.
   */
  readonly products: (
    input?: Documented<typeof ListProducts.Encoded>,
    options?: ReadOptions,
  ) => ReturnType<Read<typeof ListProducts.Encoded, Page<Product>>>
  /** The product's ledger, newest first: each movement with the count after it and the order it belongs to. */
  readonly movements: Read<typeof ListMovements.Encoded, Page<StockMovement>, ProductNotFound>
}

export class Stock extends Context.Service<Stock, StockShape>()("@holdfast/core/Stock") {
  static readonly layer: Layer.Layer<Stock, never, Kernel> = Layer.effect(Stock, Effect.map(Kernel, makeStock))
}

export function makeStock(kernel: KernelShape): StockShape {
  const found = Effect.fnUntraced(function* (productId: ProductId) {
    const [product] = yield* orUnavailable(kernel.store.reads.products([productId]))
    return product ?? (yield* Effect.fail<ProductNotFound>({ _tag: "ProductNotFound", productIds: [productId] }))
  })
  const some = (productIds: ReadonlyArray<ProductId>) => orUnavailable(kernel.store.reads.products(productIds))
  const products = read(ListProducts, ({ productIds, cursor, limit }, options) => {
    if (productIds !== undefined) {
      const paged = Object.entries({ cursor, limit }).find(([, value]) => value !== undefined)
      if (paged !== undefined) return notPaged(paged[0])
      const asked = { key: listKey("products", ...productIds), source: some(productIds), codec: records }
      const allowed = productIds.length <= mostKeptIds ? options : { ...options, maxAgeMillis: 0 }
      return Effect.map(aged(kernel, allowed, asked), ({ value }) => ({
        items: value.map(productOf),
        nextCursor: undefined,
      }))
    }
    const page = storePage({ limit }, cursor, "oldest-first")
    const after = cursor === undefined ? undefined : ([cursor] as const)
    const source = orUnavailable(kernel.store.scan("product", after, page.limit))
    const asked = { key: listKey("page", cursor ?? "", page.limit), source, codec: records }
    return Effect.map(aged(kernel, options, asked), ({ value }) =>
      pageOf(value, page, ({ productId }) => productId, productOf),
    )
  })
  const product = read(ProductId, (productId, options) => {
    const codec = kernel.cache?.sharesProducts === true ? record : undefined
    const asked = { key: productKey(productId), source: found(productId), codec }
    return Effect.map(aged(kernel, options, asked), ({ value }) => productOf(value))
  })
  const productInMemory: MaybeInMemory[typeof inMemory] = (productId, options) => {
    const value =
      typeof productId === "string" ? agedInMemory<ProductRecord>(kernel, options, productKey(productId)) : undefined
    return value && productOf(value)
  }
  const drop = dropProduct(kernel)
  const itself = <A>(answer: A): A => answer
  return {
    register: change(kernel, registerCall, asStored(itself), drop),
    restock: change(kernel, restockCall, asStored(itself), drop),
    adjust: change(kernel, adjustStockCall, asStored(itself), drop),
    changePrice: change(kernel, changePriceCall, asStored(itself), drop),
    rename: change(kernel, renameCall, asStored(itself), drop),
    retire: change(kernel, retireCall, asStored(itself), drop),
    product: Object.assign(product, { [inMemory]: productInMemory }),
    products: (input = {}, options) => products(input, options),
    movements: read(
      ListMovements,
      Effect.fnUntraced(function* (list) {
        const page = storePage(list, positionOf(list.cursor), "newest-first")
        const rows = yield* orUnavailable(kernel.store.reads.movements(list.productId, page))
        // No movements and a product that was never registered look alike, so only then the product is looked up.
        if (rows.length === 0) yield* found(list.productId)
        return pageOf(rows, page, ({ revision }) => String(revision), movementOf)
      }),
    ),
  }
}

const notPaged = (field: string) =>
  Effect.fail<InvalidInput>({
    _tag: "InvalidInput",
    issues: [
      { pointer: `/${field}`, message: "must be left out where productIds are given: they are answered on one page" },
    ],
  })

/** Lists of more ids are always read exactly: their names alone would fill the cache. */
const mostKeptIds = 100

const isRecord = hasFields<ProductRecord>({
  productId: "string",
  onHand: "number",
  revision: "number",
  name: "string",
  price: "number",
  retired: "boolean",
  registered: "object",
  version: "number",
})
const record = asJson(isRecord)
const records = asJson(isListOf(isRecord))

// Field by field: to copy what is left of a record took a tenth of an answer from memory (Node 24, December 2026).
const productOf = ({ productId, name, price, onHand, revision, retired }: ProductRecord): Product => ({
  productId,
  name,
  price,
  onHand,
  revision,
  retired,
})

const movementOf = ({ commandId: _, at, ...movement }: MovementRow): StockMovement => ({
  ...movement,
  at: new Date(at),
})
