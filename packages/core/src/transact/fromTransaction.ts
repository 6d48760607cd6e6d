/**
 * `transact` over a database's transactions, for stores that begin, lock, write and commit in one piece. The same paths as
 * over sessions, but for the blind one. An adapter gives a few functions and no rule.
 */
import { Effect } from "effect"
import { type ChangeSet, mapPuts } from "../decision/Changes.ts"
import { kinds } from "../decision/kinds.ts"
import { type Keys, type Loaded, recordsOf } from "../decision/Records.ts"
import { compareKeys } from "../values.ts"
import type { Attempts } from "./Attempts.ts"
import { type BatchState, newBatchState } from "./BatchState.ts"
import type { Transact } from "./fromSessions.ts"
import { firstPath, transactOn } from "./paths.ts"
import type { NotNow } from "./Session.ts"
import type { StoreFault } from "./StoreFault.ts"

/** Another transaction was in the way, or a guard did not hold. Nothing happened; the batch is decided again. */
export interface Conflict {
  readonly _tag: "Conflict"
}

/** What an adapter gives: how to begin, load, apply and commit. */
export interface Transactions<Tx> {
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
  /**
   * Completes when everything that could be read so far is as durable as the store claims: where commits wait for other
   * machines, a commit that does. Absent where whatever can be read is.
   */
  readonly confirm?: Effect.Effect<void, StoreFault> | undefined
}

/** What batches over these transactions remember. */
export const stateIn = <Tx>({ snapshot }: Transactions<Tx>): BatchState =>
  newBatchState(snapshot === undefined ? "locked" : "snapshot")

/** Runs batches over transactions: on a snapshot first where the adapter gives one, else under locks. */
export const transactIn = <Tx>(transactions: Transactions<Tx>, state: BatchState): Transact => {
  const attempts = attemptsIn(transactions)
  return (keys, decide) =>
    Effect.suspend(() => {
      const path = firstPath(state, keys)
      return transactOn(state, attempts, keys, decide, path === "locked" ? "locked" : "snapshot")
    })
}

const attemptsIn = <Tx>({ transaction, load, snapshot, apply, confirm = Effect.void }: Transactions<Tx>): Attempts => ({
  snapshot: (keys) =>
    snapshot === undefined
      ? Effect.succeed(conflict)
      : orConflict(Effect.map(snapshot(keys), (loaded) => ({ _tag: "Read", records: recordsOf(loaded) }) as const)),
  confirm,
  guarded: (changes) =>
    orConflict(
      Effect.as(
        transaction((tx) => apply(tx, inLockOrder(changes), true)),
        { _tag: "Applied", heard: true },
      ),
    ),
  locked: (keys, decide) =>
    orConflict(
      Effect.flatMap(
        transaction((tx) =>
          Effect.flatMap(load(tx, keys), (loaded) => {
            const decided = decide(recordsOf(loaded))
            const { changes } = decided
            return changes === undefined
              ? Effect.succeed(decided)
              : Effect.as(apply(tx, inLockOrder(changes), false), decided)
          }),
        ),
        ({ answer, changes, restsOnRows }) => {
          const done = { _tag: "Done", answer, changes, heard: true } as const
          return changes === undefined && restsOnRows === true ? Effect.as(confirm, done) : Effect.succeed(done)
        },
      ),
    ),
  // A store in one piece does not tell which keys are held: a batch that stays in conflict names all of its keys.
  heldOf: () => Effect.succeed([]),
})

const conflict: NotNow = {
  _tag: "Conflict",
  at: "anything",
  isCrowd: true,
  reason: "other transactions stay in the way",
}

const orConflict = <A>(attempt: Effect.Effect<A, StoreFault | Conflict>): Effect.Effect<A | NotNow, StoreFault> =>
  Effect.catchTag(attempt, "Conflict", () => Effect.succeed(conflict))

/** The same changes with the puts of each kind sorted by key, so that two batches cannot deadlock. */
const inLockOrder = ({ puts, appends }: ChangeSet): ChangeSet => ({
  puts: mapPuts(puts, (kind, all) => {
    const { keyOf } = kinds[kind]
    return all.toSorted((left, right) => compareKeys(keyOf(left.after), keyOf(right.after)))
  }),
  appends,
})
