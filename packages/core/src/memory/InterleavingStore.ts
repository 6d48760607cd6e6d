/**
 * The interleaving memory store: row locks, transactions and guards as a database has them, in pure Effect.
 *
 * It is built on `Store.fromTransaction` like any adapter, and lets other fibers run before each of its steps. No promise
 * and no timer takes part, so that a simulated scheduler can choose every interleaving and replay it. For tests: a shop
 * is better served by the plain store.
 */
import { Effect, type Layer } from "effect"
import { storeOf } from "../ports/fromTransaction.ts"
import {
  type ChangeSet,
  type Conflict,
  type Connection,
  type Guarantees,
  type Keys,
  type KindName,
  kindNames,
  kinds,
  type Loaded,
  type Put,
  type RecordOf,
  Store,
  type StoreFault,
  type StoreShape,
} from "../ports/Store.ts"
import { type Rebased, rebase, rebaseRows } from "./guards.ts"
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
      afterYield(() => loaded(tables, keys)),
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
    ...readsOf(tables, afterYield),
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
  return yield* afterYield(() => loaded(tables, keys))
})

const loaded = (tables: Tables, keys: Keys): Loaded => ({
  account: recordsOf("account", tables, keys),
  coupon: recordsOf("coupon", tables, keys),
  campaign: recordsOf("campaign", tables, keys),
  order: recordsOf("order", tables, keys),
  product: recordsOf("product", tables, keys),
  bucket: recordsOf("bucket", tables, keys),
  receipt: recordsOf("receipt", tables, keys),
})

const recordsOf = <K extends KindName>(kind: K, tables: Tables, keys: Keys): ReadonlyArray<RecordOf[K]> =>
  keys.of(kind).flatMap((key) => tables.get(kind, key) ?? [])

/** Checks and stages the changes kind by kind, in lock order. Nobody sees them before the commit. */
const apply = Effect.fnUntraced(function* (
  tables: Tables,
  locks: Locks,
  transaction: Transaction,
  { puts, appends }: ChangeSet,
  guarded: boolean,
): Effect.fn.Return<void, Conflict> {
  const check = <K extends KindName>(kind: K) => checked(tables, locks, transaction, kind, puts[kind], guarded)
  const rebased = {
    account: yield* check("account"),
    coupon: yield* check("coupon"),
    campaign: yield* check("campaign"),
    order: yield* check("order"),
    product: yield* check("product"),
    bucket: yield* check("bucket"),
    receipt: yield* check("receipt"),
  }
  const entry = rebaseRows("entry", appends.entry, rebased)
  const movement = rebaseRows("movement", appends.movement, rebased)
  if (entry === undefined || movement === undefined) return yield* Effect.fail(conflict)
  transaction.staged.push({
    puts: {
      account: rebased.account.map(putOf),
      coupon: rebased.coupon.map(putOf),
      campaign: rebased.campaign.map(putOf),
      order: rebased.order.map(putOf),
      product: rebased.product.map(putOf),
      bucket: rebased.bucket.map(putOf),
      receipt: rebased.receipt.map(putOf),
    },
    appends: { entry, movement, event: appends.event },
  })
})

/**
 * Locks what the puts of one kind touch and compares it with what is committed. Locked rows stay as they are until the
 * commit, so what held here still holds there.
 */
const checked = Effect.fnUntraced(function* <K extends KindName>(
  tables: Tables,
  locks: Locks,
  transaction: Transaction,
  kind: K,
  puts: ReadonlyArray<Put<RecordOf[K]>>,
  guarded: boolean,
): Effect.fn.Return<ReadonlyArray<Rebased<RecordOf[K]>>, Conflict> {
  const rebased: Array<Rebased<RecordOf[K]>> = []
  if (puts.length > 0) yield* Effect.yieldNow
  for (const put of puts) {
    const key = kinds[kind].keyOf(put.after)
    yield* locks.acquire(transaction, kind, key)
    const current = tables.get(kind, key)
    // Where the records were locked when they were loaded there is nothing to guard but inserts of keys that were not.
    const holds = guarded || put.before === undefined ? rebase(kind, put, current) : { put, shift: [] }
    if (holds === undefined) return yield* Effect.fail(conflict)
    rebased.push(holds)
  }
  return rebased
})

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

const putOf = <R>({ put }: Rebased<R>): Put<R> => put

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
  make: (options = {}) => Effect.sync(() => storeOf(guarantees, connectionOf(options))),
  layer: (options = {}) => adapter.layer(options),
}
