/**
 * A session of the core over a wire: what each frame is made of, and what its reply means.
 *
 * Each frame is one round trip. A statement that fails aborts its transaction, whose commit then rolls back.
 */
import {
  type KindName,
  makeSession,
  type NotNow,
  type ReplyTo,
  type Session,
  type StoreFault,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import { confirming } from "./session/confirm.ts"
import { faultOf, isCrowd, lost, meaningOf, reasonOf, rejected } from "./session/faults.ts"
import { begin, commit, type Failure, rollback, type Wire } from "./session/wire.ts"
import { type ApplyStatement, applyStatements } from "./statements/apply.ts"
import { areGiven, suspectsAmong } from "./statements/busy.ts"
import { locksOf, snapshotOf } from "./statements/load.ts"

export const sessionOn = (wire: Wire): Session =>
  makeSession({
    Snapshot: ({ keys }) => {
      const snapshot = snapshotOf(keys)
      return Effect.flatMap(
        wire.run([snapshot.statement]),
        ({ values, failed }): Answer<"Snapshot"> =>
          failed === undefined
            ? Effect.succeed({ _tag: "Read", records: snapshot.recordsOf(values[0]) })
            : notNow(failed.failure, "anything", true),
      )
    },
    Lock: ({ keys }) => {
      const locks = locksOf(keys)
      return Effect.flatMap(
        wire.run([begin, ...locks.statements]),
        ({ values, failed }): Answer<"Lock"> =>
          failed === undefined
            ? Effect.succeed({ _tag: "Locked", records: locks.recordsOf(values.slice(1)) })
            : notNow(failed.failure, "anything", false),
      )
    },
    Apply: ({ changes, begins, heard }, sent) => {
      const first = begins ? [begin] : []
      const statements = applyStatements(changes, heard)
      return Effect.flatMap(
        wire.run([...first, ...statements, commit], sent),
        ({ values, failed }): Answer<"Apply"> =>
          failed === undefined
            ? Effect.succeed({ _tag: "Applied", heard: heard && values.at(-2) === "heard" })
            : notNow(failed.failure, foundAt(statements[failed.index - first.length]), begins),
      )
    },
    Rollback: () => Effect.as(wire.run([rollback]), undefined),
    Confirm: () =>
      Effect.flatMap(wire.run(confirming), ({ failed }) =>
        failed === undefined ? Effect.succeed(undefined) : Effect.fail(faultOf(failed.failure)),
      ),
    Suspects: ({ keys }) => suspectsAmong(wire, keys),
    Await: ({ keys }) => areGiven(wire, keys),
  })

type Answer<T extends keyof ReplyTo> = Effect.Effect<ReplyTo[T], StoreFault>

type At = Extract<NotNow, { readonly _tag: "Conflict" }>["at"]

/** What a statement that failed had found other than it was decided on. A commit that fails says nothing of any record. */
const foundAt = (statement: ApplyStatement | undefined): At => {
  const kind: KindName | "event" | undefined = statement?.kind
  return kind === undefined || kind === "event" ? "subscriptions" : kind
}

/** The failure of a whole frame: nothing happened where it was a conflict or a lock that was not given. */
const notNow = (failure: Failure, at: At, guarded: boolean): Effect.Effect<NotNow, StoreFault> => {
  switch (meaningOf(failure, guarded)) {
    case "conflict":
      return Effect.succeed({ _tag: "Conflict", at, isCrowd: isCrowd(failure), reason: reasonOf(failure) })
    case "waited":
      return Effect.succeed({ _tag: "NotGiven" })
    case "lost":
      return Effect.fail(lost(failure))
    case "rejected":
      return Effect.fail(rejected(failure))
  }
}
