/**
 * The `Store` port: the one thing an adapter must get right.
 *
 * The store holds the records and grants. It knows no business rule: it shows a decision the current records, and makes
 * durable what the decision answers. Everything an adapter needs to import is exported from here.
 */
import { Context, Effect, type Scope as EffectScope, Layer } from "effect"
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Decided } from "../decision/fold.ts"
import type { KindName, LogName, RecordOf, RowOf } from "../decision/kinds.ts"
import type { Receipt } from "../decision/Receipt.ts"
import type { Keys, Records } from "../decision/Records.ts"
import type { Order } from "../orders/Order.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import type { ProductSales, Window } from "../popularity/SalesBucket.ts"
import type { JoinNotSupported } from "../refusals.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { AccountId, CampaignId, IdempotencyKey, Key, OrderId, ProductId, Scope } from "../values.ts"
import { type Connection, storeOf } from "./fromTransaction.ts"
import type { Outbox } from "./Outbox.ts"

/** What an adapter claims. The conformance laws are chosen by it, and the docs' table is made of it. */
export interface Guarantees {
  /** What the store is called in messages and tables. */
  readonly name: string
  /** What an acknowledged change survives. */
  readonly durability: "nothing" | "process crash" | "power loss"
  /** Who may use the same store at once. */
  readonly scope: "one process" | "one machine" | "many machines"
  /** How many `transact` may usefully run at once. While keys are busy the engine may run one more. */
  readonly lanes: number
}

/**
 * The turn of a lane. Commands that position themselves on one hot counter keep to one lane, which sends its next batch
 * when the last one is answered. A store may pass the turn sooner: as soon as the next batch can only come after this one,
 * such as behind it on the same connection. It is then decided while this one is made durable. Two batches of a lane are
 * on their way at most.
 *
 * Whether that goes well is the store's to verify: where the first batch comes to nothing, so must what the second one
 * rests on it.
 */
export interface Turn {
  /** Whose turn: from 0 up to but not including `lanes`. */
  readonly lane: number
  /** Does nothing the second time, nor after the answer. */
  readonly pass: () => void
}

/** Why a store could not do what was asked. Never a refusal: those are answers of decisions. */
export type StoreFault =
  /** The connection or the reply was lost. It may have happened or not. */
  | { readonly _tag: "Lost"; readonly reason: string; readonly cause?: unknown }
  /** Somebody else holds these keys for longer than a lane should wait. Nothing happened. */
  | { readonly _tag: "Busy"; readonly keys: ReadonlyArray<KeyOf> }
  /** The store refused the statements for a reason that is neither conflict nor connection. Nothing happened. */
  | { readonly _tag: "Rejected"; readonly reason: string; readonly cause?: unknown }

/** A key with its kind. */
export interface KeyOf {
  readonly kind: KindName
  readonly key: Key
}

/** One page of a list: what follows `after`, in the list's order or newest first. */
export interface Page<Cursor> {
  readonly after: Cursor | undefined
  readonly limit: number
  readonly newestFirst: boolean
}

/**
 * Reads outside a decision: each answers from one snapshot taken after the call began, and so sees every change that was
 * acknowledged before. None of them blocks `transact` or waits for it.
 */
export interface Reads {
  readonly account: (accountId: AccountId) => Effect.Effect<Account | undefined, StoreFault>
  /** By `seq`. */
  readonly entries: (accountId: AccountId, page: Page<number>) => Effect.Effect<ReadonlyArray<PointEntry>, StoreFault>
  /** In the order asked for; unknown ids are left out. */
  readonly products: (productIds: ReadonlyArray<ProductId>) => Effect.Effect<ReadonlyArray<Product>, StoreFault>
  /** By `revision`. */
  readonly movements: (
    productId: ProductId,
    page: Page<number>,
  ) => Effect.Effect<ReadonlyArray<StockMovement>, StoreFault>
  readonly campaign: (campaignId: CampaignId) => Effect.Effect<Campaign | undefined, StoreFault>
  readonly coupon: (campaignId: CampaignId, accountId: AccountId) => Effect.Effect<Coupon | undefined, StoreFault>
  /** By campaign id. */
  readonly couponsOfAccount: (
    accountId: AccountId,
    page: Page<CampaignId>,
  ) => Effect.Effect<ReadonlyArray<Coupon>, StoreFault>
  /** By ticket. */
  readonly couponsOfCampaign: (
    campaignId: CampaignId,
    page: Page<number>,
  ) => Effect.Effect<ReadonlyArray<Coupon>, StoreFault>
  readonly order: (orderId: OrderId) => Effect.Effect<Order | undefined, StoreFault>
  /** By order id, which sorts by time. */
  readonly ordersOfAccount: (
    accountId: AccountId,
    page: Page<OrderId>,
  ) => Effect.Effect<ReadonlyArray<Order>, StoreFault>
  /** By order id. The host's references need not be unique. */
  readonly ordersByReference: (
    reference: string,
    page: Page<OrderId>,
  ) => Effect.Effect<ReadonlyArray<Order>, StoreFault>
  /** The products sold most in the window: most first, ties by product id; retired ones and sums of 0 left out. */
  readonly top: (window: Window & { readonly limit: number }) => Effect.Effect<ReadonlyArray<ProductSales>, StoreFault>
  readonly receipt: (
    scope: Scope,
    operation: string,
    key: IdempotencyKey,
  ) => Effect.Effect<Receipt | undefined, StoreFault>
}

/** What a store does: see {@link Store}. */
export interface StoreShape {
  readonly guarantees: Guarantees
  readonly transact: <A>(
    keys: Keys,
    decide: (records: Records) => Decided<A>,
    turn?: Turn,
  ) => Effect.Effect<A, StoreFault>
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
  readonly scanLog: <L extends Exclude<LogName, "event">>(
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
   * The same store inside a transaction that the host opened and will commit or roll back itself. What it answers is
   * provisional until then. Absent where the store cannot join one.
   */
  readonly join?: ((handle: unknown) => Effect.Effect<StoreShape, JoinNotSupported>) | undefined
}

/**
 * The store of a shop.
 *
 * **Atomicity.** All changes that `decide` answered become durable at once, or none does. Rows of `appends` and the
 * records of `puts` are one commit, and so are the events.
 *
 * **Isolation.** `decide` saw the current records of `keys`, and nobody else changed them before its changes became
 * durable. How (locks, an unlocked snapshot whose guards are verified at commit, one process that does one thing at a
 * time) is the adapter's choice. A decision that changes nothing may be answered from one snapshot taken after the call.
 *
 * **Idempotency.** None of its own: `decide` may run several times for one call, and only the last answer counts. It is
 * pure. Repeating a whole `transact` is safe because its commands find their receipts.
 *
 * **Order.** The events of one key are claimed in the order in which their commits were serialised. Positions (`seq`,
 * `revision`, `ticket`) are gapless per key.
 *
 * **Failure.** Conflicts are retried inside, bounded. `Busy` and `Rejected` say that nothing happened; `Lost` says that
 * nobody knows. No fault is ever reported as a refusal, and no refusal as a fault.
 */
export class Store extends Context.Service<Store, StoreShape>()("@holdfast/core/Store") {
  /**
   * A store out of a database's transactions: what most adapters are made with. `connect` gives the connection for given
   * options; the algorithm around it is written once, in the core.
   */
  static readonly fromTransaction = <Options, Tx>(
    guarantees: Guarantees,
    connect: (options: Options) => Effect.Effect<Connection<Tx>, StoreFault, EffectScope.Scope>,
  ): StoreAdapter<Options> => ({
    guarantees,
    layer: (options) =>
      Layer.effect(
        Store,
        Effect.map(connect(options), (connection) => storeOf(guarantees, connection)),
      ),
  })
}

/** A store made by {@link Store.fromTransaction}: its layer for given options, and what it claims. */
export interface StoreAdapter<Options> {
  readonly guarantees: Guarantees
  readonly layer: (options: Options) => Layer.Layer<Store, StoreFault>
}

export type { ChangeSet, Put } from "../decision/Changes.ts"
export type { Again, Decided } from "../decision/fold.ts"
export { type KindName, kindNames, kinds, type LogName, logs, type RecordOf, type RowOf } from "../decision/kinds.ts"
export { type Keys, type Loaded, type Records, recordsOf } from "../decision/Records.ts"
export type { Key } from "../values.ts"
export { compareKeys, keyText } from "../values.ts"
export type { Conflict, Connection } from "./fromTransaction.ts"
export type { Claimed, Depth, Lease, Outbox, Parked, Position } from "./Outbox.ts"
