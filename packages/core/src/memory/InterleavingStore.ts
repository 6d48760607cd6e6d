/**
 * The interleaving memory store: row locks, transactions and guards as a database has them, in pure Effect.
 *
 * It is built on `Store.fromTransaction` like any adapter, and lets other fibers run before each of its steps. No promise
 * and no timer takes part, so that a simulated scheduler can choose every interleaving and replay it. For tests: a shop
 * is better served by the plain store.
 */
import { Effect, type Layer } from "effect"
import * as Options from "../options.ts"
import {
  type ChangeSet,
  type Conflict,
  type Connection,
  eachPut,
  type Guarantees,
  type Key,
  type Keys,
  type KindName,
  kindNames,
  kinds,
  type Loaded,
  mapKinds,
  type Put,
  type RecordOf,
  Store,
  type StoreFault,
  type StoreShape,
} from "../ports/index.ts"
import { storeIn } from "../ports/Store.ts"
import { type Rebased, type RebasedOfKind, rebase, rebaseAll } from "./guards.ts"
import { conflict, Holder, Locks } from "./Locks.ts"
import { outboxOf } from "./MemoryOutbox.ts"
import { readsOf } from "./reads.ts"
import { afterYield } from "./step.ts"
import { Tables } from "./Tables.ts"

export interface InterleavingOptions {
  /**
   * Whether batches are first decided on an unlocked snapshot and applied with guards. Default true; false forces the
   * locked path.
   */
  readonly optimistic?: boolean | undefined
}

const guarantees: Guarantees = {
  name: "interleaving memory",
  durability: "nothing",
  scope: "one process",
  lanes: 2,
}

/** An open transaction: its locks, and what it will commit. */
class Transaction extends Holder {
  readonly staged: Array<ChangeSet> = []
}

const connectionOf = (options: InterleavingOptions): Connection<Transaction> => {
  const tables = new Tables()
  const locks = new Locks()
  const snapshot = (keys: Keys) =>
    Effect.andThen(
      afterYield(() => tables.loaded(keys)),
      (records) => Effect.as(Effect.yieldNow, records),
    )
  return {
    transaction: (use) =>
      Effect.acquireUseRelease(
        Effect.sync(() => new Transaction()),
        (transaction) => Effect.tap(use(transaction), commit(tables, transaction)),
        (transaction) => Effect.sync(() => locks.release(transaction)),
      ),
    load: (transaction, keys) => load(tables, locks, transaction, keys),
    ...(options.optimistic === false ? {} : { snapshot }),
    apply: (transaction, changes, guarded) => apply(tables, locks, transaction, changes, guarded),
    ...readsOf(() => tables, afterYield),
    outbox: outboxOf(tables.outbox, afterYield),
  }
}

/** Locks one key after the other, then reads. Nothing that is locked can change meanwhile; receipts are read last. */
const load = Effect.fnUntraced(function* (
  tables: Tables,
  locks: Locks,
  transaction: Transaction,
  keys: Keys,
): Effect.fn.Return<Loaded, Conflict> {
  for (const kind of kindNames) {
    if (!kinds[kind].locked) continue
    for (const key of keys.of(kind)) yield* locks.acquire(transaction, kind, key)
  }
  return yield* afterYield(() => tables.loaded(keys))
})

/**
 * Locks what the puts touch, kind by kind in lock order, compares it with what is committed, and stages the changes. Locked
 * rows stay as they are until the commit, so what holds here still holds there. Nobody sees the changes before it.
 */
const apply = Effect.fnUntraced(function* (
  tables: Tables,
  locks: Locks,
  transaction: Transaction,
  changes: ChangeSet,
  guarded: boolean,
): Effect.fn.Return<void, Conflict> {
  const touched: Array<readonly [KindName, Key]> = []
  eachPut(changes.puts, (kind, { after }) => touched.push([kind, kinds[kind].keyOf(after)]))
  for (const [kind, key] of touched) yield* locks.acquire(transaction, kind, key)
  const held = rebased(tables, changes, guarded)
  if (held === undefined) return yield* Effect.fail(conflict)
  transaction.staged.push(held)
})

/** The changes on what is committed by now; undefined where a guard does not hold. */
const rebased = (tables: Tables, { puts, appends }: ChangeSet, guarded: boolean): ChangeSet | undefined => {
  let holds = true
  const rebaseOne = <K extends KindName>(kind: K, put: Put<RecordOf[K]>): ReadonlyArray<Rebased<RecordOf[K]>> => {
    // Where the records were locked when they were loaded there is nothing to guard but inserts of keys that were not.
    if (!guarded && put.before !== undefined) return [{ put, shift: [] }]
    const held = rebase(kind, put, tables.get(kind, kinds[kind].keyOf(put.after)))
    holds &&= held !== undefined
    return held === undefined ? [] : [held]
  }
  const records = mapKinds<RebasedOfKind>((kind) => puts[kind].flatMap((put) => rebaseOne(kind, put)))
  return holds ? rebaseAll(records, appends) : undefined
}

const commit = (tables: Tables, { staged }: Transaction): Effect.Effect<void> =>
  Effect.andThen(
    Effect.yieldNow,
    Effect.suspend(() => {
      for (const changes of staged) {
        const misfit = tables.misfit(changes)
        if (misfit !== undefined) return Effect.die(new Error(misfit))
        tables.commit(changes)
      }
      return Effect.void
    }),
  )

const checks: Options.Checks<InterleavingOptions> = { optimistic: Options.trueOrFalse }

const adapter = Store.fromTransaction(guarantees, (options: InterleavingOptions) =>
  Effect.sync(() => connectionOf(options)),
)

/**
 * A store with two lanes that interleaves like a database, for laws and simulations.
 *
 * Each build of `layer` is a store of its own. `make` gives one that may outlive the shops that are built on it.
 */
export const InterleavingStore: {
  readonly guarantees: Guarantees
  readonly make: (options?: InterleavingOptions) => Effect.Effect<StoreShape>
  readonly layer: (options?: InterleavingOptions) => Layer.Layer<Store, StoreFault>
} = {
  guarantees,
  make: (options = {}) => {
    Options.check(options, checks)
    return Effect.sync(() => storeIn(guarantees, connectionOf(options)))
  },
  layer: (options = {}) => {
    Options.check(options, checks)
    return adapter.layer(options)
  },
}
