/**
 * What a decision makes durable: new values of records, and rows that are only ever appended.
 */
import {
  type KindName,
  kindNames,
  type LedgerName,
  type LogName,
  ledgerNames,
  mapKinds,
  type OfKind,
  type RecordOf,
  type RowOf,
} from "./kinds.ts"

/** What one accepted command changes. A refusal has no changes, so it cannot spoil the batch it rides in. */
export interface Changes {
  /**
   * New values of records. What the decision looked at and leaves as it is need not be named: the fold adds it, so that it
   * is guarded too.
   */
  readonly records: { readonly [K in Exclude<KindName, "receipt">]?: ReadonlyArray<RecordOf[K]> | undefined }
  readonly rows?: { readonly [L in LedgerName]?: ReadonlyArray<RowOf[L]> | undefined } | undefined
  /** The kind of the record whose position the answer, the receipt or the event shows. */
  readonly exact?: KindName | undefined
}

/**
 * One record's change.
 *
 * - `before` undefined: insert `after`. A record that exists by then is a conflict to decide again, never an overwrite.
 * - otherwise every term must still be that of `before`, by its value, and
 *   - guard `exact`: every counter too;
 *   - guard `relative`: the counters move by `after − before`, whatever they are now, and must stay legal (≥ 0; an
 *     appended row's position moves along with its record's). An adapter may treat `relative` as `exact`.
 * - `after` the same value as `before`: nothing moves; the decision relies on the terms, which must still hold.
 *
 * Values are compared and not versions alone. A decision is a function of the values that it read. A version counts
 * changes, and a batch that was decided and never committed has counted too: two histories share their numbers.
 *
 * An adapter that holds locks from its load to its commit may ignore guards.
 */
export interface Put<R> {
  readonly before: R | undefined
  readonly after: R
  readonly guard: "exact" | "relative"
}

/** The puts of each kind, as {@link mapKinds} makes them. */
export interface PutsOfKind extends OfKind {
  readonly made: ReadonlyArray<Put<RecordOf[this["kind"]]>>
}
export type Puts = { readonly [K in KindName]: ReadonlyArray<Put<RecordOf[K]>> }

/** The union of a batch's changes, grouped by kind: all of it becomes durable at once, or none of it. */
export interface ChangeSet {
  readonly puts: Puts
  readonly appends: { readonly [L in LogName]: ReadonlyArray<RowOf[L]> }
}

/** Visits every put of a change set, kind by kind in lock order. */
export const eachPut = (puts: Puts, visit: <K extends KindName>(kind: K, put: Put<RecordOf[K]>) => void): void => {
  const visitKind = <K extends KindName>(kind: K): void => {
    for (const put of puts[kind]) visit(kind, put)
  }
  kindNames.forEach(visitKind)
}

/** Visits every row of the ledgers. */
export const eachRow = (
  appends: ChangeSet["appends"],
  visit: <L extends LedgerName>(ledger: L, row: RowOf[L]) => void,
): void => {
  const visitLedger = <L extends LedgerName>(ledger: L): void => {
    for (const row of appends[ledger]) visit(ledger, row)
  }
  ledgerNames.forEach(visitLedger)
}

/** The puts with those of each kind changed. */
export const mapPuts = (
  puts: Puts,
  change: <K extends KindName>(kind: K, puts: ReadonlyArray<Put<RecordOf[K]>>) => ReadonlyArray<Put<RecordOf[K]>>,
): Puts => mapKinds<PutsOfKind>((kind) => change(kind, puts[kind]))
