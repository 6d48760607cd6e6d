/**
 * Every endpoint's translation, by the contract's names.
 *
 * The wire keeps the names that the reference service's clients know; this folder is the one place that knows both. To drop
 * them, or to speak another service's, change the schemas of the contract and this.
 */
import { coupons } from "./coupons.ts"
import { orders } from "./orders.ts"
import { outcomes } from "./outcomes.ts"
import { points } from "./points.ts"
import { products } from "./products.ts"
import type { Translations } from "./Words.ts"

export const translations = { points, coupons, products, orders, outcomes } satisfies Translations
