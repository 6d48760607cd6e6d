/**
 * Who comes to the sale and what they are up to: a pure function of the seed.
 *
 * A buyer is computed from the seed and a number whenever it is needed, so that a crowd of any size takes no memory.
 * What the shop answers them is not planned.
 */
import { randomOf } from "./random.ts"

/** What one unit costs, in points. */
export const price = 30_000
/** What a coupon takes off. */
export const couponAmount = 5_000

export interface Buyer {
  readonly accountId: string
  /** What is charged to the account before the sale; 0 charges nothing. */
  readonly points: number
  /** Gets a coupon before ordering. The few who do not are ahead of everybody, and get one afterwards. */
  readonly couponFirst: boolean
  /** Sends every call twice, with the same key and without waiting for the first answer. */
  readonly doubleClicks: boolean
  /** Cancels the order once it is placed. */
  readonly changesMind: boolean
}

export interface Plan {
  readonly productId: string
  readonly campaignId: string
  readonly subscription: string
  readonly buyers: number
  readonly stock: number
  readonly coupons: number
  /** Deliveries during the rush: how many units, and after how many buyers. */
  readonly restocks: ReadonlyArray<{ readonly quantity: number; readonly after: number }>
  readonly buyer: (index: number) => Buyer
}

/** What decides a plan. `run` goes into every id, so that a second sale on a store that remembers is one of its own. */
export interface PlanOf {
  readonly buyers: number
  readonly stock: number
  readonly coupons: number
  readonly seed: number
  readonly run: string
}

export const planOf = ({ buyers, stock, coupons, seed, run }: PlanOf): Plan => ({
  productId: `${run}-sneaker`,
  campaignId: `${run}-opening-day`,
  subscription: `${run}-recount`,
  buyers,
  stock,
  coupons,
  restocks:
    stock === 0
      ? []
      : [1 / 3, 2 / 3].map((share) => ({ quantity: Math.ceil(stock / 10), after: Math.ceil(buyers * share) })),
  buyer: (index) => buyerOf(`${run}-buyer-${index + 1}`, randomOf(seed, index)),
})

const buyerOf = (accountId: string, random: () => number): Buyer => ({
  accountId,
  points: pointsOf(random(), random()),
  couponFirst: random() < 0.99,
  doubleClicks: random() < 0.1,
  changesMind: random() < 0.15,
})

// One in ten has too few points even with a coupon, and one in ten needs a coupon to have enough.
const pointsOf = (kind: number, size: number): number => {
  if (kind < 0.1) return Math.floor(size * (price - couponAmount))
  if (kind < 0.2) return price - couponAmount + Math.floor(size * couponAmount)
  return price + Math.floor(size * price)
}
