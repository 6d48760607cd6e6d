/**
 * What a store does and what it claims, as types. The promises stand with the service, in `Store.ts`.
 */
import type { Effect } from "effect"
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { CampaignStanding } from "../coupons/Seal.ts"
import type { KindName, LedgerName, RecordOf, RowOf } from "../decision/kinds.ts"
import type { Receipt } from "../decision/Receipt.ts"
import type { Order } from "../orders/Order.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import type { ProductSales, SalesWindow } from "../popularity/SalesBucket.ts"
import type { JoinNotSupported } from "../refusals.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { Transact } from "../transact/fromSessions.ts"
import type { StoreFault } from "../transact/StoreFault.ts"
import type { AccountId, CampaignId, IdempotencyKey, Key, OrderId, ProductId, Scope } from "../values.ts"
import type { OrderPage, OrderPlace } from "./OrderPage.ts"
import type { Outbox } from "./Outbox.ts"

/** What an adapter claims. The conformance laws are chosen by it, and the docs' table is made of it. */
export interface Guarantees {
  /** What the store is called in messages and tables. */
  readonly name: string
  /** What an acknowledged change survives. */
  readonly durability: "nothing" | "process crash" | "power loss"
  /** Who may use the same store at once. */
  readonly scope: "one process" | "one machine" | "many machines"
  /**
   * Whether a commit counts as lost when the store stopped waiting for a synchronous standby. `unheard` where its driver
   * keeps to itself what a server says beside a reply: then it is acknowledged, and a failover may lose it. Only for stores
   * that have standbys.
   */
  readonly standbys?: "heard" | "unheard" | undefined
  /** How many `transact` may usefully run at once. While keys are busy the engine may run one more. */
  readonly lanes: number
}

/** One page of a list: what follows `after`, in the list's order or newest first. */
export interface PageRequest<Cursor> {
  readonly after: Cursor | undefined
  readonly limit: number
  readonly newestFirst: boolean
}

export interface AskedStanding {
  readonly campaignId: CampaignId
  /** Each once. */
  readonly accountIds: ReadonlyArray<AccountId>
  /** Keys that calls of `coupons.issue` may have used. */
  readonly keys: ReadonlyArray<readonly [Scope, IdempotencyKey]>
}

export interface Standing extends CampaignStanding {
  /** Which of the accounts asked for are unknown or not open: their places in the list, from 0. */
  readonly notOpen: ReadonlyArray<number>
  /** Under which of the keys asked for there is a receipt, likewise. */
  readonly used: ReadonlyArray<number>
}

/**
 * Reads outside a decision: each answers from one snapshot taken after the call began, and so sees every change that was
 * acknowledged before. None of them blocks `transact` or waits for it.
 */
export interface Reads {
  readonly account: (accountId: AccountId) => Effect.Effect<Account | undefined, StoreFault>
  /** By `seq`. */
  readonly entries: (
    accountId: AccountId,
    page: PageRequest<number>,
  ) => Effect.Effect<ReadonlyArray<PointEntry>, StoreFault>
  /** In the order asked for; unknown ids are left out. */
  readonly products: (productIds: ReadonlyArray<ProductId>) => Effect.Effect<ReadonlyArray<Product>, StoreFault>
  /** By `revision`. */
  readonly movements: (
    productId: ProductId,
    page: PageRequest<number>,
  ) => Effect.Effect<ReadonlyArray<StockMovement>, StoreFault>
  readonly campaign: (campaignId: CampaignId) => Effect.Effect<Campaign | undefined, StoreFault>
  readonly coupon: (campaignId: CampaignId, accountId: AccountId) => Effect.Effect<Coupon | undefined, StoreFault>
  /** By campaign id. */
  readonly couponsOfAccount: (
    accountId: AccountId,
    page: PageRequest<CampaignId>,
  ) => Effect.Effect<ReadonlyArray<Coupon>, StoreFault>
  /** By ticket. */
  readonly couponsOfCampaign: (
    campaignId: CampaignId,
    page: PageRequest<number>,
  ) => Effect.Effect<ReadonlyArray<Coupon>, StoreFault>
  readonly order: (orderId: OrderId) => Effect.Effect<Order | undefined, StoreFault>
  /**
   * In the order in which they were committed. At most `limit` orders, and fewer where they would be too large: see
   * `orderPageOf`. Oldest first, an order that is committed after a page was answered stands behind that page's last one.
   */
  readonly ordersOfAccount: (
    accountId: AccountId,
    page: PageRequest<OrderPlace>,
  ) => Effect.Effect<OrderPage, StoreFault>
  /**
   * Likewise, with one difference: oldest first, a store may hold back what is committed while orders that will stand
   * before it are on their way, and says that there is more. The host's references need not be unique.
   */
  readonly ordersByReference: (reference: string, page: PageRequest<OrderPlace>) => Effect.Effect<OrderPage, StoreFault>
  /** The products sold most in the window: most first, ties by product id; retired ones and sums of 0 left out. */
  readonly top: (
    window: SalesWindow & { readonly limit: number },
  ) => Effect.Effect<ReadonlyArray<ProductSales>, StoreFault>
  /** What was sold of some products in an hour. Those without a bucket are left out. Absent where a store feeds no ranking. */
  readonly soldOf?:
    | ((hour: number, productIds: ReadonlyArray<ProductId>) => Effect.Effect<ReadonlyArray<ProductSales>, StoreFault>)
    | undefined
  /** What was sold in an hour by product id (by bytes): the buckets after one, at most `limit`. Absent likewise. */
  readonly soldIn?:
    | ((
        hour: number,
        after: ProductId | undefined,
        limit: number,
      ) => Effect.Effect<ReadonlyArray<ProductSales>, StoreFault>)
    | undefined
  /**
   * What a claim of a campaign's coupons is refused by, all of one moment after the call began. Absent, as `owners`, where
   * the store has no seals: then all claims are decided by `transact`.
   */
  readonly standing?: ((asked: AskedStanding) => Effect.Effect<Standing, StoreFault>) | undefined
  /** Who owns the tickets after one, in their order and without gaps, at most `limit`. */
  readonly owners?:
    | ((
        campaignId: CampaignId,
        afterTicket: number,
        limit: number,
      ) => Effect.Effect<ReadonlyArray<AccountId>, StoreFault>)
    | undefined
  /** One that is as durable as the store claims: it proves that something happened. */
  readonly receipt: (
    scope: Scope,
    operation: string,
    key: IdempotencyKey,
  ) => Effect.Effect<Receipt | undefined, StoreFault>
}

/** How a store is called in spans, by the stable conventions for databases of OpenTelemetry. */
export interface DatabaseName {
  /** `db.system.name`: a name of the conventions' list, such as `postgresql`. */
  readonly system: string
  /** `db.namespace`: of PostgreSQL the database and the schema, as `database|schema`. */
  readonly namespace?: string | undefined
}

/** What a store counts since it was opened, for dashboards. Reading it does no I/O. */
export interface StoreCounts {
  /** Decisions whose guards did not hold, because others had changed what they rested on: decided again. */
  readonly conflicts: number
  /** Batches that took locks before they decided. */
  readonly lockedBatches: number
  /** Connections that are open now. */
  readonly sessions: number
  /** Connections that were opened: one that grows steadily shows connections that do not last. */
  readonly sessionsOpened: number
}

/** What a store does: see {@link Store}. */
export interface StoreShape {
  readonly guarantees: Guarantees
  /** Default: it is called by its name. */
  readonly database?: DatabaseName | undefined
  /** Absent where a store counts nothing. */
  readonly counts?: (() => StoreCounts) | undefined
  readonly transact: Transact
  /**
   * Ends what the store was sent and may still do: true once it will not happen any more, and what it did is there to be
   * read. False where that cannot be known. Absent where it never can: then a refusal of a command whose reply was lost
   * before is answered as an unknown outcome.
   */
  readonly settle?: ((attempt: object) => Effect.Effect<boolean, StoreFault>) | undefined
  /** The time by the store's own clock, milliseconds since 1970. Absent where it has none: then it is that of the process. */
  readonly now?: Effect.Effect<number, StoreFault> | undefined
  /** Answers where the store does, on a way of its own, behind no read. Absent where a read of nothing does as well. */
  readonly probe?: Effect.Effect<void, StoreFault> | undefined
  /** Whether `transact` passes turns. Default: it does not, and is given none. */
  readonly passesTurns?: boolean | undefined
  readonly reads: Reads
  /**
   * Records of a kind in the order of their keys (by bytes), for audits and listings: those after a key, one snapshot
   * per page.
   */
  readonly scan: <K extends KindName>(
    kind: K,
    after: Key | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<RecordOf[K]>, StoreFault>
  /** Rows of a ledger in the order of their keys, likewise. */
  readonly scanLog: <L extends LedgerName>(
    log: L,
    after: Key | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<RowOf[L]>, StoreFault>
  /**
   * The moment before which rows may have been archived, a whole hour in milliseconds since 1970; undefined where none
   * were. Of rows from before it a ledger keeps at least the newest of those that lead up to it, which opens what follows.
   * Absent where a store archives nothing.
   */
  readonly archivedBefore?: Effect.Effect<number | undefined, StoreFault> | undefined
  readonly outbox: Outbox
  /**
   * The same store inside the transaction that the host has open on this handle, and will commit or roll back itself. What
   * it answers is provisional until then. Once that transaction has ended it changes nothing more, whatever else the host
   * has begun on the handle since: what it is asked then is rejected. Absent where the store cannot join one.
   */
  readonly join?: ((handle: unknown) => Effect.Effect<StoreShape, JoinNotSupported>) | undefined
}
