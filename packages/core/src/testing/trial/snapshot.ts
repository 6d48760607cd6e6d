/**
 * Everything that one trial left in a store, read page by page through the port's own scans.
 *
 * A trial's ids begin with its own prefix, so that trials can share a store: what is scanned ends where the prefix does.
 */
import { Effect } from "effect"
import type { AuditSource } from "../../audit/walk.ts"
import {
  type KindName,
  kinds,
  type LedgerName,
  ledgers,
  mapKinds,
  type OfKind,
  type RecordOf,
  type RowOf,
} from "../../decision/kinds.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { compareKeys, type Key } from "../../values.ts"
import type { Snapshot } from "./Trial.ts"

const pageSize = 200

/** Reads everything whose key begins with a prefix. */
export const readSnapshot = Effect.fnUntraced(function* (
  store: StoreShape,
  prefix: string,
): Effect.fn.Return<Snapshot, StoreFault> {
  const records = <K extends KindName>(kind: K): Effect.Effect<ReadonlyArray<RecordOf[K]>, StoreFault> =>
    everything(prefix, kinds[kind].keyOf, (after) => store.scan(kind, after, pageSize))
  const rows = <L extends LedgerName>(log: L): Effect.Effect<ReadonlyArray<RowOf[L]>, StoreFault> =>
    everything(prefix, ledgers[log].keyOf, (after) => store.scanLog(log, after, pageSize))
  return {
    records: yield* Effect.all(mapKinds<ReadingOfKind>(records)),
    rows: yield* Effect.all({ entry: rows("entry"), movement: rows("movement") }),
  }
})

interface ReadingOfKind extends OfKind {
  readonly made: Effect.Effect<ReadonlyArray<RecordOf[this["kind"]]>, StoreFault>
}

const everything = Effect.fnUntraced(function* <R>(
  prefix: string,
  keyOf: (row: R) => Key,
  page: (after: Key) => Effect.Effect<ReadonlyArray<R>, StoreFault>,
) {
  const all: Array<R> = []
  for (let after: Key = [prefix]; ; ) {
    const rows = yield* page(after)
    for (const row of rows) {
      const key = keyOf(row)
      // A scan that does not move on would be read for ever; the audit says that its order is wrong.
      if (!String(key[0]).startsWith(prefix) || (all.length > 0 && compareKeys(key, after) < 0)) return all
      all.push(row)
      after = key
    }
    if (rows.length < pageSize) return all
  }
})

/** The snapshot as something that can be audited. */
export const auditSource = (snapshot: Snapshot): AuditSource<never> => ({
  scan: (kind, after, limit) => Effect.succeed(pageOf(snapshot.records[kind], kinds[kind].keyOf, after, limit)),
  scanLog: (log, after, limit) => Effect.succeed(pageOf(snapshot.rows[log], ledgers[log].keyOf, after, limit)),
})

const pageOf = <R>(
  rows: ReadonlyArray<R>,
  keyOf: (row: R) => Key,
  after: Key | undefined,
  limit: number,
): ReadonlyArray<R> => {
  const from = after === undefined ? 0 : rows.findIndex((row) => compareKeys(keyOf(row), after) > 0)
  return from < 0 ? [] : rows.slice(from, from + limit)
}
