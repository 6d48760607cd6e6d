/**
 * Waiting for the standbys once more, before something is answered that rests on rows which were found.
 *
 * A commit whose wait for a synchronous standby was cancelled, or whose session was ended meanwhile, stands on this server,
 * where everybody reads it, and perhaps on no other. So an answer that says "it happened before" is preceded by a commit
 * of our own on the same session: it waits for the standbys, and whatever was there to be read is before it in the log.
 * An id of a transaction alone makes no commit wait; a message in the log does, and nobody reads it.
 */
import type { StoreFault } from "@holdfast/core"
import type { Outbox } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Connection } from "./Connection.ts"
import { faultOf } from "./faults.ts"
import { begin, commit, type Statement, written } from "./wire.ts"

/** Writes where a commit would wait for standbys, and does nothing elsewhere: then its commit costs nothing. */
export const waitsForStandbys: Statement = written(
  "make the commit wait for standbys",
  [],
  `select case when current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')
  then pg_logical_emit_message(true, 'holdfast', '')::text end`,
)()

/** A frame that completes when everything that could be read before is on the standbys. */
export const confirming: ReadonlyArray<Statement> = [begin, waitsForStandbys, commit]

/** Reads on a session, and answers once what was read is on the standbys. */
export const readConfirmed = (
  connection: Connection,
  reading: ReadonlyArray<Statement>,
): Effect.Effect<ReadonlyArray<string | null>, StoreFault> =>
  Effect.flatMap(
    connection.use((wire) => wire.run([...reading, ...confirming])),
    ({ values, failed }) => {
      if (failed === undefined) return Effect.succeed(values)
      return Effect.fail(faultOf(failed.failure))
    },
  )

/** An outbox that hands out no event of a commit which a failover could still undo. */
export const claimingConfirmed = (outbox: Outbox, connection: Connection): Outbox => ({
  ...outbox,
  claim: (...asked) =>
    Effect.tap(outbox.claim(...asked), (claimed) =>
      claimed.length === 0 ? Effect.void : readConfirmed(connection, []),
    ),
})
