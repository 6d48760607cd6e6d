/**
 * A wire over a PGlite of the host, beside the host's own queries and transactions.
 *
 * PGlite has one session. Its own transactions keep everybody else out, so ours are such transactions too: the host's
 * statements wait for ours and ours for the host's, and neither ever stands inside the other's.
 */
import type { PGlite, Transaction } from "@electric-sql/pglite"
import { Effect, type Scope } from "effect"
import { firstOf } from "../postgres/connect/poolWire.ts"
import { failureOf, type Query, sequentialWire } from "../postgres/connect/sequentialWire.ts"
import { type Purpose, setting, settingsOf } from "../postgres/connect/settings.ts"
import { begin, commit, rollback, statement, type Wire } from "../postgres/session/wire.ts"

const levels = statement("set transaction isolation level read committed, read write")

/** Uses the database until the scope closes, and leaves it open. */
export const openFromDatabase = (
  database: PGlite,
  schema: string,
  purpose: Purpose,
): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { query } = yield* Effect.acquireRelease(
      Effect.sync(() => queriesOn(database)),
      ({ close }) => Effect.promise(close),
    )
    return sequentialWire(query, schema, [begin, levels, statement(setting(settingsOf(purpose), true))])
  })

interface Open {
  readonly transaction: Transaction
  readonly end: (how: "commit" | "rollback") => Promise<void>
}

const queriesOn = (database: PGlite): { readonly query: Query; readonly close: () => Promise<void> } => {
  let open: Open | undefined
  const end = async (how: "commit" | "rollback"): Promise<void> => {
    const ending = open
    open = undefined
    await ending?.end(how)
  }
  const send = async (sql: string, params: ReadonlyArray<string | null>, signal: AbortSignal) => {
    if (sql === commit.sql) return end("commit")
    if (sql === rollback.sql) return end("rollback")
    if (sql === begin.sql) {
      open = await openTransaction(database, signal)
      return
    }
    return (open?.transaction ?? database).query(sql, [...params])
  }
  return {
    query: (sql, params) =>
      Effect.map(Effect.tryPromise({ try: (signal) => send(sql, params, signal), catch: failureOf }), firstOf),
    close: () => end("rollback").catch(() => {}),
  }
}

/** PGlite's transactions are callbacks: this one lasts until it is told to end. */
const openTransaction = (database: PGlite, signal: AbortSignal): Promise<Open> =>
  new Promise((resolve, reject) => {
    const ended = Promise.withResolvers<"commit" | "rollback">()
    const done: Promise<void> = database.transaction(async (transaction) => {
      // Whoever asked for it may have gone while the host's own was in the way.
      if (signal.aborted) return
      resolve({
        transaction,
        end: (how) => {
          ended.resolve(how)
          return done
        },
      })
      if ((await ended.promise) === "rollback") await transaction.rollback()
    })
    // Matters where it could not begin. Later it is told to whoever ends it.
    done.catch(reject)
  })
