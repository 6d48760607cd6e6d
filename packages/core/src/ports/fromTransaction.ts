/**
 * `Store.fromTransaction`: a store out of a database's transactions.
 *
 * Read, decide, apply with guards, decide again what was uncertain, and fall back to locks: the riskiest code of an
 * adapter, written once. An adapter gives five functions and no rule.
 *
 * A refusal that is decided again sees what its whole batch changed, and so may turn into an acceptance: an order refused
 * for stock just before a restock in the same batch. Every answer is true at some moment between call and answer.
 */
import { Effect } from "effect"
import type { ChangeSet, Put } from "../decision/Changes.ts"
import type { Decided } from "../decision/fold.ts"
import { type KindName, kindNames, kinds, type RecordOf } from "../decision/kinds.ts"
import { type Keys, type Loaded, type Records, recordsOf } from "../decision/Records.ts"
import { compareKeys, keyText } from "../values.ts"
import type { Guarantees, StoreFault, StoreShape } from "./Store.ts"

/** Another transaction was in the way, or a guard did not hold. Nothing happened; the batch is decided again. */
export interface Conflict {
  readonly _tag: "Conflict"
}

/** What an adapter gives: how to begin, load, apply and commit. */
export interface Connection<Tx> extends Pick<StoreShape, "reads" | "scan" | "scanLog" | "outbox" | "join"> {
  /** Begins, runs `use`, then commits; or rolls back and fails where `use` fails. Fails with `Lost` where nobody knows. */
  readonly transaction: <A>(
    use: (tx: Tx) => Effect.Effect<A, StoreFault | Conflict>,
  ) => Effect.Effect<A, StoreFault | Conflict>
  /** Locks the keys until the transaction ends, kinds and keys in the order of `keys`, and loads their records. */
  readonly load: (tx: Tx, keys: Keys) => Effect.Effect<Loaded, StoreFault | Conflict>
  /**
   * Loads the records of one snapshot without locking anything. Where it is given, batches are first decided on it and
   * applied with guards; without it every batch takes its locks first.
   */
  readonly snapshot?: (keys: Keys) => Effect.Effect<Loaded, StoreFault | Conflict>
  /**
   * Applies changes, sorted in lock order. A put without `before` whose record exists by now is always a `Conflict`: new
   * orders and receipts were not loaded, so no lock covers them. `guarded` is true where the records were not locked when
   * they were loaded: then every other guard of `puts` must be checked too, and one that does not hold is a `Conflict`.
   */
  readonly apply: (tx: Tx, changes: ChangeSet, guarded: boolean) => Effect.Effect<void, StoreFault | Conflict>
}

/** How often one batch is decided again before its keys count as busy. */
const maxAttempts = 16
/** How many batches that touch a key in conflict go straight to the locks. */
const lockedAfterConflict = 5
/** How many keys in conflict are remembered. */
const maxRemembered = 1_024

/** The store around a connection. */
export const storeOf = <Tx>(guarantees: Guarantees, connection: Connection<Tx>): StoreShape => {
  const { reads, scan, scanLog, outbox, join } = connection
  const conflicts = new Conflicts()
  const transact: StoreShape["transact"] = Effect.fnUntraced(function* (keys, decide) {
    const { snapshot } = connection
    if (snapshot === undefined || conflicts.touch(keys)) return yield* lockedUntilDecided(connection, keys, decide)
    const decided = decide(recordsOf(yield* Effect.catchTag(snapshot(keys), "Conflict", () => busy(keys))))
    // One snapshot, nothing written: every answer holds as it stands.
    if (decided.changes === undefined) return decided.answer
    const applied = yield* guardedApply(connection, decided.changes)
    if (!applied) {
      conflicts.remember(keys)
      return yield* lockedUntilDecided(connection, keys, decide)
    }
    const again = decided.again()
    return again === undefined ? decided.answer : yield* lockedUntilDecided(connection, again.keys, again.decide)
  })
  return { guarantees, transact, reads, scan, scanLog, outbox, ...(join === undefined ? {} : { join }) }
}

/** True where the guards held and the changes are committed. */
const guardedApply = <Tx>(connection: Connection<Tx>, changes: ChangeSet): Effect.Effect<boolean, StoreFault> =>
  connection
    .transaction((tx) => connection.apply(tx, inLockOrder(changes), true))
    .pipe(
      Effect.as(true),
      Effect.catchTag("Conflict", () => Effect.succeed(false)),
    )

const locked = <Tx, A>(connection: Connection<Tx>, keys: Keys, decide: (records: Records) => Decided<A>) =>
  connection.transaction((tx) =>
    Effect.gen(function* () {
      const { answer, changes } = decide(recordsOf(yield* connection.load(tx, keys)))
      if (changes !== undefined) yield* connection.apply(tx, inLockOrder(changes), false)
      return answer
    }),
  )

const lockedUntilDecided = <Tx, A>(
  connection: Connection<Tx>,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
): Effect.Effect<A, StoreFault> =>
  locked(connection, keys, decide).pipe(
    Effect.retry({ times: maxAttempts, while: (fault) => fault._tag === "Conflict" }),
    Effect.catchTag("Conflict", () => busy(keys)),
  )

const busy = (keys: Keys): Effect.Effect<never, StoreFault> =>
  Effect.fail({
    _tag: "Busy",
    keys: kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => ({ kind, key })) : [])),
  })

/** The same changes with the puts of each kind sorted by key, so that two batches cannot deadlock. */
const inLockOrder = ({ puts, appends }: ChangeSet): ChangeSet => ({
  puts: {
    account: sorted("account", puts.account),
    coupon: sorted("coupon", puts.coupon),
    campaign: sorted("campaign", puts.campaign),
    order: sorted("order", puts.order),
    product: sorted("product", puts.product),
    bucket: sorted("bucket", puts.bucket),
    receipt: sorted("receipt", puts.receipt),
  },
  appends,
})

const sorted = <K extends KindName>(
  kind: K,
  puts: ReadonlyArray<Put<RecordOf[K]>>,
): ReadonlyArray<Put<RecordOf[K]>> => {
  const { keyOf } = kinds[kind]
  return puts.toSorted((left, right) => compareKeys(keyOf(left.after), keyOf(right.after)))
}

/** Remembers which keys were in conflict lately, so that one contended wallet does not slow the others down. */
class Conflicts {
  readonly #batchesLeft = new Map<string, number>()

  /** True where the batch touches a key that was in conflict; counts the batch. */
  touch(keys: Keys): boolean {
    if (this.#batchesLeft.size === 0) return false
    let touched = false
    for (const text of textsOf(keys)) {
      const left = this.#batchesLeft.get(text)
      if (left === undefined) continue
      touched = true
      if (left > 1) this.#batchesLeft.set(text, left - 1)
      else this.#batchesLeft.delete(text)
    }
    return touched
  }

  remember(keys: Keys): void {
    for (const text of textsOf(keys)) {
      if (this.#batchesLeft.size >= maxRemembered) return
      this.#batchesLeft.set(text, lockedAfterConflict)
    }
  }
}

const textsOf = (keys: Keys): ReadonlyArray<string> =>
  kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => keyText([kind, ...key])) : []))
