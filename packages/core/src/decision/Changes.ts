/**
 * What a decision makes durable: new values of records, and rows that are only ever appended.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Order } from "../orders/Order.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import type { SalesBucket } from "../popularity/SalesBucket.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import type { KindName, LogName, RecordOf, RowOf } from "./kinds.ts"

/** What one accepted command changes. A refusal has no changes, so it cannot spoil the batch it rides in. */
export interface Changes {
  /** The account's new value; unchanged where the command only relies on the account being as it is. */
  readonly account?: Account | undefined
  readonly coupon?: Coupon | undefined
  readonly campaign?: Campaign | undefined
  readonly order?: Order | undefined
  readonly products?: ReadonlyArray<Product> | undefined
  readonly buckets?: ReadonlyArray<SalesBucket> | undefined
  readonly entry?: PointEntry | undefined
  readonly movements?: ReadonlyArray<StockMovement> | undefined
  /** The record whose position the answer, the receipt or the event shows. */
  readonly exact?: "account" | "campaign" | undefined
}

/**
 * One record's change.
 *
 * - `before` undefined: insert `after`. A record that exists by then is a conflict to decide again, never an overwrite.
 * - otherwise the terms must still be those of `before` (`version` equal, where the kind has one), and
 *   - guard `exact`: the counters too must still be those of `before`;
 *   - guard `relative`: the counters move by `after − before`, whatever they are now, and must stay legal (≥ 0; an
 *     appended row's position moves along with its record's). An adapter may treat `relative` as `exact`.
 * - `after` the same value as `before`: nothing moves; the decision relies on the terms, which must still hold.
 *
 * An adapter that holds locks from its load to its commit may ignore guards.
 */
export interface Put<R> {
  readonly before: R | undefined
  readonly after: R
  readonly guard: "exact" | "relative"
}

/** The union of a batch's changes, grouped by kind: all of it becomes durable at once, or none of it. */
export interface ChangeSet {
  readonly puts: { readonly [K in KindName]: ReadonlyArray<Put<RecordOf[K]>> }
  readonly appends: { readonly [L in LogName]: ReadonlyArray<RowOf[L]> }
}
