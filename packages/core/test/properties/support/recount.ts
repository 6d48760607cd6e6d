/**
 * The invariants of the domain, recounted from what a store answers. Written a second time on purpose: neither the audit
 * nor the rules take part.
 */
import type { Discount } from "../../../src/coupons/Discount.ts"
import type { Order } from "../../../src/orders/Order.ts"
import { compareBytes } from "../../../src/values.ts"
import type { Look } from "./look.ts"
import { hourMillis } from "./steps.ts"

type Expect = (holds: boolean, sentence: string) => void

/** Broken promises, each as a sentence. Empty where all of them are kept. */
export const broken = (seen: Look): ReadonlyArray<string> => {
  const found: Array<string> = []
  const expect: Expect = (holds, sentence) => {
    if (!holds) found.push(sentence)
  }
  for (const check of [ledgersAddUp, tickets, ordersAddUp, ordersMoved, couponsOfOrders, buckets, receiptsAndEvents]) {
    check(seen, expect)
  }
  return found
}

const ledgersAddUp = ({ accounts, entries, products, movements }: Look, expect: Expect): void => {
  for (const { accountId, balance, seq, balanceLimit } of accounts) {
    let sum = 0
    for (const [index, entry] of (entries.get(accountId) ?? []).entries()) {
      sum += entry.change
      const named = `entry ${entry.seq} of ${accountId}`
      expect(entry.accountId === accountId && entry.seq === index + 1, `${named} stands at ${index + 1}`)
      expect(entry.balance === sum && sum >= 0, `${named} shows ${entry.balance}, the sum is ${sum}`)
      expect(signs[entry.type].includes(Math.sign(entry.change)), `${named} is a ${entry.type} of ${entry.change}`)
      const limited = entry.type === "charge" || (entry.type === "adjust" && entry.change > 0)
      expect(!limited || entry.balance <= balanceLimit, `${named} is above the limit ${balanceLimit}`)
    }
    expect(balance === sum && seq === (entries.get(accountId) ?? []).length, `${accountId}: ${balance} at ${seq}`)
  }
  for (const { productId, onHand, revision } of products) {
    let sum = 0
    for (const [index, movement] of (movements.get(productId) ?? []).entries()) {
      sum += movement.change
      const named = `movement ${movement.revision} of ${productId}`
      expect(movement.productId === productId && movement.revision === index + 1, `${named} stands at ${index + 1}`)
      expect(movement.onHand === sum && sum >= 0, `${named} shows ${movement.onHand}, the sum is ${sum}`)
      expect(signs[movement.type].includes(Math.sign(movement.change)), `${named}: ${movement.change}`)
    }
    expect(onHand === sum && revision === (movements.get(productId) ?? []).length, `${productId}: ${onHand}`)
  }
}

const signs = {
  charge: [1],
  spend: [-1],
  refund: [1],
  adjust: [1, -1],
  register: [1],
  restock: [1],
  sale: [-1],
  return: [1],
}

const tickets = ({ campaigns, coupons }: Look, expect: Expect): void => {
  for (const campaign of campaigns) {
    const { campaignId, issued, limit, opensAt, closesAt, validDays, discount } = campaign
    const own = coupons.filter((coupon) => coupon.campaignId === campaignId)
    expect(issued === own.length && issued <= limit, `${campaignId}: ${own.length} coupons, counted ${issued}/${limit}`)
    const inOrder = own.map(({ ticket }) => ticket).sort((left, right) => left - right)
    expect(inOrder.join() === own.map((_, index) => index + 1).join(), `${campaignId} has tickets ${inOrder}`)
    expect(new Set(own.map(({ accountId }) => accountId)).size === own.length, `${campaignId}: an account has two`)
    for (const coupon of own) {
      const inWindow = (opensAt ?? -Infinity) <= coupon.issuedAt && coupon.issuedAt < (closesAt ?? Infinity)
      expect(inWindow, `${campaignId} issued ticket ${coupon.ticket} outside its window`)
      const validity = coupon.expiresAt - coupon.issuedAt
      expect(validity === validDays * 24 * hourMillis, `${campaignId}: ticket ${coupon.ticket} lasts ${validity} ms`)
      expect(coupon.discount === discount, `${campaignId}: ticket ${coupon.ticket} takes another discount`)
    }
  }
}

const ordersAddUp = ({ orders, coupons }: Look, expect: Expect): void => {
  for (const { orderId, accountId, campaignId, lines, total, discount, paid } of orders) {
    const coupon = coupons.find((each) => each.campaignId === campaignId && each.accountId === accountId)
    expect((campaignId === undefined) === (coupon === undefined), `${orderId} has no coupon of its campaign`)
    const off = coupon === undefined ? 0n : discountOn(coupon.discount, BigInt(total))
    expect(discount === Number(off), `${orderId} takes ${discount} off ${total}, not ${off}`)
    const sum = lines.reduce((sofar, { unitPrice, quantity }) => sofar + BigInt(unitPrice) * BigInt(quantity), 0n)
    expect(BigInt(total) === sum && paid === total - discount && paid >= 0, `${orderId}: ${total} - ${discount}`)
    const sorted = lines.every(({ productId }, index) => {
      const next = lines[index + 1]
      return next === undefined || compareBytes(productId, next.productId) < 0
    })
    expect(sorted && lines.length >= 1, `${orderId} has lines that are not merged and sorted`)
    expect(sharesAreFair(lines, discount, total), `${orderId} shares its discount unfairly`)
    lines.forEach(({ lineId }, index) => {
      expect(lineId === `${orderId}-${index + 1}`, `${lineId} of ${orderId}`)
    })
  }
}

const discountOn = (discount: Discount, total: bigint): bigint => {
  const off = discount.type === "flat" ? BigInt(discount.amount) : (total * BigInt(discount.percent)) / 100n
  const most = discount.type === "rate" && discount.max !== undefined ? BigInt(discount.max) : total
  return [off, most, total].reduce((least, each) => (each < least ? each : least))
}

/** Largest remainder: shares add up, each is its exact part rounded down or up, and who was rounded up had more left. */
const sharesAreFair = (lines: Order["lines"], discount: number, total: number): boolean => {
  const exact = lines.map(({ unitPrice, quantity }) => BigInt(unitPrice * quantity) * BigInt(discount))
  const left = exact.map((each) => (total === 0 ? 0n : each % BigInt(total)))
  const extra = lines.map((line, index) =>
    total === 0 ? BigInt(line.discount) : BigInt(line.discount) - (exact[index] ?? 0n) / BigInt(total),
  )
  return (
    lines.reduce((sum, line) => sum + line.discount, 0) === discount &&
    lines.every(({ unitPrice, quantity, discount: share, paid }) => paid === unitPrice * quantity - share) &&
    extra.every((each) => each === 0n || each === 1n) &&
    extra.every((each, up) =>
      extra.every((other, down) => {
        if (each !== 1n || other !== 0n) return true
        const [more = 0n, less = 0n] = [left[up], left[down]]
        return more > less || (more === less && up < down)
      }),
    )
  )
}

/** Each order took and gave back exactly what it says, and nothing was taken or given back for no order. */
const ordersMoved = ({ orders, entries, movements }: Look, expect: Expect): void => {
  const rows: Array<string> = []
  for (const entry of Array.from(entries.values()).flat()) {
    if (entry.orderId !== undefined) rows.push(`${entry.orderId} ${entry.accountId} ${entry.type} ${entry.change}`)
  }
  for (const movement of Array.from(movements.values()).flat()) {
    const { orderId, productId, type, change } = movement
    if (orderId !== undefined) rows.push(`${orderId} ${productId} ${type} ${change}`)
  }
  const stated = orders.flatMap(({ orderId, accountId, lines, paid, state, closed }) => {
    const cancelled = state === "cancelled"
    const returned = cancelled && closed?.restocked === true
    return [
      ...(paid > 0 ? [`${orderId} ${accountId} spend ${-paid}`] : []),
      ...(paid > 0 && cancelled ? [`${orderId} ${accountId} refund ${paid}`] : []),
      ...lines.map(({ productId, quantity }) => `${orderId} ${productId} sale ${-quantity}`),
      ...(returned ? lines.map(({ productId, quantity }) => `${orderId} ${productId} return ${quantity}`) : []),
    ]
  })
  expect(rows.sort().join("\n") === stated.sort().join("\n"), `ledgers of orders: ${rows} instead of ${stated}`)
  for (const { orderId, state, closed } of orders) {
    expect((state === "placed") === (closed === undefined), `${orderId} is ${state} and closed ${closed?.at}`)
  }
}

/** A coupon serves one live order at most, and says which. */
const couponsOfOrders = ({ coupons, orders }: Look, expect: Expect): void => {
  for (const { campaignId, accountId, state, orderId } of coupons) {
    const using = orders.filter((order) => order.campaignId === campaignId && order.accountId === accountId)
    const live = using.filter((order) => order.state !== "cancelled").map((order) => order.orderId)
    const named = `the coupon of ${campaignId} and ${accountId} is ${state}`
    if (state === "issued") expect(live.length === 0 && orderId === undefined, `${named}, used by ${live}`)
    if (state === "redeemed") expect(live.length === 1 && live[0] === orderId, `${named}, used by ${live}`)
    if (state === "revoked")
      expect(
        live.every((each) => each === orderId),
        `${named}, used by ${live}`,
      )
  }
}

const buckets = ({ orders, buckets: kept }: Look, expect: Expect): void => {
  const counted = new Map<string, number>()
  for (const { lines, placedAt, state } of orders) {
    for (const { productId, quantity } of lines) {
      const name = `${productId} ${Math.floor(placedAt / hourMillis)}`
      counted.set(name, (counted.get(name) ?? 0) + (state === "cancelled" ? 0 : quantity))
    }
  }
  const sold = new Map(kept.map((bucket) => [`${bucket.productId} ${bucket.hour}`, bucket.sold as number]))
  expect(sold.size === counted.size, `${sold.size} buckets for ${counted.size} hours of sales`)
  for (const [name, units] of counted) expect(sold.get(name) === units, `${name} sold ${units}: ${sold.get(name)}`)
}

/** One receipt and one event per accepted command, and no row without a receipt. */
const receiptsAndEvents = ({ receipts, events, entries, movements, coupons, orders }: Look, expect: Expect): void => {
  const accepted = new Set<string>(receipts.map(({ commandId }) => commandId))
  expect(accepted.size === receipts.length, "a command has two receipts")
  expect(events.length === receipts.length, `${events.length} events of ${receipts.length} accepted commands`)
  expect(new Set(events.map(({ id }) => id)).size === events.length, "an event was written twice")
  for (const { id } of events) expect(accepted.has(id), `event ${id} has no receipt`)
  const rows = [...Array.from(entries.values()).flat(), ...Array.from(movements.values()).flat(), ...coupons]
  for (const { commandId } of rows) expect(accepted.has(commandId), `a row of ${commandId}, which has no receipt`)
  for (const { orderId } of orders) expect(accepted.has(orderId), `order ${orderId} has no receipt`)
}
