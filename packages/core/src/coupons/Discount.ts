/**
 * What a coupon takes off an order: a flat amount, or a whole percent of the total.
 *
 * The discount is computed once, on the order's total, rounded down, and never more than the total: a free order is
 * legal.
 */
import { Schema } from "effect"
import { Amount, amountOf, Percent, PositiveAmount, zero } from "../values.ts"

const FlatDiscount = Schema.Struct({
  type: Schema.Literal("flat"),
  amount: PositiveAmount,
  minTotal: Schema.optional(Amount),
})
const RateDiscount = Schema.Struct({
  type: Schema.Literal("rate"),
  percent: Percent,
  max: Schema.optional(PositiveAmount),
  minTotal: Schema.optional(Amount),
})

/**
 * `flat`: `amount` off. `rate`: `percent` of the total, at most `max` where it is given. Both only for orders whose
 * total is at least `minTotal`, where it is given.
 */
export const Discount = Schema.Union([FlatDiscount, RateDiscount])
export type Discount = typeof Discount.Type

/** The amount off an order of this total: at most the total, rounded down to a whole unit. */
export const discountOn = (discount: Discount, total: Amount): Amount => {
  const off = discount.type === "flat" ? discount.amount : rateOn(discount, total)
  return off < total ? off : total
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
