/**
 * What the tests of the memory stores share: a small shop to work in, everything a store holds as one value, the
 * invariants of that, and a scheduler that plays one interleaving for each seed.
 */
import { Cause, Effect, Exit, type Fiber, type Scheduler } from "effect"
import { createCampaignCall, issueCall } from "../../src/decision/couponCalls.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, openCall } from "../../src/decision/pointsCalls.ts"
import { registerCall, restockCall } from "../../src/decision/stockCalls.ts"
import { InterleavingStore, MemoryStore } from "../../src/memory/index.ts"
import { type Key, kindNames, kinds, ledgers, type StoreShape } from "../../src/ports/index.ts"
import type { AccountId, CampaignId, ProductId } from "../../src/values.ts"
import type { SuiteStore } from "../suites/SuiteStore.ts"
import { commandMaker, transact } from "../support/commands.ts"

/** Every way to make a memory store: each must keep the same promises. */
const stores: ReadonlyArray<readonly [name: string, make: Effect.Effect<StoreShape>]> = [
  ["the plain store", MemoryStore.make],
  ["the interleaving store, optimistic", InterleavingStore.make()],
  ["the interleaving store, locked", InterleavingStore.make({ optimistic: false })],
]

export const interleaving = stores.slice(1)

/** The same for the suites that every store is put to. */
export const suiteStores: ReadonlyArray<SuiteStore> = stores.map(([name, make]) => ({
  name,
  make,
  onSnapshots: name.endsWith("optimistic"),
  before: () => {},
}))

const furnisher = commandMaker("w")

/** Accounts with points, products with stock, one campaign. */
export const furnish = (
  store: StoreShape,
  shop: {
    readonly accounts?: ReadonlyArray<string>
    readonly points?: number
    readonly products?: Readonly<Record<string, number>>
    readonly limit?: number
  },
  maker = furnisher,
) =>
  Effect.gen(function* () {
    for (const accountId of shop.accounts ?? []) {
      yield* transact(store, [maker(openCall, { accountId })])
      if (shop.points !== undefined) {
        yield* transact(store, [maker(chargeCall, { accountId, amount: shop.points })])
      }
    }
    for (const [productId, onHand] of Object.entries(shop.products ?? {})) {
      yield* transact(store, [maker(registerCall, { productId, name: productId, price: 10, onHand })])
    }
    if (shop.limit !== undefined) {
      const discount = { type: "flat", amount: 1 } as const
      yield* transact(store, [
        maker(createCampaignCall, { campaignId: "spring", name: "Spring", discount, limit: shop.limit }),
      ])
    }
  })

const make = commandMaker("m")
export const place = (accountId: string, productId: string, quantity: number, key?: string) =>
  make(placeCall, { accountId, lines: [{ productId, quantity }], ...(key === undefined ? {} : { key }) })
export const restock = (productId: string, quantity: number) => make(restockCall, { productId, quantity })
export const charge = (accountId: string, amount: number, key?: string) =>
  make(chargeCall, { accountId, amount, ...(key === undefined ? {} : { key }) })
export const issue = (accountId: string, key?: string) =>
  make(issueCall, { campaignId: "spring", accountId, ...(key === undefined ? {} : { key }) })

/** All pages of a scan, one after the other. */
export const scanAll = <R>(
  scan: (after: Key | undefined, limit: number) => Effect.Effect<ReadonlyArray<R>, unknown>,
  keyOf: (record: R) => Key,
  limit = 7,
) =>
  Effect.gen(function* () {
    const all: Array<R> = []
    for (;;) {
      const last = all.at(-1)
      const page = yield* scan(last === undefined ? undefined : keyOf(last), limit)
      if (page.length === 0) return all
      all.push(...page)
    }
  })

/** Everything a store holds, in the order of its scans. */
export const contentsOf = (store: StoreShape) =>
  Effect.gen(function* () {
    const records: Record<string, ReadonlyArray<unknown>> = {}
    for (const kind of kindNames) {
      records[kind] = yield* scanAll(
        (after, limit) => store.scan(kind, after, limit),
        (record) => keyOfAny(kind, record),
      )
    }
    const entries = yield* scanAll((after, limit) => store.scanLog("entry", after, limit), ledgers.entry.keyOf)
    const movements = yield* scanAll((after, limit) => store.scanLog("movement", after, limit), ledgers.movement.keyOf)
    return { records, entries, movements }
  })

const keyOfAny = (kind: keyof typeof kinds, record: unknown): Key =>
  (kinds[kind] as { readonly keyOf: (record: unknown) => Key }).keyOf(record)

/** Broken promises, each as a sentence. Empty where all of them are kept. */
export const broken = (store: StoreShape) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    const expect = (holds: boolean, sentence: string) => {
      if (!holds) found.push(sentence)
    }
    const whole = { after: undefined, limit: 100_000, newestFirst: false }
    for (const account of yield* store.scan("account", undefined, 100_000)) {
      const entries = yield* store.reads.entries(account.accountId as AccountId, whole)
      let balance = 0
      for (const [index, entry] of entries.entries()) {
        balance += entry.change
        expect(entry.seq === index + 1, `entry ${index + 1} of ${account.accountId} has seq ${entry.seq}`)
        expect(entry.balance === balance && balance >= 0, `entry ${entry.seq} shows ${entry.balance}, sum ${balance}`)
      }
      expect(account.balance === balance, `${account.accountId} has ${account.balance}, its entries ${balance}`)
      expect(account.seq === entries.length, `${account.accountId} is at ${account.seq} of ${entries.length}`)
    }
    for (const product of yield* store.scan("product", undefined, 100_000)) {
      const movements = yield* store.reads.movements(product.productId as ProductId, whole)
      let onHand = 0
      for (const [index, movement] of movements.entries()) {
        onHand += movement.change
        expect(movement.revision === index + 1, `movement ${index + 1} has revision ${movement.revision}`)
        expect(movement.onHand === onHand && onHand >= 0, `movement ${movement.revision} shows ${movement.onHand}`)
      }
      expect(product.onHand === onHand, `${product.productId} has ${product.onHand}, its movements ${onHand}`)
      expect(product.revision === movements.length, `${product.productId} is at revision ${product.revision}`)
    }
    for (const campaign of yield* store.scan("campaign", undefined, 100_000)) {
      const coupons = yield* store.reads.couponsOfCampaign(campaign.campaignId as CampaignId, whole)
      expect(campaign.issued <= campaign.limit, `${campaign.issued} issued of ${campaign.limit}`)
      expect(campaign.issued === coupons.length, `${campaign.issued} counted, ${coupons.length} coupons`)
      for (const [index, coupon] of coupons.entries()) expect(coupon.ticket === index + 1, `ticket ${coupon.ticket}`)
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
      expect(counted.get(productId) === sold, `${productId} counted ${sold}, orders ${counted.get(productId)}`)
    }
    const receipts = yield* store.scan("receipt", undefined, 100_000)
    expect(receipts.filter(({ operation }) => operation === "orders.place").length === orders.length, "order receipts")
    return found
  })

/** The order of keys by bytes, computed the slow and obvious way. */
export const byBytes = (left: Key, right: Key): number => {
  const encoder = new TextEncoder()
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? ""
    const order =
      typeof part === "number" && typeof other === "number"
        ? part - other
        : Buffer.compare(encoder.encode(String(part)), encoder.encode(String(other)))
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Nobody can go on: a deadlock or a lost wake-up. */
const stuck = "Stuck"

/** Plays one interleaving for each seed: at every step the next fiber to run is drawn. */
class SeededScheduler implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher {
  readonly executionMode = "sync" as const
  readonly #ready: Array<() => void> = []
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = mulberry32(seed)
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    // Resuming costs two operations, so that fewer would never get anywhere.
    return fiber.currentOpCount > 2 && this.#random() < 0.1
  }

  makeDispatcher(): this {
    return this
  }

  scheduleTask(task: () => void): void {
    this.#ready.push(task)
  }

  flush(): void {
    while (this.#ready.length > 0) {
      const [task] = this.#ready.splice(Math.floor(this.#random() * this.#ready.length), 1)
      task?.()
    }
  }
}

/** Runs an effect in the interleaving of a seed. Dies with {@link stuck} where nobody can go on. */
export const runSeeded = <A, E>(effect: Effect.Effect<A, E>, seed: number): Exit.Exit<A, E> => {
  const scheduler = new SeededScheduler(seed)
  const fiber = Effect.runFork(effect, { scheduler })
  scheduler.flush()
  return fiber.pollUnsafe() ?? Exit.die(stuck)
}

/** What went wrong in a run, as a text; undefined where it succeeded. */
export const failureOf = (exit: Exit.Exit<unknown, unknown>): string | undefined =>
  Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined

const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
