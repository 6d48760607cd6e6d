/**
 * A wire: one session of a PostgreSQL server, as the store uses it.
 *
 * Every parameter is text, and every result is one text: a JSON array, or nothing. So no driver's type mapping takes
 * part, and the same statements run on our own connections, on PGlite, and on a client of the host.
 */
import type { Attempt } from "@holdfast/core/ports"
import type { Effect } from "effect"

export interface Statement {
  readonly sql: string
  readonly params: ReadonlyArray<string | null>
  /** What it does and what each parameter holds, for whoever reads what is sent. */
  readonly name?: string
  readonly names?: ReadonlyArray<string>
}

/** Why a statement failed. */
export interface Failure {
  /** The SQLSTATE; undefined where the session itself failed. */
  readonly code: string | undefined
  readonly message: string
  readonly cause: unknown
  /** What the server may still do of what it was sent, where that is known. */
  readonly attempt?: Attempt | undefined
  /** Whether the session was closed. Then the code is only what was said last, and may be of another statement. */
  readonly isClosed?: boolean | undefined
  /** Whether it is of a transaction that the host began: then that is the host's to end, however it stands. */
  readonly isHosts?: boolean | undefined
}

/** What became of a frame. */
export interface Reply {
  /** The first column of the first row of each statement, where it is text. */
  readonly values: ReadonlyArray<string | null>
  /** The first statement that failed. The others ran, or failed because of it. */
  readonly failed: { readonly index: number; readonly failure: Failure } | undefined
}

export interface Wire {
  /**
   * Sends statements in order, in as few packets as the driver can, and waits for all of their replies. A statement that
   * fails does not keep the later ones from being sent, so whatever must not run alone belongs between `begin` and
   * `commit`: an aborted transaction refuses the rest and its commit rolls back.
   *
   * `sent` is called once every statement stands behind all those that were sent before, and before any that will be. A
   * wire that sends one statement after the other never calls it.
   */
  readonly run: (frame: ReadonlyArray<Statement>, sent?: () => void) => Effect.Effect<Reply>
  /** What of a frame may go on when the session is lost, for whoever ends it; undefined where that cannot be told. */
  readonly attempt?: object | undefined
  /** Whether each of its transactions may be on another session of the server: behind a transaction pooler. */
  readonly isPooled?: boolean | undefined
  /** Whether a commit that the server warned of is told as one that failed. */
  readonly hearsWarnings?: boolean | undefined
}

export const statement = (sql: string, ...params: ReadonlyArray<string | null>): Statement => ({ sql, params })

/** A statement whose text counts its own parameters, with their names beside it: it takes as many as there are names. */
export const written =
  <const Names extends ReadonlyArray<string>>(name: string, names: Names, sql: string) =>
  (...params: { readonly [I in keyof Names]: string | null }): Statement => ({ sql, params, name, names })

/**
 * Sessions of ours are read-only unless a transaction says otherwise. If this statement itself fails, those that were
 * sent behind it would each be a transaction of their own: then they can write nothing.
 */
export const begin: Statement = statement("begin isolation level read committed, read write")
export const commit: Statement = statement("commit")
export const rollback: Statement = statement("rollback")

const readOnly = "25006"
/** A commit that was warned of: see `Overheard.ts`. No failed statement has this code. */
export const warnedCommit = "01000"

/**
 * The session is in a transaction that failed and was never ended, because its commit failed itself: one that is cancelled
 * before it begins leaves the transaction open. It refuses whatever it is sent, and would for ever where nobody sends an end.
 * The first failure of a frame says so only of what came before that frame.
 */
const neverEnded = "25P02"

/** Whether the session is of no more use, or what became of what it was sent cannot be told. */
export const isLost = ({ code, isClosed, isHosts }: Failure): boolean =>
  code === undefined ||
  isClosed === true ||
  code.startsWith("08") ||
  code.startsWith("57P") ||
  (code === readOnly && isHosts !== true) ||
  code === warnedCommit ||
  (code === neverEnded && isHosts !== true) ||
  code === "25P03" ||
  // The server itself does not know whether the statement was completed.
  code === "40003"

/** What the server may still do of a frame that failed with its session. */
export const attemptOf = (failure: Failure, { attempt }: Wire): Attempt | undefined =>
  failure.attempt ?? (failure.code === neverEnded && failure.isClosed !== true ? "nothing" : attempt)

const closing: ReadonlySet<unknown> = new Set(["FATAL", "PANIC"])

/**
 * The failure of a statement, by what the server says of how severe it is: an error that ends the session is no answer to
 * whatever was sent, and a commit that it came for may have happened. Not for a session that could not begin: that says why.
 */
export const asReply = (failure: Failure, said: unknown = failure.cause): Failure =>
  typeof said === "object" &&
  said !== null &&
  // Some drivers have it only as it was translated, and some poolers say nothing else.
  (closing.has(Reflect.get(said, "severityUnlocalized")) || closing.has(Reflect.get(said, "severity")))
    ? { ...failure, isClosed: true }
    : failure

/** What a server says that takes no changes any more: a standby refuses the beginning already, in words of its own. */
export const asReadOnly = (failure: Failure, { sql }: Statement): Failure =>
  failure.code === "0A000" && sql === begin.sql ? { ...failure, code: readOnly } : failure
