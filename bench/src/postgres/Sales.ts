/**
 * Buyers: ours and the textbook's. Each order has its own key, and every answer is kept for the recount.
 */
import type { Shop } from "@holdfast/core"
import type { Ask } from "./Connections.ts"
import type { Acknowledged } from "./recount.ts"
import type { Work } from "./Textbook.ts"
import type { Place } from "./textbook/orders.ts"
import type { TextbookOrder } from "./textbook/rows.ts"

type Line = TextbookOrder["lines"][number]

/** Who buys, from account 0 to `accounts` − 1 in turns, and what: the lines of order n. */
export interface Basket {
  readonly accounts: number
  readonly lines: (n: number) => ReadonlyArray<Line>
}

export class Sales {
  readonly #acknowledged: Acknowledged
  readonly #basket: Basket
  readonly #name: string
  #count = 0

  /** The name tells the keys of these buyers from those of others. */
  constructor(acknowledged: Acknowledged, basket: Basket, name = "ours") {
    this.#acknowledged = acknowledged
    this.#basket = basket
    this.#name = name
  }

  /** One call of a caller of the shop. */
  ours(shop: Shop): () => Promise<void> {
    return async () => {
      const n = this.#count++
      const accountId = `account-${n % this.#basket.accounts}`
      const key = `${this.#name}-${n}`
      const { orderId } = await shop.orders.place({ accountId, lines: this.#basket.lines(n), key })
      this.#acknowledged.orders.push([key, orderId])
    }
  }

  /** One order of the textbook, on accounts and products of its own in the same tables. Its lines are sorted. */
  textbook(place: Place): Work {
    return async (ask: Ask) => {
      const n = this.#count++
      const [orderId, key] = [`t${n}`, `text-${n}`]
      const lines = this.#basket
        .lines(n)
        .map(({ productId, quantity }) => ({ productId: `text-${productId}`, quantity }))
        .sort((left, right) => (left.productId < right.productId ? -1 : 1))
      await place(ask, { orderId, key, accountId: `text-account-${n % this.#basket.accounts}`, lines })
      this.#acknowledged.orders.push([key, orderId])
    }
  }
}

/** Number n of a walk over 0 to `size` − 1 that meets every one before any again, and neighbours far apart. */
export const scattered = (n: number, size: number): number => {
  let stride = Math.max(1, Math.round(size * 0.618))
  while (commonDivisor(stride, size) > 1) stride++
  return (n * stride) % size
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))
