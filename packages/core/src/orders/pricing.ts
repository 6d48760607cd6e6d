/**
 * What an order costs: the total, and each line's share of a discount.
 *
 * Products that may pass 2^53 − 1 and still matter are computed in BigInt; nothing is ever rounded twice.
 */
import { type Amount, amountOf, exactAmount, type ProductId, type Quantity, times, zero } from "../values.ts"

/** What pricing needs to know of a line. */
export interface PricedLine {
  readonly productId: ProductId
  readonly unitPrice: Amount
  readonly quantity: Quantity
}

/**
 * Σ unit price × quantity, or undefined where it passes 2^53 − 1. Numbers suffice: a product or a sum that was rounded is
 * already above 2^53 − 1, and nothing that follows can bring it below again.
 */
export const totalOf = (lines: ReadonlyArray<PricedLine>): Amount | undefined => {
  let total = 0
  for (const { unitPrice, quantity } of lines) total += unitPrice * quantity
  return exactAmount(total)
}

/**
 * Splits a discount over the lines in proportion to their totals, by largest remainder: every line first gets its share
 * rounded down, then the units left over go one each to the lines with the largest remainders, ties by product id
 * (the order of `lines`). The shares add up to the discount exactly.
 */
export const sharesOf = (lines: ReadonlyArray<PricedLine>, discount: Amount, total: Amount): ReadonlyArray<Amount> => {
  if (discount === 0) return lines.map(() => zero)
  const exact = lines.map((line) => {
    const weighted = times(line.unitPrice, line.quantity) * BigInt(discount)
    return { share: weighted / BigInt(total), remainder: weighted % BigInt(total) }
  })
  const leftOver = Number(BigInt(discount) - exact.reduce((sum, { share }) => sum + share, 0n))
  const favoured = new Set(
    exact
      .map(({ remainder }, index) => ({ remainder, index }))
      // Array sort is stable, so equal remainders keep the order of product ids.
      .sort((a, b) => (a.remainder === b.remainder ? 0 : a.remainder > b.remainder ? -1 : 1))
      .slice(0, leftOver)
      .map(({ index }) => index),
  )
  return exact.map(({ share }, index) => amountOf(favoured.has(index) ? share + 1n : share) ?? zero)
}

/** Unit price × quantity less the line's share of the discount: what this line cost. Exact, because the total is. */
export const paidOf = ({ unitPrice, quantity }: PricedLine, share: Amount): Amount =>
  exactAmount(unitPrice * quantity - share) ?? zero
