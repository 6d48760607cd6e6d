/** Statements as one transaction in one frame. */
import type { StoreFault } from "@holdfast/core"
import { Effect } from "effect"
import type { Connection } from "./Connection.ts"
import { faultOf } from "./faults.ts"
import { begin, commit, rollback, type Statement } from "./wire.ts"

/** Runs statements as one transaction, alone on the session, and answers their values. */
export const transaction = (
  connection: Connection,
  statements: ReadonlyArray<Statement>,
): Effect.Effect<ReadonlyArray<string | null>, StoreFault> =>
  connection.use((wire) =>
    Effect.flatMap(wire.run([begin, ...statements, commit]), ({ values: answered, failed }) =>
      failed === undefined
        ? Effect.succeed(answered.slice(1))
        : Effect.andThen(wire.run([rollback]), Effect.fail(faultOf(failed.failure))),
    ),
  )
