/**
 * The kinds of record and of log that exist, described as data.
 *
 * A new kind is its pure file, one row here, and for PostgreSQL a table among `statements/kindTables.ts` and a migration. The
 * compiler names what is missing. Everything that holds for all kinds is written once, over `mapKinds` and `eachPut`; an
 * adapter may give each kind its own table, or keep all of them in two generic ones.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Position, Verdict } from "../coupons/Request.ts"
import type { Event } from "../events/Event.ts"
import type { Order } from "../orders/Order.ts"
import { type Account, guessAccount, type PointEntry } from "../points/Account.ts"
import type { SalesBucket } from "../popularity/SalesBucket.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { TermsChange, TermsOwner } from "../terms/TermsChange.ts"
import type { AccountId, CampaignId, IdempotencyKey, Key, OrderId, ProductId, RequestId, Scope } from "../values.ts"
import type { Receipt } from "./Receipt.ts"

/** What there is to know of a kind: a current value, the record, under a key. */
interface Described<R, K extends Key> {
  readonly keyOf: (record: R) => K
  /** Numbers that move by addition. Every other field but the key is a term, which a guard compares with what was read. */
  readonly counters: ReadonlyArray<keyof R & string>
  /** Whether a batch locks records of this kind. Receipts are read last and never locked, and no decision reads a change of terms. */
  readonly locked: boolean
  /** Whether many callers may want one record of this kind at once. Admission keeps one such key from filling the queue. */
  readonly hot: boolean
  /**
   * What a decision that reads nothing takes for a record: `kept` what the last batch left of it; `absent` none, since an
   * insert of the same key finds out; `read` nothing at all, so that it has to be read.
   */
  readonly unread: "kept" | "absent" | "read"
  /**
   * For a kind with far more records than are worth keeping: a record that was never seen, with the terms of another one
   * and `unknownVersion`; undefined where that one is no example. Guards compare its terms, and checks its counters.
   */
  guess?(example: R, key: K): R | undefined
}

const kind = <R, K extends Key>(described: Described<R, K>): Described<R, K> => described

/** One row a kind, in the one order in which adapters lock: the hottest kinds last. */
const registry = {
  // First, so that of two who decide the same slice the later one waits here and for nothing else.
  position: kind({
    keyOf: ({ log, partition }: Position): readonly [string, number] => [log, partition],
    counters: [],
    locked: true,
    hot: false,
    unread: "kept",
  }),
  account: kind({
    keyOf: ({ accountId }: Account): readonly [AccountId] => [accountId],
    counters: ["balance", "seq"],
    locked: true,
    hot: true,
    unread: "kept",
    guess: (example, [accountId]) => guessAccount(example, accountId),
  }),
  coupon: kind({
    keyOf: ({ campaignId, accountId }: Coupon): readonly [CampaignId, AccountId] => [campaignId, accountId],
    counters: [],
    locked: true,
    hot: false,
    unread: "absent",
  }),
  campaign: kind({
    keyOf: ({ campaignId }: Campaign): readonly [CampaignId] => [campaignId],
    counters: ["issued"],
    locked: true,
    hot: true,
    unread: "kept",
  }),
  order: kind({
    keyOf: ({ orderId }: Order): readonly [OrderId] => [orderId],
    counters: [],
    locked: true,
    hot: false,
    unread: "read",
  }),
  product: kind({
    keyOf: ({ productId }: Product): readonly [ProductId] => [productId],
    counters: ["onHand", "revision"],
    locked: true,
    hot: true,
    unread: "kept",
  }),
  bucket: kind({
    keyOf: ({ productId, hour }: SalesBucket): readonly [ProductId, number] => [productId, hour],
    counters: ["sold"],
    locked: true,
    hot: false,
    unread: "absent",
  }),
  // Written once, beside the record whose change it tells. The id comes first: rows of one owner stand together.
  terms: kind({
    keyOf: ({ id, of, version }: TermsChange): readonly [string, TermsOwner, number] => [id, of, version],
    counters: [],
    locked: false,
    hot: false,
    unread: "absent",
  }),
  verdict: kind({
    keyOf: ({ requestId }: Verdict): readonly [RequestId] => [requestId],
    counters: [],
    locked: true,
    hot: false,
    unread: "absent",
  }),
  receipt: kind({
    keyOf: ({ scope, operation, key }: Receipt): readonly [Scope, string, IdempotencyKey] => [scope, operation, key],
    counters: [],
    locked: false,
    hot: false,
    unread: "absent",
  }),
}

export type KindName = keyof typeof registry
/** The record of each kind. */
export type RecordOf = { readonly [K in KindName]: Parameters<(typeof registry)[K]["keyOf"]>[0] }
/** The parts of each kind's key. */
export type KeyPartsOf = { readonly [K in KindName]: ReturnType<(typeof registry)[K]["keyOf"]> }

export type Kind<K extends KindName = KindName> = Described<RecordOf[K], Key>

/** Every kind by its name. */
export const kinds: { readonly [K in KindName]: Kind<K> } = registry

/** What there is to know of a ledger: rows that are appended and never changed, each owned by a record. */
interface DescribedLedger<Row, K extends KindName> {
  /** The kind of record that owns the rows. A row shows its owner's counters right after it, under the same names. */
  readonly of: K
  /** The owner's key and the row's position. Rows of one owner are in order and without gaps. */
  readonly keyOf: (row: Row) => readonly [owner: string, position: number]
}

const ledger = <Row, K extends KindName>(described: DescribedLedger<Row, K>): DescribedLedger<Row, K> => described

const ledgerRegistry = {
  entry: ledger({ of: "account", keyOf: ({ accountId, seq }: PointEntry) => [accountId, seq] }),
  movement: ledger({ of: "product", keyOf: ({ productId, revision }: StockMovement) => [productId, revision] }),
}

export type LedgerName = keyof typeof ledgerRegistry
/** Everything that is appended: the ledgers, which are kept for good, and the events, until each subscription had them. */
export type LogName = LedgerName | "event"
/** The row of each log. */
export type RowOf = { readonly [L in LedgerName]: Parameters<(typeof ledgerRegistry)[L]["keyOf"]>[0] } & {
  readonly event: Event
}

export type Ledger<L extends LedgerName = LedgerName> = DescribedLedger<RowOf[L], (typeof ledgerRegistry)[L]["of"]>

/** Every ledger by its name. */
export const ledgers: { readonly [L in LedgerName]: Ledger<L> } = ledgerRegistry

/** The names of all kinds in lock order. */
export const kindNames: ReadonlyArray<KindName> = namesOf(registry)
export const ledgerNames: ReadonlyArray<LedgerName> = namesOf(ledgerRegistry)

/**
 * What `mapKinds` makes of a kind, as an interface that extends this one: `readonly made: Table<RecordOf[this["kind"]]>`.
 * TypeScript has no other way to pass on a type that still wants an argument.
 */
export interface OfKind {
  readonly kind: KindName
  readonly made: unknown
}

type Made<F extends OfKind, K extends KindName> = (F & { readonly kind: K })["made"]

/** Makes something of each kind, in lock order. */
export const mapKinds = <F extends OfKind>(
  make: <K extends KindName>(kind: K) => Made<F, K>,
): { readonly [K in KindName]: Made<F, K> } => {
  const made: object = Object.fromEntries(kindNames.map((kind) => [kind, make(kind)]))
  // biome-ignore lint/plugin/casts: an entry for each kind, which no type of the language can follow
  return made as { readonly [K in KindName]: Made<F, K> }
}

function namesOf<N extends string>(described: Readonly<Record<N, unknown>>): ReadonlyArray<N> {
  const names: ReadonlyArray<string> = Object.keys(described)
  // biome-ignore lint/plugin/casts: the registries above have no other properties
  return names as ReadonlyArray<N>
}
