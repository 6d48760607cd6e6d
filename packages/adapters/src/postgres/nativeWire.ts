/**
 * A wire over a connection of `@effect/sql-pg`: the statements of a frame are one write, and their replies one read.
 */
import { PgConnection } from "@effect/sql-pg"
import { Effect, Exit, type Scope } from "effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { ownSettingsOf, type Purpose, setting } from "./settings.ts"
import { placing } from "./text.ts"
import { type Failure, type Reply, type Statement, statement, type Wire } from "./wire.ts"

export type ConnectionConfig = Omit<PgConnection.Config, "multiplex" | "types">

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
    const { failed } = yield* wire.run([statement(setting(ownSettingsOf(purpose), false))])
    if (failed !== undefined) return yield* Effect.fail(failed.failure)
    return wire
  })

const wireOf = (connection: PgConnection.PgConnection, schema: string): Wire => {
  const place = placing(schema)
  const plans = new PlansThatAge()
  const send = ({ sql, params }: Statement) => Effect.exit(connection.queryValues(place(sql), params))
  return {
    // Every reply is waited for, also after a failure: a statement that was sent cannot be taken back.
    run: (frame) => {
      const statements = plans.areOld() ? [...frame, discardPlans] : frame
      return Effect.map(Effect.all(statements.map(send), { concurrency: "unbounded" }), replyOf)
    },
  }
}

/** Leaves the statements prepared; each is planned again when it is next executed. */
const discardPlans: Statement = { sql: "discard plans", params: [] }
/** Planning a batch's statements again takes some milliseconds: well below one in a hundred of so many frames. */
const framesBetweenPlans = 512

/**
 * A plan is kept until statistics change, and one that was made when statistics said that a table has a row or two reads
 * that table as a whole: it would go on to do so, a minute and longer, while the table grows. Planning looks at the size
 * that a table has, so planning again is the cure: often at first, when a shop may still be tiny, and rarely later.
 */
class PlansThatAge {
  #frames = 0
  #next = 8

  areOld(): boolean {
    if (++this.#frames < this.#next) return false
    this.#next += Math.min(this.#next, framesBetweenPlans)
    return true
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

export const failureOf = (error: SqlError): Failure => {
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
