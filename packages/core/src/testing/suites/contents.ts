/**
 * Everything that a store holds, read page by page, and what is wrong with it.
 *
 * The invariants are recounted here once more, and not by the audit: a test should not take the word of what it tests.
 */
import { Effect } from "effect"
import {
  type Claimed,
  type Key,
  type KindName,
  kinds,
  type LeaseLost,
  ledgers,
  mapKinds,
  type OfKind,
  type Position,
  type RecordOf,
  type RowOf,
  type StoreFault,
  type StoreShape,
} from "../../ports/index.ts"
import type { SubscriptionName } from "../../values.ts"
import { expect } from "./expect.ts"

/** All pages of a scan, one after the other. Short pages, so that there are several. */
export const scanAll = Effect.fnUntraced(function* <R>(
  scan: (after: Key | undefined, limit: number) => Effect.Effect<ReadonlyArray<R>, StoreFault>,
  keyOf: (record: R) => Key,
  limit = 7,
): Effect.fn.Return<ReadonlyArray<R>, StoreFault> {
  const all: Array<R> = []
  for (;;) {
    const last = all.at(-1)
    const after = last === undefined ? undefined : keyOf(last)
    const page = yield* scan(after, limit)
    const [first] = page
    if (first === undefined) return all
    // A scan that does not move on would be read for ever.
    if (after !== undefined && byBytes(keyOf(first), after) <= 0) {
      throw new Error(`A page after ${JSON.stringify(after)} began with ${JSON.stringify(keyOf(first))}.`)
    }
    expect(page.length).toBeLessThanOrEqual(limit)
    all.push(...page)
  }
})

export interface Contents {
  readonly records: { readonly [K in KindName]: ReadonlyArray<RecordOf[K]> }
  readonly entries: ReadonlyArray<RowOf["entry"]>
  readonly movements: ReadonlyArray<RowOf["movement"]>
}

/** Everything a store holds, in the order of its scans. */
export const contentsOf = Effect.fnUntraced(function* (store: StoreShape): Effect.fn.Return<Contents, StoreFault> {
  return {
    records: yield* Effect.all(
      mapKinds<ScanOfKind>((kind) => scanAll((after, limit) => store.scan(kind, after, limit), kinds[kind].keyOf)),
    ),
    entries: yield* scanAll((after, limit) => store.scanLog("entry", after, limit), ledgers.entry.keyOf),
    movements: yield* scanAll((after, limit) => store.scanLog("movement", after, limit), ledgers.movement.keyOf),
  }
})

interface ScanOfKind extends OfKind {
  readonly made: Effect.Effect<ReadonlyArray<RecordOf[this["kind"]]>, StoreFault>
}

/** More events than any case makes. */
const mostEvents = 10_000

/**
 * What waits for a subscription, in one claim or several. Positions are the store's own; what counts is the order in which the
 * events come.
 */
export const eventsOf = Effect.fnUntraced(function* (
  { outbox }: StoreShape,
  name: SubscriptionName,
): Effect.fn.Return<ReadonlyArray<Claimed["event"]>, StoreFault | LeaseLost> {
  const lease = yield* outbox.lease(name, "test", 60_000)
  const events: Array<Claimed["event"]> = []
  for (let after: Position | undefined; lease !== undefined; ) {
    const claimed = yield* outbox.claim(lease, after, { events: mostEvents, bytes: Number.MAX_SAFE_INTEGER })
    if (claimed.length === 0) break
    events.push(...claimed.map(({ event }) => event))
    after = claimed.at(-1)?.position
    if (events.length > mostEvents)
      throw new Error(`More than ${mostEvents} events were claimed, one behind the other.`)
  }
  return events
})

/** Broken promises, each as a sentence. Empty where all of them are kept. */
export const broken = Effect.fnUntraced(function* (
  store: StoreShape,
): Effect.fn.Return<ReadonlyArray<string>, StoreFault> {
  const found: Array<string> = []
  const check = (holds: boolean, sentence: string) => {
    if (!holds) found.push(sentence)
  }
  const whole = { after: undefined, limit: 100_000, newestFirst: false }
  for (const account of yield* store.scan("account", undefined, 100_000)) {
    const entries = yield* store.reads.entries(account.accountId, whole)
    let balance = 0
    for (const [index, entry] of entries.entries()) {
      balance += entry.change
      check(entry.seq === index + 1, `entry ${index + 1} of ${account.accountId} has seq ${entry.seq}`)
      check(entry.balance === balance && balance >= 0, `entry ${entry.seq} shows ${entry.balance}, sum ${balance}`)
    }
    check(account.balance === balance, `${account.accountId} has ${account.balance}, its entries ${balance}`)
    check(account.seq === entries.length, `${account.accountId} is at ${account.seq} of ${entries.length}`)
  }
  for (const product of yield* store.scan("product", undefined, 100_000)) {
    const movements = yield* store.reads.movements(product.productId, whole)
    let onHand = 0
    for (const [index, movement] of movements.entries()) {
      onHand += movement.change
      check(movement.revision === index + 1, `movement ${index + 1} has revision ${movement.revision}`)
      check(movement.onHand === onHand && onHand >= 0, `movement ${movement.revision} shows ${movement.onHand}`)
    }
    check(product.onHand === onHand, `${product.productId} has ${product.onHand}, its movements ${onHand}`)
    check(product.revision === movements.length, `${product.productId} is at revision ${product.revision}`)
  }
  for (const campaign of yield* store.scan("campaign", undefined, 100_000)) {
    const coupons = yield* store.reads.couponsOfCampaign(campaign.campaignId, whole)
    check(campaign.issued <= campaign.limit, `${campaign.issued} issued of ${campaign.limit}`)
    check(campaign.issued === coupons.length, `${campaign.issued} counted, ${coupons.length} coupons`)
    for (const [index, coupon] of coupons.entries()) check(coupon.ticket === index + 1, `ticket ${coupon.ticket}`)
  }
  const orders = yield* store.scan("order", undefined, 100_000)
  const counted = new Map<string, number>()
  for (const order of orders.filter(({ state }) => state !== "cancelled")) {
    for (const { productId, quantity } of order.lines) {
      counted.set(productId, (counted.get(productId) ?? 0) + quantity)
    }
  }
  const window = { fromHour: 0, untilHour: 1_000_000, limit: 100_000 }
  for (const { productId, sold } of yield* store.reads.top(window)) {
    check(counted.get(productId) === sold, `${productId} counted ${sold}, orders ${counted.get(productId)}`)
  }
  const receipts = yield* store.scan("receipt", undefined, 100_000)
  check(receipts.filter(({ operation }) => operation === "orders.place").length === orders.length, "order receipts")
  return found
})

/** The order of keys by bytes of UTF-8, computed the slow and obvious way: it is that of the code points. */
export const byBytes = (left: Key, right: Key): number => {
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? ""
    const order =
      typeof part === "number" && typeof other === "number"
        ? part - other
        : inOrder(codePointsOf(String(part)), codePointsOf(String(other)))
    if (order !== 0) return order
  }
  return left.length - right.length
}

const codePointsOf = (text: string): ReadonlyArray<number> => Array.from(text, (letter) => letter.codePointAt(0) ?? 0)

const inOrder = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): number => {
  const differing = left.findIndex((point, index) => point !== right[index])
  return differing === -1 ? left.length - right.length : (left[differing] ?? 0) - (right[differing] ?? -1)
}
