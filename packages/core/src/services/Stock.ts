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
import type { AmountTooLarge, OutOfStock, ProductAlreadyExists, ProductNotFound, ProductRetired } from "../refusals.ts"
import type { StockMovement as MovementRow, Product as ProductRecord } from "../stock/Product.ts"
import { ProductId } from "../values.ts"
import { Kernel, type KernelShape } from "./Kernel.ts"
import { asStored, type Change, change, orUnavailable, type Read, read } from "./method.ts"
import { orderField, type Page, PositionCursor, pageFields, pageOf, positionOf, storePage } from "./pages.ts"

/** A product as it is now. `revision` counts its stock movements. */
export type Product = Omit<ProductRecord, "registered" | "version">

/** One line of a product's ledger. */
export interface StockMovement extends Omit<MovementRow, "at" | "commandId"> {
  readonly at: Date
}

const ListProducts = Schema.Struct({
  productIds: Schema.optional(Schema.Array(ProductId).check(Schema.isMaxLength(1_000))),
  cursor: Schema.optional(ProductId),
  ...pageFields,
})
const ListMovements = Schema.Struct({
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
  /** One product with its exact stock now. */
  readonly product: Read<string, Product, ProductNotFound>
  /** The named products (unknown ids are left out), or all products by id, in pages. */
  readonly products: (
    input?: typeof ListProducts.Encoded,
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
  const products = read(
    ListProducts,
    Effect.fnUntraced(function* ({ productIds, cursor, limit }) {
      if (productIds !== undefined) {
        const named = yield* orUnavailable(kernel.store.reads.products(productIds))
        return { items: named.map(productOf), nextCursor: undefined }
      }
      const page = storePage({ limit }, cursor, "oldest-first")
      const after = cursor === undefined ? undefined : ([cursor] as const)
      const products = yield* orUnavailable(kernel.store.scan("product", after, page.limit))
      return pageOf(products, page, ({ productId }) => productId, productOf)
    }),
  )
  const itself = <A>(answer: A): A => answer
  return {
    register: change(kernel, registerCall, asStored(itself)),
    restock: change(kernel, restockCall, asStored(itself)),
    adjust: change(kernel, adjustStockCall, asStored(itself)),
    changePrice: change(kernel, changePriceCall, asStored(itself)),
    rename: change(kernel, renameCall, asStored(itself)),
    retire: change(kernel, retireCall, asStored(itself)),
    product: read(ProductId, (productId) => Effect.map(found(productId), productOf)),
    products: (input = {}) => products(input),
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

const productOf = ({ registered: _, version: __, ...product }: ProductRecord): Product => product

const movementOf = ({ commandId: _, at, ...movement }: MovementRow): StockMovement => ({
  ...movement,
  at: new Date(at),
})
