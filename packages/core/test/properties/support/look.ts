/**
 * Everything that a store holds, read as anybody could: records by scans, ledgers and lists by reads, events by a
 * subscription. What the properties recount is recounted from this.
 */
import { Effect } from "effect"
import type { Campaign } from "../../../src/coupons/Campaign.ts"
import type { Coupon } from "../../../src/coupons/Coupon.ts"
import type { Receipt } from "../../../src/decision/Receipt.ts"
import type { Event } from "../../../src/events/Event.ts"
import type { Order } from "../../../src/orders/Order.ts"
import type { Account, PointEntry } from "../../../src/points/Account.ts"
import type { SalesBucket } from "../../../src/popularity/SalesBucket.ts"
import type { LeaseLost, StoreFault, StoreShape } from "../../../src/ports/index.ts"
import type { Product, StockMovement } from "../../../src/stock/Product.ts"
import { SubscriptionName } from "../../../src/values.ts"

export interface Look {
  readonly accounts: ReadonlyArray<Account>
  readonly products: ReadonlyArray<Product>
  readonly campaigns: ReadonlyArray<Campaign>
  readonly coupons: ReadonlyArray<Coupon>
  readonly orders: ReadonlyArray<Order>
  readonly buckets: ReadonlyArray<SalesBucket>
  readonly receipts: ReadonlyArray<Receipt>
  readonly entries: ReadonlyMap<string, ReadonlyArray<PointEntry>>
  readonly movements: ReadonlyMap<string, ReadonlyArray<StockMovement>>
  readonly events: ReadonlyArray<Event>
}

const name = SubscriptionName.make("look")
const limit = 100_000
const whole = { after: undefined, limit, newestFirst: false }

/** Makes a store keep its events until they were looked at. */
export const watch = (store: StoreShape): Effect.Effect<void, StoreFault> => store.outbox.register(name)

/** Reads a watched store. */
export const look = (store: StoreShape): Effect.Effect<Look, StoreFault | LeaseLost> =>
  Effect.gen(function* () {
    const accounts = yield* store.scan("account", undefined, limit)
    const products = yield* store.scan("product", undefined, limit)
    const entries = new Map<string, ReadonlyArray<PointEntry>>()
    const movements = new Map<string, ReadonlyArray<StockMovement>>()
    for (const { accountId } of accounts) entries.set(accountId, yield* store.reads.entries(accountId, whole))
    for (const { productId } of products) movements.set(productId, yield* store.reads.movements(productId, whole))
    const lease = yield* store.outbox.lease(name, "test", 1_000_000)
    const most = { events: limit, bytes: Number.MAX_SAFE_INTEGER }
    const claimed = lease === undefined ? [] : yield* store.outbox.claim(lease, undefined, most)
    return {
      accounts,
      products,
      entries,
      movements,
      campaigns: yield* store.scan("campaign", undefined, limit),
      coupons: yield* store.scan("coupon", undefined, limit),
      orders: yield* store.scan("order", undefined, limit),
      buckets: yield* store.scan("bucket", undefined, limit),
      receipts: yield* store.scan("receipt", undefined, limit),
      events: claimed.map(({ event }) => event),
    }
  })
