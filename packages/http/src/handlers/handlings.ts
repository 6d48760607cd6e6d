/**
 * Every endpoint's handling, by the contract's names.
 */
import { coupons } from "./coupons.ts"
import type { Handlings } from "./Handling.ts"
import { orders } from "./orders.ts"
import { outcomes } from "./outcomes.ts"
import { points } from "./points.ts"
import { products } from "./products.ts"

export const handlings: Handlings = { points, coupons, products, orders, outcomes }
