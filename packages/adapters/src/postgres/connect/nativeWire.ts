/**
 * A wire over a connection of `@effect/sql-pg`: the statements of a frame are one write, and their replies one read.
 *
 * On a session of our own, settings hold as long as it lasts and statements stay prepared. Behind a transaction pooler each
 * transaction may be on another session, which serves others before and after: then settings are made in every
 * transaction, and nothing is prepared or kept.
 */
import type { Duplex } from "node:stream"
import { PgConnection } from "@effect/sql-pg"
import { messageOfThrown } from "@holdfast/core/ports"
import { Effect, Exit, type Scope, Semaphore } from "effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { placing } from "../session/text.ts"
import {
  asReadOnly,
  asReply,
  begin,
  commit,
  type Failure,
  type Reply,
  rollback,
  type Statement,
  statement,
  type Wire,
  warnedCommit,
} from "../session/wire.ts"
import { boundaries, inTurn, isOpenBehind, partsOf } from "./frames.ts"
import type { Overheard } from "./Overheard.ts"
import { ownSetting, type Purpose, setting, settingsOf } from "./settings.ts"

/** How a session is begun on a stream that speaks the protocol. */
export interface SessionConfig {
  readonly stream: () => Duplex
  readonly username?: string | undefined
  readonly password?: PgConnection.Config["password"]
  readonly database?: string | undefined
  readonly applicationName?: string | undefined
  readonly startupOptions?: string | undefined
}

/** A page of a thousand orders with a hundred lines each is one value. */
const maxMessageSize = 256 * 1024 * 1024

/** Begins a session. Nothing is set yet. */
export const connectOn = (config: SessionConfig): Effect.Effect<PgConnection.PgConnection, Failure, Scope.Scope> =>
  Effect.mapError(
    PgConnection.make({
      applicationName: "holdfast",
      ...config,
      ssl: false,
      maxMessageSize,
      preparedStatementCacheSize: 200,
      multiplex: true,
    }),
    failureOf,
  )

/** A session of our own on a stream, with the settings of its purpose: PGlite. */
export const openOn = (
  config: SessionConfig,
  schema: string,
  purpose: Purpose,
): Effect.Effect<Wire, Failure, Scope.Scope> =>
  Effect.flatMap(connectOn(config), (connection) => ownWire(connection, schema, purpose, { attempt: {} }))

/** What is known of a session beside its connection. */
interface Session {
  readonly overheard?: Overheard | undefined
  readonly attempt?: object | undefined
}

/** A wire over a session that nobody else uses, with the settings of its purpose. */
export const ownWire = Effect.fnUntraced(function* (
  connection: PgConnection.PgConnection,
  schema: string,
  purpose: Purpose,
  { overheard, attempt }: Session,
): Effect.fn.Return<Wire, Failure> {
  const place = placing(schema)
  const plans = new PlansThatAge()
  let isOpen = false
  const send = ({ sql, params }: Statement) => Effect.exit(connection.queryValues(place(sql), params, isPrepared(sql)))
  const wire: Wire = {
    attempt,
    hearsWarnings: overheard !== undefined,
    run: (frame, queued = () => {}) =>
      Effect.suspend(() => {
        isOpen = isOpenBehind(frame, isOpen)
        // Never inside a transaction, which would fail with it, and whose commit would then answer that it was rolled back.
        const statements = !isOpen && plans.areOld() ? [...frame, discardPlans] : frame
        return heeding(
          overheard,
          frame,
          // What is ours behind the frame is no reply to it: the frame may be committed.
          Effect.map(sendAll(statements, send, Effect.sync(queued)), (exits) =>
            replyOf(frame, exits.slice(0, frame.length)),
          ),
        )
      }),
  }
  yield* succeeded(wire.run([statement(ownSetting(purpose))]))
  return wire
})

/**
 * A wire behind a transaction pooler. Every frame is one transaction, or part of one, so that its statements reach one
 * session with their settings. A frame that says no beginning only reads.
 *
 * Nothing is sent behind a beginning before that has been answered. The sessions are others', so they are not read-only by
 * themselves: where a beginning fails and the connection lives on, what stands behind it would be written piece by piece.
 * It costs each transaction a round trip.
 */
export const pooledWire = (
  connection: PgConnection.PgConnection,
  schema: string,
  purpose: Purpose,
  { overheard }: Session,
): Wire => {
  const place = placing(schema)
  const settings = statement(setting(settingsOf(purpose), true))
  const send = ({ sql, params }: Statement) => Effect.exit(connection.queryValues(place(sql), params, false))
  const answerTo = (statements: ReadonlyArray<Statement>, queued?: Effect.Effect<void>) =>
    Effect.map(sendAll(statements, send, queued), (exits) => replyOf(statements, exits))
  const turns = Semaphore.makeUnsafe(1)
  let isOpen = false
  const begun = Effect.map(answerTo([begin, settings]), ({ failed }) => failed?.failure)
  const readAlone = (part: ReadonlyArray<Statement>, queued?: Effect.Effect<void>) =>
    Effect.map(answerTo([beginReading, settings, ...part, commit], queued), ({ values, failed }): Reply => {
      const index = Math.min(Math.max(0, (failed?.index ?? 0) - 2), part.length - 1)
      return { values: values.slice(2, -1), failed: failed && { ...failed, index } }
    })
  const runParts = Effect.fnUntraced(function* (
    frame: ReadonlyArray<Statement>,
    isSent: Effect.Effect<void>,
  ): Effect.fn.Return<Reply> {
    const values: Array<string | null> = []
    const parts = partsOf(frame)
    for (const part of parts) {
      const begins = part[0]?.sql === begin.sql
      const failure = begins ? yield* begun : undefined
      if (failure !== undefined) {
        // It may have begun, and failed at the settings.
        yield* answerTo([rollback])
        isOpen = false
        return { values, failed: { index: values.length, failure } }
      }
      if (begins) values.push(null)
      const reply =
        begins || isOpen
          ? yield* answerTo(begins ? part.slice(1) : part)
          : yield* readAlone(part, parts.length === 1 ? isSent : undefined)
      isOpen = isOpenBehind(part, isOpen)
      const { failed } = reply
      if (failed !== undefined) return { values, failed: { ...failed, index: values.length + failed.index } }
      values.push(...reply.values)
    }
    return { values, failed: undefined }
  })
  return {
    isPooled: true,
    hearsWarnings: overheard !== undefined,
    run: (frame) => inTurn(turns, (isSent) => heeding(overheard, frame, runParts(frame, isSent))),
  }
}

const beginReading = statement("begin isolation level read committed, read only")

// Every reply is waited for, also after a failure: a statement that was sent cannot be taken back.
const sendAll = (
  statements: ReadonlyArray<Statement>,
  send: (one: Statement) => Effect.Effect<Sent>,
  queued: Effect.Effect<unknown> = Effect.void,
): Effect.Effect<ReadonlyArray<Sent>> =>
  // Fibers begin in order, and each queues its statement in its first step: the last one finds all of them queued.
  Effect.map(Effect.all([Effect.all(statements.map(send), inOneGo), queued], inOneGo), ([exits]) => exits)

const inOneGo = { concurrency: "unbounded" } as const

type Sent = Exit.Exit<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>

/** What begins and ends a transaction must not be sent again out of its place, as the driver does with a lost plan. */
const isPrepared = (sql: string): boolean => !boundaries.has(sql)

/** A frame whose commit was warned of has failed, whatever it was answered; one whose session was closed, as was said there. */
const heeding = (
  overheard: Overheard | undefined,
  frame: ReadonlyArray<Statement>,
  sent: Effect.Effect<Reply>,
): Effect.Effect<Reply> => {
  if (overheard === undefined) return sent
  return Effect.suspend(() => {
    const before = overheard.count()
    return Effect.map(sent, (reply): Reply => {
      const { failed } = reply
      if (failed === undefined) {
        if (overheard.count() === before || !frame.some(({ sql }) => sql === commit.sql)) return reply
        const failure: Failure = { code: warnedCommit, message: overheard.last(), cause: undefined }
        return { ...reply, failed: { index: frame.length - 1, failure } }
      }
      const parting = failed.failure.code === undefined ? overheard.parting() : undefined
      return parting === undefined
        ? reply
        : { ...reply, failed: { ...failed, failure: { ...failed.failure, ...parting, isClosed: true } } }
    })
  })
}

const succeeded = (sent: Effect.Effect<Reply>): Effect.Effect<Reply, Failure> =>
  Effect.flatMap(sent, (reply) =>
    reply.failed === undefined ? Effect.succeed(reply) : Effect.fail(reply.failed.failure),
  )

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

const replyOf = (frame: ReadonlyArray<Statement>, exits: ReadonlyArray<Sent>): Reply => {
  const values: Array<string | null> = []
  let failed: Reply["failed"]
  exits.forEach((exit, index) => {
    const value = Exit.isSuccess(exit) ? exit.value[0]?.[0] : undefined
    values.push(typeof value === "string" ? value : null)
    if (Exit.isFailure(exit)) {
      const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
      const failure = error === undefined ? interrupted : asReply(failureOf(error))
      failed ??= { index, failure: asReadOnly(failure, frame[index] ?? discardPlans) }
    }
  })
  return { values, failed }
}

const interrupted: Failure = { code: undefined, message: "the statement was interrupted", cause: undefined }

export const failureOf = (error: SqlError): Failure => {
  if (!isSqlError(error)) return { code: sqlStateOf(error), message: messageOf(error) ?? String(error), cause: error }
  const { _tag, cause } = error.reason
  const code = sqlStateOf(cause) ?? (_tag === "AuthenticationError" ? invalidAuthorization : undefined)
  return { code, message: messageOf(cause) ?? error.message, cause }
}

/** What a server would say where the driver finds out first, such as that a password is missing. */
const invalidAuthorization = "28000"

const sqlStateOf = (cause: unknown): string | undefined =>
  // Errors of the operating system have a `code` too, but only the server's have a `severity`.
  typeof cause === "object" &&
  cause !== null &&
  "severity" in cause &&
  "code" in cause &&
  typeof cause.code === "string"
    ? cause.code
    : undefined

const messageOf = (cause: unknown): string | undefined => (cause instanceof Error ? messageOfThrown(cause) : undefined)
