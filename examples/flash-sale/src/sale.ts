/**
 * The sale: the shop is set up, the doors open for everybody at once, and what is left or comes back is offered to those
 * who wait, until nothing is left or nobody waits.
 *
 * It uses only the shop's public calls. Whether the shop kept its promises is recounted elsewhere.
 */
import type { Shop } from "@holdfast/core"
import { Answers } from "./answers.ts"
import { forEachAtOnce, Patience } from "./patience.ts"
import { couponAmount, type Plan, price } from "./plan.ts"
import { randomOf } from "./random.ts"
import { Visit, type Visited } from "./Visit.ts"

/** Buyers inside at once. Some click twice, so that this keeps below what the shop's queue lets wait (10,000). */
const maxInside = 7_500

export class Sale implements Visited {
  readonly answers = new Answers()
  readonly patience: Patience
  readonly shop: Shop
  readonly plan: Plan
  /** Buyers who found it sold out and would still like one, in the order in which they were told. */
  #waiting: Array<number> = []
  #openedAt: number | undefined
  #closedAt: number | undefined
  /** Buyers whose accounts are ready. */
  ready = 0
  /** Buyers who came when the doors opened and have left. */
  served = 0

  constructor(shop: Shop, plan: Plan, seed: number) {
    this.shop = shop
    this.plan = plan
    this.patience = new Patience(randomOf(seed, -1))
  }

  /** How long the doors have been open, or were. */
  get seconds(): number {
    return this.#openedAt === undefined ? 0 : ((this.#closedAt ?? performance.now()) - this.#openedAt) / 1_000
  }

  /** Order calls that were answered, yes or no, per second since the doors opened. */
  get ordersPerSecond(): number {
    return this.seconds === 0 ? 0 : this.answers.orderMillis.length / this.seconds
  }

  /** Registers the product, creates the campaign, and opens and charges everybody's account. */
  async prepare(): Promise<void> {
    const { productId, campaignId, stock, coupons, buyers } = this.plan
    this.answers.hear(await this.shop.stock.register({ productId, name: "Sneaker", price, onHand: stock }))
    if (coupons > 0) {
      const discount = { type: "flat", amount: couponAmount } as const
      const campaign = { campaignId, name: "Opening day", discount, limit: coupons }
      this.answers.hear(await this.shop.coupons.createCampaign(campaign))
    }
    await forEachAtOnce(buyers, maxInside, async (index) => {
      await this.#visitOf(index).prepare()
      this.ready++
    })
  }

  /** Opens the doors, and closes them when it is sold out or nobody waits for one. */
  async run(): Promise<void> {
    this.#openedAt = performance.now()
    await forEachAtOnce(this.plan.buyers, maxInside, async (index) => {
      if (!(await this.#visitOf(index).first())) this.#waiting.push(index)
      this.served++
      await this.#deliver(this.served)
    })
    let onHand = await this.#onHand()
    while (onHand > 0 && this.#waiting.length > 0) {
      await this.#offer(onHand)
      onHand = await this.#onHand()
    }
    this.#closedAt = performance.now()
  }

  async #onHand(): Promise<number> {
    return (await this.shop.stock.product(this.plan.productId)).onHand
  }

  /** Offers what there is to as many of those who wait. */
  async #offer(onHand: number): Promise<void> {
    const invited = this.#waiting.slice(0, onHand)
    this.#waiting = this.#waiting.slice(onHand)
    await forEachAtOnce(invited.length, maxInside, async (place) => {
      const index = invited[place]
      if (index !== undefined && !(await this.#visitOf(index).again())) this.#waiting.push(index)
    })
  }

  /** Brings the delivery that is due after this many buyers, if one is. */
  async #deliver(served: number): Promise<void> {
    const { productId, restocks } = this.plan
    for (const [index, { quantity, after }] of restocks.entries()) {
      if (after !== served) continue
      const delivery = { productId, quantity, key: `delivery-${index}-${productId}` }
      const answered = await this.patience.insist(() => this.shop.safe.stock.restock(delivery))
      if (answered.ok) this.answers.hear(answered.value)
      else this.answers.hearNo(answered.error)
    }
  }

  #visitOf(index: number): Visit {
    return new Visit(this, this.plan.buyer(index))
  }
}
