/**
 * What one decision may change: nothing unless it was accepted, nothing that was settled before, and only what the
 * records allowed when it was decided.
 */
import { isDeepStrictEqual } from "node:util"
import type { Command, Decision } from "../../../src/decision/Command.ts"
import type { Order } from "../../../src/orders/Order.ts"
import type { OrderRequest } from "../../../src/orders/placeOrder.ts"
import type { Look } from "./look.ts"
import type { Step } from "./steps.ts"

/** Why this step must not have been, each reason as a sentence. Empty where it is lawful. */
export const unlawful = (before: Look, after: Look, command: Command, decision: Decision): ReadonlyArray<string> => {
  if (decision._tag === "Defective") return [`a defect: ${decision.defect}`]
  if (decision._tag !== "Accepted") {
    return isDeepStrictEqual(before, after) ? [] : [`${decision._tag}, and yet something changed`]
  }
  const last = after.events.at(-1)
  return [
    ...rewritten(before, after),
    ...(after.receipts.length === before.receipts.length + 1 ? [] : ["accepted without one more receipt"]),
    ...(last?.id === command.id && last.occurredAt === command.at ? [] : ["accepted without its event as the last"]),
    ...forbidden(before, command),
  ]
}

/** What an answer says of a call other than what was typed. Answers name the fields of the input as the input does. */
export const misheard = ({ call, input }: Step, decision: Decision): ReadonlyArray<string> => {
  if (call === "repeat" || (decision._tag !== "Accepted" && decision._tag !== "Repeated")) return []
  const answer = decision.answer as Readonly<Record<string, unknown>>
  return Object.entries(input).flatMap(([field, typed]) => {
    if (!(field in answer) || typed === undefined || typed instanceof Date) return []
    const [told, meant] = field === "lines" ? [units(answer[field]), units(typed)] : [answer[field], typed]
    return isDeepStrictEqual(told, meant)
      ? []
      : [`${call} with ${field} ${JSON.stringify(typed)}: ${JSON.stringify(told)}`]
  })
}

/** Units per product, whatever lines they stand on. */
const units = (lines: unknown): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (const { productId, quantity } of lines as Order["lines"]) sums[productId] = (sums[productId] ?? 0) + quantity
  return sums
}

/** History stays as it was told. */
const rewritten = (before: Look, after: Look): ReadonlyArray<string> => {
  const found: Array<string> = []
  const keep = (what: string, was: unknown, is: unknown): void => {
    if (!isDeepStrictEqual(was, is)) found.push(`${what} was rewritten`)
  }
  for (const [id, rows] of before.entries)
    keep(`the ledger of ${id}`, rows, after.entries.get(id)?.slice(0, rows.length))
  for (const [id, rows] of before.movements) {
    keep(`the movements of ${id}`, rows, after.movements.get(id)?.slice(0, rows.length))
  }
  keep("the events", before.events, after.events.slice(0, before.events.length))
  for (const receipt of before.receipts) {
    keep(
      "a receipt",
      receipt,
      after.receipts.find(({ commandId }) => commandId === receipt.commandId),
    )
  }
  for (const was of before.accounts) {
    const is = after.accounts.find(({ accountId }) => accountId === was.accountId)
    keep("an account", [was.openedAt, was.balanceLimit], [is?.openedAt, is?.balanceLimit])
    if (was.state === "closed") keep("a closed account", "closed", is?.state)
  }
  for (const was of before.products) {
    const is = after.products.find(({ productId }) => productId === was.productId)
    keep("a registration", was.registered, is?.registered)
    if (was.retired) keep("a retired product", [was.name, was.price, true], [is?.name, is?.price, is?.retired])
  }
  for (const was of before.campaigns) {
    const is = after.campaigns.find(({ campaignId }) => campaignId === was.campaignId)
    keep("a campaign", [was.discount, was.created, was.validDays], [is?.discount, is?.created, is?.validDays])
    if (was.state === "closed") keep("a closed campaign", [was.issued, "closed"], [is?.issued, is?.state])
  }
  for (const was of before.coupons) {
    const is = after.coupons.find((each) => each.campaignId === was.campaignId && each.accountId === was.accountId)
    keep("a coupon", [was.ticket, was.issuedAt, was.expiresAt], [is?.ticket, is?.issuedAt, is?.expiresAt])
    if (was.state === "revoked") keep("a revoked coupon", was, is)
  }
  for (const was of before.orders) {
    const is = after.orders.find(({ orderId }) => orderId === was.orderId)
    if (was.state !== "placed") keep("a closed order", was, is)
    else if (is !== undefined)
      keep("an order", was, { ...is, state: was.state, closed: was.closed, version: was.version })
    else found.push("an order vanished")
  }
  return found
}

/** Reasons for which this command had to be refused. */
const forbidden = (before: Look, { operation, request, at }: Command): ReadonlyArray<string> => {
  const { accountId, productId, campaignId, lines, expectedPaid } = request as Partial<OrderRequest> & {
    readonly productId?: string
  }
  const found: Array<string> = []
  const needs = (holds: boolean, sentence: string): void => {
    if (!holds) found.push(`${operation.name} was accepted: ${sentence}`)
  }
  if (["points.charge", "coupons.issue", "orders.place"].includes(operation.name)) {
    needs(before.accounts.find((each) => each.accountId === accountId)?.state === "open", "the account is not open")
  }
  if (["stock.restock", "stock.changePrice", "stock.rename"].includes(operation.name)) {
    needs(before.products.find((each) => each.productId === productId)?.retired === false, "the product is not sold")
  }
  if (operation.name === "coupons.issue") {
    const campaign = before.campaigns.find((each) => each.campaignId === campaignId)
    const { opensAt = -Infinity, closesAt = Infinity } = campaign ?? {}
    needs(campaign?.state === "open", "the campaign is not open")
    needs(opensAt <= at && at < closesAt, "its window is not open")
  }
  if (operation.name === "orders.place") {
    let total = 0
    for (const line of lines ?? []) {
      const product = before.products.find((each) => each.productId === line.productId)
      needs(product?.retired === false, `${line.productId} is not sold`)
      needs((product?.onHand ?? 0) >= line.quantity, `${line.productId} is out of stock`)
      total += (product?.price ?? 0) * line.quantity
    }
    const coupon = before.coupons.find((each) => each.campaignId === campaignId && each.accountId === accountId)
    if (campaignId === undefined) needs((expectedPaid ?? total) === total, "another amount was expected")
    else needs(coupon?.state === "issued" && at < coupon.expiresAt, "the coupon is not usable")
    needs((coupon?.discount.minTotal ?? 0) <= total || campaignId === undefined, "the coupon's minimum is not met")
  }
  return found
}
