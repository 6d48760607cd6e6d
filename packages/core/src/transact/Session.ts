/**
 * A session: one connection of a store, as the core uses it. Frames go out in the order in which they are sent, and are
 * answered in that order; a frame is sent at once, and is one round trip where the connection can do that.
 *
 * What is a frame is the core's to say, and what statements it is made of the adapter's.
 */
import type { Effect } from "effect"
import type { ChangeSet } from "../decision/Changes.ts"
import type { KindName } from "../decision/kinds.ts"
import type { Keys, Records } from "../decision/Records.ts"
import type { KeyOf, StoreFault } from "./StoreFault.ts"

export type Frame =
  /** Reads the records of the keys as of one moment, which comes after the frame was sent. Locks nothing. */
  | { readonly _tag: "Snapshot"; readonly keys: Keys }
  /**
   * Begins a transaction and locks the keys, kinds and keys in the order of `keys`; reads each record once it is locked, and
   * the receipts last. Where it is not `Locked`, the transaction has to be rolled back.
   */
  | { readonly _tag: "Lock"; readonly keys: Keys }
  /**
   * Applies changes, sorted in lock order, and commits; begins the transaction too where no `Lock` did. Guards are checked,
   * so that a put whose record is not as it was decided on makes all of it come to nothing. The events are left out where
   * they are not `heard`: then the store verifies in the same commit that no subscription waits for them.
   */
  | { readonly _tag: "Apply"; readonly changes: ChangeSet; readonly begins: boolean; readonly heard: boolean }
  /** Ends the transaction without a trace. */
  | { readonly _tag: "Rollback" }
  /**
   * Completes when everything that could be read so far is as durable as the store claims: where commits wait for other
   * machines, by a commit that does. Nothing where whatever can be read is durable.
   */
  | { readonly _tag: "Confirm" }
  /** Which of the keys cannot be locked at this moment. Looks, and waits for nothing. */
  | { readonly _tag: "Suspects"; readonly keys: Keys }
  /** Whether locks on all of these keys are given to whoever waits a moment. Keeps none of them. */
  | { readonly _tag: "Await"; readonly keys: ReadonlyArray<KeyOf> }

/** What a frame is answered with, where the session did not fail. */
export interface ReplyTo {
  readonly Snapshot: { readonly _tag: "Read"; readonly records: Records } | NotNow
  readonly Lock: { readonly _tag: "Locked"; readonly records: Records } | NotNow
  /** Whether any subscription waits for events, as this commit saw it. */
  readonly Apply: { readonly _tag: "Applied"; readonly heard: boolean } | NotNow
  readonly Rollback: undefined
  readonly Confirm: undefined
  readonly Suspects: ReadonlyArray<KeyOf>
  readonly Await: boolean
}

/** Nothing happened, because somebody else was in the way. */
export type NotNow =
  | {
      readonly _tag: "Conflict"
      /** What was found other than it was decided on: records of a kind, the subscriptions, or anything that it touched. */
      readonly at: KindName | "subscriptions" | "anything"
      /** Whether it is other sessions' doing, such as a deadlock. Any other conflict that stays has its reason in the batch. */
      readonly isCrowd: boolean
      readonly reason: string
    }
  /** A lock was not given in the time that a session waits. */
  | { readonly _tag: "NotGiven" }

export interface Session {
  /**
   * Sends a frame behind all those that were sent before. `sent` is called once it stands there, so that whatever is sent
   * from then on comes behind it; a session that answers each frame before it takes the next need not call it.
   */
  readonly send: <F extends Frame>(frame: F, sent?: () => void) => Effect.Effect<ReplyTo[F["_tag"]], StoreFault>
}

/** How each frame is answered. */
export type Answers = {
  readonly [T in Frame["_tag"]]: (
    frame: Extract<Frame, { readonly _tag: T }>,
    sent?: () => void,
  ) => Effect.Effect<ReplyTo[T], StoreFault>
}

/** A session out of an answer to each frame. */
export const makeSession = (answers: Answers): Session => ({
  send: <F extends Frame>(frame: F, sent?: () => void) => {
    const answer: unknown = answers[frame._tag]
    // biome-ignore lint/plugin/casts: answers are listed by the tag of their frame, and a reply is typed by it
    return (answer as (frame: F, sent?: () => void) => Effect.Effect<ReplyTo[F["_tag"]], StoreFault>)(frame, sent)
  },
})

/** Where sessions come from: one connection, which is opened when it is needed and opened anew when it was lost. */
export interface SessionSource {
  /** Uses the session alone. Fails at once with `Lost` while the store is away. */
  readonly use: <A>(run: (session: Session) => Effect.Effect<A, StoreFault>) => Effect.Effect<A, StoreFault>
  /** Uses it for one frame, which may be sent behind frames of others. Absent where the connection cannot do that. */
  readonly follow?:
    | (<A>(run: (session: Session) => Effect.Effect<A, StoreFault>) => Effect.Effect<A, StoreFault>)
    | undefined
}
