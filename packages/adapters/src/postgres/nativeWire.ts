/**
 * A wire over a connection of `@effect/sql-pg`: the statements of a frame are one write, and their replies one read.
 */
import { PgConnection } from "@effect/sql-pg"
import { Effect, Exit, type Scope } from "effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { placing } from "./text.ts"
import type { Failure, Reply, Statement, Wire } from "./wire.ts"

export type ConnectionConfig = Omit<PgConnection.Config, "multiplex" | "types">

/** What a session is used for. Deciding sessions give up early on locks that somebody else holds. */
export type Purpose = "decide" | "read" | "deliver" | "migrate"

/** A page of a thousand orders with a hundred lines each is one value. */
const maxMessageSize = 256 * 1024 * 1024

/** Opens a session with the settings of its purpose. */
export const openNative = (
  config: ConnectionConfig,
  schema: string,
  purpose: Purpose,
): Effect.Effect<Wire, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.mapError(
      PgConnection.make({
        connectTimeout: "5 seconds",
        keepAlive: "10 seconds",
        applicationName: "holdfast",
        maxMessageSize,
        preparedStatementCacheSize: 200,
        ...config,
        multiplex: true,
      }),
      failureOf,
    )
    const wire = wireOf(connection, schema)
    const { failed } = yield* wire.run([{ sql: settings, params: settingsOf(purpose) }])
    if (failed !== undefined) return yield* Effect.fail(failed.failure)
    return wire
  })

/**
 * Plans are made once, often while tables are empty, and kept: index look-ups and nested loops are right at every size
 * here (a plan cached on empty tables was seven to ten times slower). Bitmap scans would lock rows in heap order.
 * A lock is waited for far shorter than the server takes to look for deadlocks.
 */
const settings = `select set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),
  set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
  set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),
  set_config('client_min_messages', 'warning', false), set_config('default_transaction_read_only', $1, false),
  set_config('lock_timeout', $2, false), set_config('statement_timeout', $3, false),
  set_config('idle_in_transaction_session_timeout', $4, false)`

const settingsOf = (purpose: Purpose): ReadonlyArray<string> => {
  switch (purpose) {
    case "decide":
      return ["on", "100ms", "5s", "5s"]
    case "deliver":
      return ["on", "1s", "5s", "5s"]
    case "read":
      return ["on", "1s", "10s", "5s"]
    case "migrate":
      return ["off", "10s", "60s", "60s"]
  }
}

const wireOf = (connection: PgConnection.PgConnection, schema: string): Wire => {
  const place = placing(schema)
  const send = ({ sql, params }: Statement) => Effect.exit(connection.queryValues(place(sql), params))
  return {
    // Every reply is waited for, also after a failure: a statement that was sent cannot be taken back.
    run: (frame) => Effect.map(Effect.all(frame.map(send), { concurrency: "unbounded" }), replyOf),
  }
}

const replyOf = (exits: ReadonlyArray<Exit.Exit<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>>): Reply => {
  const values: Array<string | null> = []
  let failed: Reply["failed"]
  exits.forEach((exit, index) => {
    const value = Exit.isSuccess(exit) ? exit.value[0]?.[0] : undefined
    values.push(typeof value === "string" ? value : null)
    if (Exit.isFailure(exit)) {
      const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
      failed ??= { index, failure: error === undefined ? interrupted : failureOf(error) }
    }
  })
  return { values, failed }
}

const interrupted: Failure = { code: undefined, message: "the statement was interrupted", cause: undefined }

const failureOf = (error: SqlError): Failure => {
  const cause = isSqlError(error) ? error.reason.cause : error
  return { code: sqlStateOf(cause), message: messageOf(cause) ?? error.message, cause }
}

const sqlStateOf = (cause: unknown): string | undefined =>
  // Errors of the operating system have a `code` too, but only the server's have a `severity`.
  typeof cause === "object" &&
  cause !== null &&
  "severity" in cause &&
  "code" in cause &&
  typeof cause.code === "string"
    ? cause.code
    : undefined

const messageOf = (cause: unknown): string | undefined => (cause instanceof Error ? cause.message : undefined)
