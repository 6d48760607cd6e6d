/**
 * What one buyer does in the shop: claims a coupon, orders one unit, perhaps cancels it, and clicks twice if that is the
 * buyer's habit.
 */
import type { Shop } from "@holdfast/core"
import type { Answers, Told } from "./answers.ts"
import type { Answered, Patience } from "./patience.ts"
import type { Buyer, Plan } from "./plan.ts"

/** The shop as the buyers meet it, and what they remember of it. */
export interface Visited {
  readonly shop: Shop
  readonly plan: Plan
  readonly answers: Answers
  readonly patience: Patience
}

export class Visit {
  readonly #visited: Visited
  readonly #buyer: Buyer

  constructor(visited: Visited, buyer: Buyer) {
    this.#visited = visited
    this.#buyer = buyer
  }

  /** Opens the account and charges it, before the sale. */
  async prepare(): Promise<void> {
    const { points } = this.#visited.shop.safe
    const { accountId, points: amount } = this.#buyer
    await this.#click(() => points.open({ accountId, key: `open-${accountId}` }))
    if (amount > 0) await this.#click(() => points.charge({ accountId, amount, key: `top-up-${accountId}` }))
  }

  /** Comes when the doors open. Answers false where it was sold out and the buyer would wait. */
  async first(): Promise<boolean> {
    const { couponFirst } = this.#buyer
    const coupon = couponFirst && (await this.#claim())
    const served = await this.#order(coupon)
    if (!couponFirst) await this.#claim()
    return served
  }

  /** Comes once more, because there is something again. */
  async again(): Promise<boolean> {
    const { items } = await this.#visited.shop.coupons.ofAccount({ accountId: this.#buyer.accountId })
    return this.#order(items.length > 0)
  }

  async #claim(): Promise<boolean> {
    const { shop, plan } = this.#visited
    if (plan.coupons === 0) return false
    const { campaignId } = plan
    const { accountId } = this.#buyer
    const issued = await this.#click(() =>
      shop.safe.coupons.issue({ accountId, campaignId, key: `coupon-${accountId}` }),
    )
    return issued.ok
  }

  async #order(withCoupon: boolean): Promise<boolean> {
    const { shop, plan, answers } = this.#visited
    const { accountId, changesMind } = this.#buyer
    const lines = [{ productId: plan.productId, quantity: 1 }]
    const coupon = withCoupon ? { campaignId: plan.campaignId } : {}
    // A refusal is not remembered under its key, so the buyer who comes again sends the same one.
    const order = { accountId, lines, ...coupon, key: `order-${accountId}` }
    const placed = await this.#click(() => shop.safe.orders.place(order), answers.orderMillis)
    if (!placed.ok) return placed.error.code !== "OUT_OF_STOCK"
    const { orderId } = placed.value
    if (changesMind) {
      await this.#click(() => shop.safe.orders.cancel({ accountId, orderId, key: `cancel-${accountId}` }))
    }
    return true
  }

  /** Sends a call, or sends it twice at the same moment where the buyer clicks twice. */
  async #click<A extends Told>(call: () => Promise<Answered<A>>, millis?: Array<number>): Promise<Answered<A>> {
    if (!this.#buyer.doubleClicks) return this.#send(call, millis)
    const [left, right] = await Promise.all([this.#send(call, millis), this.#send(call, millis)])
    if (left.ok && right.ok) this.#visited.answers.hearTwice(left.value, right.value)
    return left.ok ? left : right
  }

  async #send<A extends Told>(call: () => Promise<Answered<A>>, millis?: Array<number>): Promise<Answered<A>> {
    const { answers, patience } = this.#visited
    const began = performance.now()
    const answered = await patience.insist(call)
    millis?.push(performance.now() - began)
    if (answered.ok) answers.hear(answered.value)
    else answers.hearNo(answered.error)
    return answered
  }
}
