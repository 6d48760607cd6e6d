/**
 * The books of the recount: rows go in as the shop answers them, and sums and broken rules come out.
 *
 * Pure: no shop, no clock. Rows of one ledger must come oldest first. Nothing here trusts a sum that a row states; it is
 * counted again and compared.
 */
import type { Coupon, Order, PointEntry, StockMovement } from "@holdfast/core"

/** Only what is looked at, so that a test can write a row on one line. */
type Movement = Pick<StockMovement, "revision" | "type" | "change" | "onHand">
type Entry = Pick<PointEntry, "seq" | "type" | "change" | "balance">
type CouponRow = Pick<Coupon, "accountId" | "ticket" | "state" | "orderId">
type OrderRow = Pick<Order, "orderId" | "accountId" | "state" | "paid"> & {
  readonly lines: ReadonlyArray<{ readonly quantity: number }>
  readonly campaignId?: string | undefined
}

/** The movements of one product. */
export class StockBook {
  rows = 0
  /** Units that were there at first or were delivered. */
  supplied = 0
  restocks = 0
  sold = 0
  returned = 0
  onHand = 0
  lowest = 0
  /** Rows with a revision or a count that does not follow from the rows before. */
  breaks = 0

  add({ revision, type, change, onHand }: Movement): void {
    this.rows++
    this.onHand += change
    this.lowest = Math.min(this.lowest, this.onHand)
    if (revision !== this.rows || onHand !== this.onHand) this.breaks++
    if (type === "sale") this.sold -= change
    else if (type === "return") this.returned += change
    else this.supplied += change
    if (type === "restock") this.restocks++
  }
}

/** The accounts of all buyers: each with its ledger and its balance. */
export class PointsBook {
  accounts = 0
  entries = 0
  charges = 0
  /** Σ spends − Σ refunds. */
  spent = 0
  /** Accounts whose entries have gaps, fall below zero or do not come to the balance. */
  wrong = 0

  add(entries: ReadonlyArray<Entry>, balance: number): void {
    let sum = 0
    let broken = false
    for (const [index, entry] of entries.entries()) {
      sum += entry.change
      if (entry.seq !== index + 1 || entry.balance !== sum || sum < 0) broken = true
      if (entry.type === "charge") this.charges++
      else if (entry.type === "spend" || entry.type === "refund") this.spent -= entry.change
    }
    this.accounts++
    this.entries += entries.length
    if (broken || sum !== balance) this.wrong++
  }
}

/** The coupons of one campaign, by ticket. */
export class CouponBook {
  issued = 0
  redeemed = 0
  /** Coupons of an account that has one already, and tickets that were given already. */
  duplicates = 0
  /** Places where the tickets are not 1, 2, 3 … */
  gaps = 0
  readonly #owners = new Set<string>()
  readonly #tickets = new Set<number>()

  add({ accountId, ticket, state }: CouponRow): void {
    this.issued++
    if (ticket !== this.issued) this.gaps++
    if (this.#owners.has(accountId) || this.#tickets.has(ticket)) this.duplicates++
    this.#owners.add(accountId)
    this.#tickets.add(ticket)
    if (state === "redeemed") this.redeemed++
  }

  owns(accountId: string): boolean {
    return this.#owners.has(accountId)
  }
}

/** The orders of all buyers, one buyer after the other. */
export class OrderBook {
  placed = 0
  cancelled = 0
  /** Units of orders that were not cancelled. */
  units = 0
  /** Points that those orders cost. */
  paid = 0
  withCoupon = 0
  /** Buyers with more orders than the one they asked for. */
  buyersTwice = 0

  add(ordersOfBuyer: ReadonlyArray<OrderRow>): void {
    if (ordersOfBuyer.length > 1) this.buyersTwice++
    for (const { state, lines, paid, campaignId } of ordersOfBuyer) {
      this.placed++
      if (state === "cancelled") this.cancelled++
      else {
        this.units += lines.reduce((sum, { quantity }) => sum + quantity, 0)
        this.paid += paid
        if (campaignId !== undefined) this.withCoupon++
      }
    }
  }
}
