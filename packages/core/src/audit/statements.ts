/**
 * What each row states about another kind of row: the sentences that the two-sided checks compare.
 *
 * A charge's receipt states that an entry with its amount, balance and seq exists; the entry states that such a receipt
 * does. Both say it in the same words, so that comparing them needs no rule. Here is every pair of such sentences, and
 * nothing about how they are compared.
 *
 * Receipts of changes of terms (suspend, rename, pause and the like) are matched to their history from when it begins: those of
 * a database from before it have no row there. `terms.ts` compares that history with its owners, and with what was done under
 * the terms.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Receipt, Stored } from "../decision/Receipt.ts"
import type { EventValue } from "../events/Event.ts"
import type { Order } from "../orders/Order.ts"
import { isSale, stateAfter } from "../orders/states.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import { hourOf, type SalesBucket } from "../popularity/SalesBucket.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { TermsChange, TermsOwner } from "../terms/TermsChange.ts"
import type { Key } from "../values.ts"
import type { TwoSidedCheck } from "./AuditReport.ts"

/** One sentence of one row. */
export interface Statement {
  readonly check: TwoSidedCheck["id"]
  readonly side: "expected" | "found"
  /** When what it rests on came to be; undefined where the row does not know. */
  readonly at?: number
  readonly key: Key
  /** Equal on both sides. */
  readonly value: Stored
  /** Units, where amounts are compared and not sentences; 1 by default. */
  readonly amount?: number
  /** True for a sentence that may answer one of the other side but needs no answer itself. */
  readonly mayBe?: boolean
}
export type State = (statement: Statement) => void

/**
 * An account was opened by a receipt of its own, or by its first charge where the host chose so. The latter is taken for
 * granted where its first entry is a charge of the same moment: that charge's receipt is matched to the entry anyway.
 */
export const stateAccount = (
  state: State,
  { accountId, openedAt, balanceLimit }: Account,
  first: PointEntry | undefined,
): void => {
  const mayBe = first?.type === "charge" && first.at === openedAt
  const value = { openedAt, balanceLimit }
  state({ check: "account-receipts", side: "found", at: openedAt, key: [accountId], value, mayBe })
}

export const stateEntry = (state: State, entry: PointEntry): void => {
  const { accountId, seq, type, change, balance, orderId, commandId, at } = entry
  if (type === "charge" || type === "adjust") {
    const value = { type, accountId, seq, change, balance }
    state({ check: "entry-receipts", side: "found", at, key: [commandId], value })
  } else {
    const check = type === "spend" ? "order-spends" : "order-refunds"
    state({ check, side: "found", at, key: [orderId ?? ""], value: { accountId, change, commandId } })
  }
}

export const stateProduct = (state: State, { productId, registered }: Product): void => {
  const { name, price, onHand } = registered
  state({ check: "product-receipts", side: "found", key: [productId], value: { name, price, onHand } })
}

export const stateMovement = (state: State, movement: StockMovement): void => {
  const { productId, type, change, orderId, commandId, at } = movement
  if (type === "sale" || type === "return") {
    const check = type === "sale" ? "order-sales" : "order-returns"
    state({ check, side: "found", at, key: [orderId ?? "", productId], value: { change, commandId } })
  } else state({ check: "movement-receipts", side: "found", at, key: [commandId], value: { type, productId, change } })
}

export const stateCampaign = (state: State, campaign: Campaign): void => {
  const { campaignId, name, created, validDays, opensAt, closesAt } = campaign
  const { limit, state: stateAtFirst } = created
  const discount = sorted(campaign.discount)
  const value = { name, limit, state: stateAtFirst, validDays, opensAt, closesAt, discount }
  state({ check: "campaign-receipts", side: "found", key: [campaignId], value })
}

export const stateCoupon = (state: State, coupon: Coupon): void => {
  const { campaignId, accountId, ticket, issuedAt, expiresAt, changedAt, commandId, orderId } = coupon
  const side = "found"
  const issued = { campaignId, accountId, ticket, issuedAt, expiresAt, discount: sorted(coupon.discount) }
  state({ check: "coupon-receipts", side, at: issuedAt, key: [commandId], value: issued })

  const key = [campaignId, accountId] as const
  const revoked = coupon.state === "revoked"
  if (revoked) state({ check: "revoke-receipts", side, at: changedAt, key, value: { changedAt } })

  // Revoking leaves the order alone, whether it is live or not: what a revoked coupon states of it, any order answers.
  const used = { check: "order-coupons", side, at: changedAt, key } as const
  if (coupon.state === "redeemed" || (revoked && orderId !== undefined)) {
    state({ ...used, value: { orderId, state: coupon.state } })
  }
  if (revoked && orderId !== undefined) state({ ...used, value: { orderId, state: "redeemed" }, mayBe: true })
}

export const stateOrder = (state: State, order: Order): void => {
  const { orderId, accountId, campaignId, lines, paid, placedAt, closed } = order
  const cancelled = !isSale(order.state)
  const side = "expected"
  // The order has the id of the command that placed it.
  const placed = { at: placedAt, key: [orderId] as const, value: { commandId: orderId } }
  state({ check: "order-receipts", side: "found", ...placed })
  if (paid > 0)
    state({ check: "order-spends", side, ...placed, value: { accountId, change: -paid, commandId: orderId } })
  for (const { productId, quantity, name, unitPrice } of lines) {
    const value = { change: -quantity, commandId: orderId }
    state({ check: "order-sales", side, at: placedAt, key: [orderId, productId], value })
    state({ check: "order-prices", side, at: placedAt, key: [orderId, productId], value: { name, unitPrice } })
    const key = [productId, hourOf(placedAt)] as const
    // A cancelled order counts nothing, but it says so: see how a difference of buckets is told from a sale.
    state({ check: "sales-buckets", side, key, value: {}, amount: cancelled ? 0 : quantity })
  }
  if (campaignId !== undefined) {
    const used = { check: "order-coupons", side, at: placedAt, key: [campaignId, accountId] as const } as const
    if (!cancelled) state({ ...used, value: { orderId, state: "redeemed" } })
    state({ ...used, value: { orderId, state: "revoked" }, mayBe: true })
  }
  if (closed === undefined) return
  const { at, commandId, restocked } = closed
  const value = { state: order.state, commandId, at }
  state({ check: "close-receipts", side: "found", at, key: [orderId], value })
  if (!cancelled) return
  if (paid > 0) {
    state({ check: "order-refunds", side, at, key: [orderId], value: { accountId, change: paid, commandId } })
  }
  for (const { productId, quantity } of restocked ? lines : []) {
    state({ check: "order-returns", side, at, key: [orderId, productId], value: { change: quantity, commandId } })
  }
}

export const stateBucket = (state: State, { productId, hour, sold }: SalesBucket): void =>
  state({ check: "sales-buckets", side: "found", key: [productId, hour], value: {}, amount: sold })

/** A change by a command. What a migration left of earlier ones has none. */
export const stateTermsChange = (state: State, { id, of, before, after, commandId, at }: TermsChange): void => {
  if (before === undefined || commandId === undefined) return
  const changed = Object.entries(after).filter(([term, value]) => before[term] !== value)
  const value = { of, id, changed: sorted(Object.fromEntries(changed)) }
  state({ check: "terms-receipts", side: "found", at, key: [commandId], value })
}

export const stateReceipt = (state: State, receipt: Receipt): void => {
  for (const statement of receiptStatements(receipt)) state(statement)
}

const receiptStatements = (receipt: Receipt): ReadonlyArray<Statement> => {
  const { operation, commandId, at } = receipt
  // An answer is JSON, which somebody may have written past the shop: one that is null says nothing.
  const answer = receipt.answer ?? {}
  const side = "expected"
  const own = { side, at, key: [commandId] as const } as const
  const { accountId, productId, campaignId, quantity, change, balance, seq } = answer
  switch (operation) {
    case "points.open": {
      const value = { openedAt: at, balanceLimit: answer.balanceLimit }
      return [{ check: "account-receipts", side, at, key: [part(accountId)], value }]
    }
    case "points.charge": {
      const value = { type: "charge", accountId, seq, change: answer.amount, balance }
      return [{ check: "entry-receipts", ...own, value }]
    }
    case "points.adjust":
      return [{ check: "entry-receipts", ...own, value: { type: "adjust", accountId, seq, change, balance } }]
    case "stock.register": {
      const { name, price, onHand } = answer
      const key = [part(productId)] as const
      const registered = { check: "product-receipts", side, key, value: { name, price, onHand } } as const
      const moved = {
        check: "movement-receipts",
        ...own,
        value: { type: "register", productId, change: onHand },
      } as const
      // Registered without units there is nothing to move.
      return onHand === 0 ? [registered] : [registered, moved]
    }
    case "stock.restock":
      return [{ check: "movement-receipts", ...own, value: { type: "restock", productId, change: quantity } }]
    case "stock.adjust":
      return [{ check: "movement-receipts", ...own, value: { type: "adjust", productId, change } }]
    case "coupons.createCampaign": {
      const { name, limit, validDays, opensAt, closesAt } = answer
      const discount = sorted(answer.discount)
      const value = { name, limit, state: answer.state, validDays, opensAt, closesAt, discount }
      return [{ check: "campaign-receipts", side, key: [part(campaignId)], value }]
    }
    case "coupons.issue": {
      const { ticket, issuedAt, expiresAt } = answer
      const value = { campaignId, accountId, ticket, issuedAt, expiresAt, discount: sorted(answer.discount) }
      return [{ check: "coupon-receipts", ...own, value }]
    }
    case "coupons.revoke": {
      const key = [part(campaignId), part(accountId)] as const
      return [{ check: "revoke-receipts", side, at, key, value: { changedAt: at } }]
    }
    case "orders.place":
      return [{ check: "order-receipts", side, at, key: [part(answer.orderId)], value: { commandId } }]
    case "orders.complete":
    case "orders.cancel": {
      const value = { state: operation === "orders.complete" ? stateAfter.complete : stateAfter.cancel, commandId, at }
      return [{ check: "close-receipts", side, at, key: [part(answer.orderId)], value }]
    }
    default: {
      const change = changesOfTerms.get(operation)
      if (change === undefined) return []
      const [of, termsIn] = change
      const value = { of, id: part(answer[`${of}Id`]), changed: sorted(termsIn(answer)) }
      return [{ check: "terms-receipts", ...own, value }]
    }
  }
}

const stateIn = ({ state }: Stored): Stored => ({ state })

/** Whose terms an operation changes, and to what, as its receipt says it. */
const changesOfTerms = new Map<string, readonly [TermsOwner, (answer: Stored) => Stored]>([
  ["points.suspend", ["account", stateIn]],
  ["points.resume", ["account", stateIn]],
  ["points.close", ["account", stateIn]],
  ["stock.changePrice", ["product", ({ price }) => ({ price })]],
  ["stock.rename", ["product", ({ name }) => ({ name })]],
  ["stock.retire", ["product", () => ({ retired: true })]],
  ["coupons.openCampaign", ["campaign", stateIn]],
  ["coupons.pauseCampaign", ["campaign", stateIn]],
  ["coupons.closeCampaign", ["campaign", stateIn]],
  ["coupons.changeLimit", ["campaign", ({ limit }) => ({ limit })]],
])

// A receipt whose answer lost a field must still be a statement, so that it is found to match nothing.
const part = (value: EventValue | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value ?? null)

// Stores may keep JSON with its fields in another order, and without those that are absent.
export const sorted = (value: object | EventValue | undefined): string =>
  Object.entries(value ?? {})
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `${name} ${field}`)
    .sort()
    .join(", ")
