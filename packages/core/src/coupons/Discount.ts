/**
 * What a coupon takes off an order: a flat amount, or a whole percent of the total.
 *
 * The discount is computed once, on the order's total, rounded down, and never more than the total: a free order is
 * legal. An order that it would take nothing off may not use it up.
 */
import { Schema } from "effect"
import { Amount, amountOf, exactAmount, Percent, PositiveAmount, zero } from "../values.ts"

const FlatDiscount = Schema.Struct({
  /** An amount off. */
  type: Schema.Literal("flat"),
  /** The amount off an order, at most its total. */
  amount: PositiveAmount,
  /** Only for orders whose total is at least this. */
  minTotal: Schema.optional(Amount),
})
const RateDiscount = Schema.Struct({
  /** A percentage off. */
  type: Schema.Literal("rate"),
  /** Whole percent of the order's total, rounded down once: 1 to 100. */
  percent: Percent,
  /** The most that is taken off. */
  max: Schema.optional(PositiveAmount),
  /** Only for orders whose total is at least this. */
  minTotal: Schema.optional(Amount),
})

/**
 * `flat`: `amount` off. `rate`: `percent` of the total, at most `max` where it is given. Both only for orders whose
 * total is at least `minTotal`, where it is given.
 */
export const Discount: Schema.Codec<Discount, DiscountInput> = Schema.Union([FlatDiscount, RateDiscount])
export type Discount = typeof FlatDiscount.Type | typeof RateDiscount.Type
/** The same as callers write it. */
export type DiscountInput = typeof FlatDiscount.Encoded | typeof RateDiscount.Encoded

/** The amount off an order of this total: at most the total, rounded down to a whole unit. */
export const discountOn = (discount: Discount, total: Amount): Amount => {
  const off = discount.type === "flat" ? discount.amount : rateOn(discount, total)
  return off < total ? off : total
}

/**
 * The smallest total that this takes something off, which there always is: of 1 percent 100, of a flat amount 1, or its own
 * minimum where that is larger. `max` is at least 1 and takes nothing away from this.
 */
export const minimumOf = (discount: Discount): Amount => {
  const least = exactAmount(discount.type === "flat" ? 1 : Math.ceil(100 / discount.percent)) ?? zero
  return discount.minTotal !== undefined && discount.minTotal > least ? discount.minTotal : least
}

const rateOn = (discount: typeof RateDiscount.Type, total: Amount): Amount => {
  // A percent of a safe integer always fits: at most the total itself.
  const off = amountOf((BigInt(total) * BigInt(discount.percent)) / 100n) ?? zero
  return discount.max !== undefined && discount.max < off ? discount.max : off
}

/** True where both discounts take the same off every order. */
export const sameDiscount = (left: Discount, right: Discount): boolean => {
  if (left.minTotal !== right.minTotal) return false
  if (left.type === "flat") return right.type === "flat" && left.amount === right.amount
  return right.type === "rate" && left.percent === right.percent && left.max === right.max
}
