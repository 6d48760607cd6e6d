/**
 * What a path asks of a store, one attempt each: over the frames of a session, or over the transactions of a connection
 * that has one atomic step.
 */
import { Effect } from "effect"
import type { ChangeSet } from "../decision/Changes.ts"
import type { Decided } from "../decision/fold.ts"
import type { Keys, Records } from "../decision/Records.ts"
import type { NotNow, ReplyTo, Session } from "./Session.ts"
import type { KeyOf, StoreFault } from "./StoreFault.ts"

export interface Attempts {
  readonly snapshot: (keys: Keys) => Effect.Effect<ReplyTo["Snapshot"], StoreFault>
  /** Completes when everything that could be read so far is as durable as the store claims. */
  readonly confirm: Effect.Effect<void, StoreFault>
  /** Applies changes that were decided on records that nobody locked. */
  readonly guarded: (
    changes: ChangeSet,
    heard: boolean,
    sent?: () => void,
  ) => Effect.Effect<ReplyTo["Apply"], StoreFault>
  /** Locks, decides and applies; confirms what rests on rows that were found. */
  readonly locked: <A>(
    keys: Keys,
    decide: (records: Records) => Decided<A>,
    heard: boolean,
  ) => Effect.Effect<Done<A> | NotNow, StoreFault>
  /** Those of the keys that are held. */
  readonly heldOf: (keys: Keys) => Effect.Effect<ReadonlyArray<KeyOf>, StoreFault>
}

interface Done<A> {
  readonly _tag: "Done"
  readonly answer: A
  readonly changes: ChangeSet | undefined
  readonly heard: boolean
}

/** The most suspects that are waited for one by one. */
const maxSuspects = 8

export const attemptsOn = ({ send }: Session): Attempts => ({
  snapshot: (keys) => send({ _tag: "Snapshot", keys }),
  confirm: Effect.suspend(() => send({ _tag: "Confirm" })),
  guarded: (changes, heard, sent) => send({ _tag: "Apply", changes, begins: true, heard }, sent),
  locked: (keys, decide, heard) =>
    Effect.flatMap(
      Effect.tapError(send({ _tag: "Lock", keys }), () => send({ _tag: "Rollback" })),
      (reply) => {
        if (reply._tag !== "Locked") return Effect.as(send({ _tag: "Rollback" }), reply)
        const { answer, changes, restsOnRows } = decide(reply.records)
        const done = { _tag: "Done", answer, changes, heard } as const
        if (changes === undefined) {
          const ended = send({ _tag: "Rollback" })
          return Effect.as(restsOnRows === true ? Effect.andThen(ended, send({ _tag: "Confirm" })) : ended, done)
        }
        return Effect.map(send({ _tag: "Apply", changes, begins: false, heard }), (applied) =>
          applied._tag === "Applied" ? { ...done, heard: applied.heard } : applied,
        )
      },
    ),
  /**
   * A lock that was not given may be held by a batch that is about to commit, or by a transaction that stays. The keys that
   * cannot be locked at this moment are only suspects, and each of them is waited for once more, alone and briefly.
   */
  heldOf: (keys) =>
    Effect.gen(function* () {
      const suspects = yield* send({ _tag: "Suspects", keys })
      if (suspects.length > maxSuspects) {
        // Too many to ask one by one: where all of them are given in turn, it was nothing but a crowd.
        return (yield* send({ _tag: "Await", keys: suspects })) ? [] : suspects
      }
      const held: Array<KeyOf> = []
      for (const suspect of suspects) if (!(yield* send({ _tag: "Await", keys: [suspect] }))) held.push(suspect)
      return held
    }),
})
