/**
 * The store inside a transaction that the host opened: on its connection, under a savepoint.
 *
 * Every call locks first and decides then: a conflict could not be decided again from the beginning, because the host's
 * own statements are none of ours to repeat. A lock is waited for briefly; one that is not given is `Busy`, which the
 * engine answers as a conflict of transactions that the host may run again. Nothing of the session stays changed, and a
 * failure of ours leaves the host's transaction as it was. READ COMMITTED only: with an older snapshot locks would show
 * values that are not current, and so would reads.
 */
import {
  type Decided,
  type Guarantees,
  type JoinNotSupported,
  type Keys,
  type KindName,
  kindNames,
  kinds,
  type Records,
  type StoreFault,
  type StoreShape,
} from "@holdfast/core"
import { Effect } from "effect"
import { applyStatements } from "./apply.ts"
import { lost, meaningOf, rejected } from "./faults.ts"
import { queryOf } from "./handles.ts"
import { Line } from "./Line.ts"
import { type LockStatement, locksOf } from "./load.ts"
import { outboxOn } from "./outbox.ts"
import { readsOn, scansOn } from "./reads.ts"
import { sequentialWire } from "./session.ts"
import { rowsOf } from "./text.ts"
import { allKeys } from "./transact.ts"
import { begin, type Failure, type Reply, type Statement, statement, type Wire } from "./wire.ts"

const savepoint = statement("savepoint holdfast")
const release = statement("release savepoint holdfast")
const rollbackTo = statement("rollback to savepoint holdfast")
/** The isolation, the host's own patience, and what tells this transaction from the client's others. */
const context = statement(
  `select json_build_array(json_build_array(current_setting('transaction_isolation'),
  current_setting('lock_timeout'), now()::text || pg_backend_pid()))::text`,
)
type Context = readonly [isolation: string, lockTimeout: string, transaction: string]
const setLockTimeout = (value: string) => statement(`select set_config('lock_timeout', $1, true)`, value)

/** How long a call waits for a lock: shorter than the server takes to look for a deadlock. */
const patience = "200ms"
/**
 * How long a later call of the same transaction waits for what comes before the locks that the transaction has: whoever
 * holds it may be waiting for those. Far shorter than a lane waits, so that it is not the lane that has to give up.
 */
const impatience = "20ms"
/** A record or a receipt that appeared between the locks and the insert; seen by the next attempt. */
const maxAttempts = 3

/** A handle that was joined. It outlives the host's transactions where it is a client. */
interface Joined {
  readonly line: Line
  /** The transaction that moved something last, and the last kind that it locked. */
  moved: { readonly transaction: string; readonly furthest: number } | undefined
}

/** Joins of one store. A handle is one connection, so all calls on it take turns. */
export const joiner = (
  guarantees: Guarantees,
  schema: string,
): ((handle: unknown) => Effect.Effect<StoreShape, JoinNotSupported>) => {
  const known = new WeakMap<object, Joined>()
  const joinedOf = (handle: unknown): Joined | string => {
    const key = typeof handle === "object" || typeof handle === "function" ? handle : null
    const before = key === null ? undefined : known.get(key)
    if (before !== undefined) return before
    const query = queryOf(handle)
    if (typeof query === "string") return query
    const wire = withoutTransactions(sequentialWire(query, schema, []))
    // The connection is the host's: there is nothing to open and nothing to close.
    const joined: Joined = { line: new Line(Effect.succeed(wire), false), moved: undefined }
    if (key !== null) known.set(key, joined)
    return joined
  }
  const refuse = (reason: string): Effect.Effect<never, JoinNotSupported> =>
    Effect.fail({ _tag: "JoinNotSupported", outcome: "nothing-happened", store: guarantees.name, reason })
  return (handle) => {
    const joined = joinedOf(handle)
    if (typeof joined === "string") return refuse(joined)
    const { line } = joined
    return Effect.flatMap(whyNotJoin(line), (whyNot) =>
      whyNot === undefined
        ? Effect.succeed({
            guarantees,
            transact: (keys, decide) => line.use((wire) => decideUnderSavepoint(joined, wire, keys, decide)),
            reads: readsOn(line),
            ...scansOn(line),
            outbox: outboxOn(line),
          })
        : refuse(whyNot),
    )
  }
}

/** Only a transaction has savepoints, and only one that has not failed. */
const whyNotJoin = (line: Line): Effect.Effect<string | undefined> =>
  Effect.match(
    line.use((wire) => wire.run([savepoint, context, release])),
    {
      onFailure: (fault) => ("reason" in fault ? fault.reason : "it is busy"),
      onSuccess: ({ values, failed }) => {
        if (failed !== undefined) return failed.failure.message
        const [isolation] = contextIn(values[1])
        return isolation === "read committed"
          ? undefined
          : `it runs at ${isolation}, where locks and reads show what may be outdated; only read committed is joined`
      },
    },
  )

const contextIn = (value: string | null | undefined): Context =>
  rowsOf<Context>(value)[0] ?? ["an unknown isolation level", "0", ""]

const decideUnderSavepoint = <A>(
  joined: Joined,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt = 1,
): Effect.Effect<A, StoreFault> =>
  Effect.gen(function* () {
    const opened = yield* wire.run([context, savepoint])
    if (opened.failed !== undefined) return yield* fail(opened.failed.failure)
    const [, before, transaction] = contextIn(opened.values[0])
    const furthest = joined.moved?.transaction === transaction ? joined.moved.furthest : -1
    const locks = locksOf(keys)
    const early = locks.statements.filter(({ kind }) => orderOf(kind) <= furthest)
    const late = locks.statements.slice(early.length)
    const loaded = yield* wire.run([...waiting(impatience, early), ...waiting(patience, late)])
    if (loaded.failed !== undefined) return yield* undo<A>(joined, wire, keys, decide, attempt, loaded.failed.failure)
    const values = loaded.values.slice(early.length > 0 ? 1 : 0)
    if (late.length > 0) values.splice(early.length, 1)
    const { answer, changes } = decide(locks.recordsOf(values))
    const applied = yield* wire.run([
      ...(changes === undefined ? [] : applyStatements(changes, true)),
      setLockTimeout(before),
      release,
    ])
    if (applied.failed !== undefined) return yield* undo<A>(joined, wire, keys, decide, attempt, applied.failed.failure)
    const locked = locks.statements.filter(({ kind }) => kinds[kind].locked).map(({ kind }) => orderOf(kind))
    joined.moved = { transaction, furthest: Math.max(...locked, furthest) }
    return answer
  })

/** Where a kind stands in the order of locks. */
const orderOf = (kind: KindName): number => kindNames.indexOf(kind)

const waiting = (howLong: string, locks: ReadonlyArray<LockStatement>): ReadonlyArray<Statement> =>
  locks.length === 0 ? [] : [setLockTimeout(howLong), ...locks]

/** Undoes what this call did and nothing else; what was set under the savepoint goes back with it. */
const undo = <A>(
  joined: Joined,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt: number,
  failure: Failure,
): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(wire.run([rollbackTo, release]), (undone) => {
    if (undone.failed !== undefined) return Effect.fail(lost(undone.failed.failure))
    const meaning = meaningOf(failure, false)
    if (meaning === "conflict" && attempt < maxAttempts)
      return decideUnderSavepoint(joined, wire, keys, decide, attempt + 1)
    if (meaning === "conflict" || meaning === "waited")
      return Effect.fail<StoreFault>({ _tag: "Busy", keys: allKeys(keys) })
    return fail(failure)
  })

const fail = (failure: Failure): Effect.Effect<never, StoreFault> =>
  Effect.fail(meaningOf(failure, false) === "lost" ? lost(failure) : rejected(failure))

/** Whatever comes with a beginning and an end of its own has no place here: its end would be the host's. */
const withoutTransactions = (wire: Wire): Wire => ({
  run: (frame) => (frame.some(({ sql }) => sql === begin.sql) ? Effect.succeed(notHere) : wire.run(frame)),
})

const notHere: Reply = {
  values: [],
  failed: {
    index: 0,
    failure: { code: "0B000", message: "inside the host's transaction nothing else begins one", cause: undefined },
  },
}
