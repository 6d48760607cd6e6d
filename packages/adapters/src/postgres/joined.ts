/**
 * The store inside a transaction that the host opened: on its connection, under a savepoint.
 *
 * Every call locks first and decides then: a conflict could not be decided again from the beginning, because the host's
 * own statements are none of ours to repeat. A lock is waited for briefly; one that is not given is `Busy`, which the
 * engine answers as a conflict of transactions that the host may run again. Nothing of the session stays changed, and a
 * failure of ours leaves the host's transaction as it was. READ COMMITTED only: with an older snapshot locks would show
 * values that are not current.
 */
import type { Decided, Guarantees, JoinNotSupported, Keys, Records, StoreFault, StoreShape } from "@holdfast/core"
import { Effect } from "effect"
import { applyStatements } from "./apply.ts"
import { lost, meaningOf, rejected } from "./faults.ts"
import { Line } from "./Line.ts"
import { lockedOf, lockStatements } from "./load.ts"
import { outboxOn } from "./outbox.ts"
import { readsOn, scansOn } from "./reads.ts"
import { placing } from "./text.ts"
import { allKeys } from "./transact.ts"
import { type Failure, type Reply, type Statement, statement, type Wire } from "./wire.ts"

/**
 * What of a host's client is needed: `pg.Client`, `pg.PoolClient` and a transaction of PGlite have it as they are. Around
 * anything else it is three lines.
 */
export interface JoinableClient {
  readonly query: (sql: string, params: Array<string | null>) => Promise<{ readonly rows: ReadonlyArray<object> }>
}

const isolation = statement(`select current_setting('transaction_isolation')::text`)
const savepoint = statement("savepoint holdfast")
const release = statement("release savepoint holdfast")
const rollbackTo = statement("rollback to savepoint holdfast")
const lockTimeout = statement(`select current_setting('lock_timeout')::text`)
const setLockTimeout = (value: string) => statement(`select set_config('lock_timeout', $1, true)`, value)

/** How long a joined call waits for a lock: shorter than the server takes to look for a deadlock. */
const patience = "200ms"
/** A record or a receipt that appeared between the locks and the insert; seen by the next attempt. */
const maxAttempts = 3

export const joinOn = (
  guarantees: Guarantees,
  schema: string,
  handle: unknown,
): Effect.Effect<StoreShape, JoinNotSupported> =>
  Effect.gen(function* () {
    const refused: JoinNotSupported = { _tag: "JoinNotSupported", outcome: "nothing-happened", store: guarantees.name }
    if (!isJoinable(handle)) return yield* Effect.fail(refused)
    const wire = hostWire(handle, schema)
    const { values, failed } = yield* wire.run([isolation])
    if (failed !== undefined || values[0] !== "read committed") return yield* Effect.fail(refused)
    // The connection is the host's: there is nothing to open and nothing to close.
    const line = new Line(Effect.succeed(wire), false)
    return {
      guarantees,
      transact: (keys, decide) => line.use((host) => decideUnderSavepoint(host, keys, decide)),
      reads: readsOn(line),
      ...scansOn(line),
      outbox: outboxOn(line),
    }
  })

const isJoinable = (handle: unknown): handle is JoinableClient =>
  typeof handle === "object" && handle !== null && "query" in handle && typeof handle.query === "function"

const decideUnderSavepoint = <A>(
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt = 1,
): Effect.Effect<A, StoreFault> =>
  Effect.gen(function* () {
    const locks = lockStatements(keys)
    const opened = yield* wire.run([isolation, lockTimeout, savepoint])
    const [level, before] = opened.values
    // The host may have used the same client for another transaction since it was joined.
    if (level !== "read committed") return yield* refusal(opened.failed?.failure ?? tooOld(level))
    if (opened.failed !== undefined || before === null || before === undefined)
      return yield* refusal(opened.failed?.failure)
    const loaded = yield* wire.run([setLockTimeout(patience), ...locks.map((each) => each.statement)])
    if (loaded.failed !== undefined) return yield* failed<A>(wire, keys, decide, attempt, loaded.failed.failure)
    const { answer, changes } = decide(lockedOf(locks, loaded.values.slice(1)))
    const applied = yield* wire.run([
      ...(changes === undefined ? [] : applyStatements(changes)),
      setLockTimeout(before),
      release,
    ])
    return applied.failed === undefined ? answer : yield* failed<A>(wire, keys, decide, attempt, applied.failed.failure)
  })

/** Undoes what this call did and nothing else; what was set under the savepoint goes back with it. */
const failed = <A>(
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt: number,
  failure: Failure,
): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(wire.run([rollbackTo, release]), (undone) => {
    if (undone.failed !== undefined) return Effect.fail(lost(undone.failed.failure))
    const meaning = meaningOf(failure, false)
    if (meaning === "conflict" && attempt < maxAttempts) return decideUnderSavepoint(wire, keys, decide, attempt + 1)
    if (meaning === "conflict" || meaning === "waited")
      return Effect.fail<StoreFault>({ _tag: "Busy", keys: allKeys(keys) })
    return refusal(failure)
  })

const tooOld = (level: string | null | undefined): Failure => ({
  code: "25001",
  message: `a transaction at ${level ?? "an unknown level"} cannot be joined, only one at read committed`,
  cause: undefined,
})

const refusal = (failure: Failure | undefined): Effect.Effect<never, StoreFault> => {
  if (failure === undefined) return Effect.fail({ _tag: "Rejected", reason: "the host's connection does not answer" })
  return Effect.fail(meaningOf(failure, false) === "lost" ? lost(failure) : rejected(failure))
}

/** One statement after the other, as the host's client would send them. After one that fails the rest is not sent. */
const hostWire = (client: JoinableClient, schema: string): Wire => {
  const place = placing(schema)
  const runAll = async (frame: ReadonlyArray<Statement>): Promise<Reply> => {
    const values: Array<string | null> = []
    for (const [index, { sql, params }] of frame.entries()) {
      try {
        const { rows } = await client.query(place(sql), [...params])
        const [value] = rows[0] === undefined ? [] : Object.values(rows[0])
        values.push(typeof value === "string" ? value : null)
      } catch (cause) {
        return { values, failed: { index, failure: failureOf(cause) } }
      }
    }
    return { values, failed: undefined }
  }
  return { run: (frame) => Effect.promise(() => runAll(frame)) }
}

const failureOf = (cause: unknown): Failure => ({
  code:
    typeof cause === "object" && cause !== null && "code" in cause && isSqlState(cause.code) ? cause.code : undefined,
  message: cause instanceof Error ? cause.message : String(cause),
  cause,
})

const isSqlState = (code: unknown): code is string => typeof code === "string" && /^[0-9A-Z]{5}$/.test(code)
