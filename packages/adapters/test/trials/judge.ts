/**
 * What a shop owes its callers after a trial, whatever was done to it meanwhile: every call is made once more with its
 * key, then everything that the shop holds is read back and counted.
 */
import type { Page } from "@holdfast/core"
import type { TestShop } from "../support/shop.ts"
import { accounts, campaignId, couponLimit, type Heard, products, visitAll } from "./visits.ts"

/** The durable name that hears of every accepted call. */
export const booksName = "books"

export interface Sale {
  readonly seed: number
  /** How long visitors keep arriving. */
  readonly rushMillis: number
  /** What happens to the shop meanwhile. */
  readonly trouble: () => Promise<unknown>
  /** Collects what callers are told. */
  readonly heard?: Array<Heard>
  /** Whom the calls are made to once more; by default the same shop. */
  readonly afterwards?: TestShop
}

/** Holds a sale while something happens to the shop, and answers what it broke, one sentence each. */
export const saleThrough = async (
  shop: TestShop,
  { seed, rushMillis, trouble, heard = [], afterwards = shop }: Sale,
): Promise<ReadonlyArray<string>> => {
  const events = await subscribed(shop)
  await Promise.all([visitAll(shop, seed, rushMillis, (told) => heard.push(told)), trouble()])
  return verdictOn(afterwards, seed, heard, events)
}

/** Judges a shop that came after the one that told callers what was `heard`. */
export const judge = async (
  shop: TestShop,
  seed: number,
  heard: ReadonlyArray<Heard>,
): Promise<ReadonlyArray<string>> => verdictOn(shop, seed, heard, await subscribed(shop))

const subscribed = async (shop: TestShop): Promise<ReadonlySet<string>> => {
  const events = new Set<string>()
  await shop.events.subscribe(booksName, ({ id }) => {
    events.add(id)
  })
  return events
}

const verdictOn = async (
  shop: TestShop,
  seed: number,
  heard: ReadonlyArray<Heard>,
  events: ReadonlySet<string>,
): Promise<ReadonlyArray<string>> => {
  const again: Array<Heard> = []
  await visitAll(shop, seed, 0, (told) => again.push(told))
  const broken = [...falseNos(heard, true), ...falseNos(again, false), ...changedAnswers(heard, again)]
  const accepted = again.flatMap((told) => ("answer" in told ? [told] : []))
  broken.push(...(await recount(shop, accepted)))
  await shop.events.settled(booksName)
  const { parked } = await shop.events.depth(booksName)
  if (events.size !== accepted.length) broken.push(`${events.size} events of ${accepted.length} accepted calls`)
  if (parked > 0) broken.push(`${parked} events are parked`)
  const report = await shop.audit.run()
  if (!report.ok) broken.push(`the audit found ${JSON.stringify(report.checks.filter(({ violations }) => violations))}`)
  return broken
}

const outages: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"])

/** Refusals that these calls can meet; anything else is a failure that was told as one. */
const falseNos = (heard: ReadonlyArray<Heard>, duringOutage: boolean): ReadonlyArray<string> => {
  const issued = new Set(heard.flatMap((told) => ("answer" in told ? [told.key] : [])))
  return heard.flatMap((told) => {
    if ("answer" in told) return []
    const { key, code } = told
    if (outages.has(code)) return duringOutage ? [] : [`${key} was told ${code} by a healthy shop`]
    if (key.startsWith("issue-") && code === "COUPONS_SOLD_OUT") return []
    if (key.startsWith("place-")) {
      if (code === "OUT_OF_STOCK" || code === "POINTS_NOT_ENOUGH") return []
      const visitor = Number(key.slice("place-".length))
      if (code === "COUPON_NOT_FOUND" && !issued.has(`issue-${accounts[visitor]}`)) return []
    }
    return [`${key} was told ${code}`]
  })
}

/** An answer is for good: the same call gets it again, and knows that it is a repeat. */
const changedAnswers = (heard: ReadonlyArray<Heard>, again: ReadonlyArray<Heard>): ReadonlyArray<string> => {
  const later = new Map(again.map((told) => [told.key, told]))
  return heard.flatMap((told) => {
    if (!("answer" in told)) return []
    const repeated = later.get(told.key)
    if (repeated === undefined || !("answer" in repeated)) return [`${told.key} was acknowledged, and is gone`]
    if (repeated.answer !== told.answer) return [`${told.key} was answered ${told.answer}, then ${repeated.answer}`]
    return repeated.replayed ? [] : [`${told.key} happened twice`]
  })
}

interface Answered {
  readonly key: string
  readonly answer: string
}

const recount = async (shop: TestShop, accepted: ReadonlyArray<Answered>): Promise<ReadonlyArray<string>> => {
  const broken: Array<string> = []
  const expectEqual = (what: string, found: number, expected: number): void => {
    if (found !== expected) broken.push(`${what}: ${found} instead of ${expected}`)
  }
  const keysOf = (kind: string) => accepted.filter(({ key }) => key.startsWith(`${kind}-`))
  const placed = new Set(keysOf("place").map(({ answer }) => String(JSON.parse(answer).orderId)))
  expectEqual("orders answered", placed.size, keysOf("place").length)

  const units = new Map<string, number>()
  let orders = 0
  for (const accountId of accounts) {
    const own = await allOf((cursor) => shop.orders.ofAccount({ accountId, cursor }))
    for (const { orderId } of own) if (!placed.has(orderId)) broken.push(`nobody was ever answered order ${orderId}`)
    orders += own.length
    const live = own.filter(({ state }) => state !== "cancelled")
    for (const { productId, quantity } of live.flatMap(({ lines }) => lines)) {
      units.set(productId, (units.get(productId) ?? 0) + quantity)
    }
    const entries = await allOf((cursor) => shop.points.entries({ accountId, cursor }))
    const charged = entries.filter(({ type }) => type === "charge").reduce((sum, { change }) => sum + change, 0)
    const paid = live.reduce((sum, order) => sum + order.paid, 0)
    expectEqual(`the balance of ${accountId}`, await shop.points.balance(accountId), charged - paid)
  }
  expectEqual("orders kept", orders, placed.size)

  for (const [productId, initial] of Object.entries(products)) {
    const { onHand } = await shop.stock.product(productId)
    const supplied = initial + (productId === "few" ? keysOf("restock").length : 0)
    expectEqual(`units of ${productId}`, onHand + (units.get(productId) ?? 0), supplied)
    if (onHand < 0) broken.push(`${productId} was sold ${-onHand} times too often`)
  }

  const coupons = await allOf((cursor) => shop.coupons.ofCampaign({ campaignId, cursor }))
  expectEqual("coupons kept", coupons.length, keysOf("issue").length)
  expectEqual("coupons issued", coupons.length, couponLimit)
  expectEqual("owners", new Set(coupons.map(({ accountId }) => accountId)).size, coupons.length)
  coupons.forEach(({ ticket }, index) => {
    expectEqual("the next ticket", ticket, index + 1)
  })
  return broken
}

const allOf = async <Row>(page: (cursor?: string) => Promise<Page<Row>>): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  let cursor: string | undefined
  do {
    const { items, nextCursor } = await page(cursor)
    rows.push(...items)
    cursor = nextCursor
  } while (cursor !== undefined)
  return rows
}
