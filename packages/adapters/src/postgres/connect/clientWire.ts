/**
 * A wire over a connection of an Effect `SqlClient`, which must be one of PostgreSQL.
 *
 * The client stays the host's: a connection goes back without an open transaction and with its settings as they were.
 */
import { Effect, type Scope } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import { begin, type Failure, rollback, statement, type Wire } from "../session/wire.ts"
import { lendMillis } from "./poolWire.ts"
import { failureOf, type Query, sequentialWire, textOf } from "./sequentialWire.ts"
import { type Purpose, setting, settingsOf } from "./settings.ts"

/** How long a session may take to leave a transaction that was interrupted. */
const rollbackMillis = 2_000

export const isPostgres = (client: SqlClient): boolean =>
  client.onDialectOrElse({ pg: () => true, orElse: () => false })

/** Borrows a connection until the scope closes. */
export const openFromClient = (
  client: SqlClient,
  schema: string,
  purpose: Purpose,
): Effect.Effect<Wire, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.timeoutOrElse(Effect.mapError(client.reserve, failureOfSql), {
      duration: lendMillis,
      orElse: () => Effect.fail(noneFree),
    })
    const query = queryOn(connection)
    const wire = sequentialWire(query, schema, [begin, statement(setting(settingsOf(purpose), true))])
    yield* Effect.addFinalizer(() =>
      wire.isClean()
        ? Effect.void
        : Effect.ignore(Effect.timeout(query(rollback.sql, rollback.params), rollbackMillis)),
    )
    return wire
  })

/** Statements are not prepared: the host's connection would keep them. */
export const queryOn =
  (connection: Connection): Query =>
  (sql, params) =>
    Effect.mapBoth(connection.executeValuesUnprepared(sql, params), {
      onSuccess: (rows) => textOf(rows[0]?.[0]),
      onFailure: failureOfSql,
    })

const failureOfSql = (error: SqlError): Failure => failureOf(error.reason.cause)

const noneFree: Failure = {
  code: undefined,
  message: `the client lent no connection within ${lendMillis} ms: all of them are in use`,
  cause: undefined,
}
