/**
 * A wire: one session of a PostgreSQL server, as the store uses it.
 *
 * Every parameter is text, and every result is one text: a JSON array, or nothing. So no driver's type mapping takes
 * part, and the same statements run on our own connections, on PGlite, and on a client of the host.
 */
import type { Effect } from "effect"

export interface Statement {
  readonly sql: string
  readonly params: ReadonlyArray<string | null>
}

/** Why a statement failed. */
export interface Failure {
  /** The SQLSTATE; undefined where the session itself failed. */
  readonly code: string | undefined
  readonly message: string
  readonly cause: unknown
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
   */
  readonly run: (frame: ReadonlyArray<Statement>) => Effect.Effect<Reply>
}

export const statement = (sql: string, ...params: ReadonlyArray<string | null>): Statement => ({ sql, params })

/**
 * Sessions of ours are read-only unless a transaction says otherwise. If this statement itself fails, those that were
 * sent behind it would each be a transaction of their own: then they can write nothing.
 */
export const begin: Statement = statement("begin isolation level read committed, read write")
export const commit: Statement = statement("commit")
export const rollback: Statement = statement("rollback")

/** Whether the session is of no more use. */
export const isLost = ({ code }: Failure): boolean =>
  code === undefined || code.startsWith("08") || code.startsWith("57P") || code === "25006" || code === "25P03"
