/**
 * The path of a batch: decide on what is at hand, verify by guards, and fall back to locks.
 *
 * | path | decides on | frames |
 * |---|---|---|
 * | blind | what earlier batches left | `Apply` with guards |
 * | snapshot | one unlocked read | `Snapshot`, `Apply` with guards |
 * | locked | locked records | `Lock`, `Apply` |
 *
 * A batch that only refuses is answered from its snapshot and commits nothing. In a mixed one the acceptances are
 * committed, then the refusals that touched what they changed are decided again under locks. A guard that does not hold
 * sends the whole batch to the locks, and for a while those that touch the same keys. A lock that is not given in time ends
 * the batch as `Busy`, with the keys that are held.
 *
 * A refusal that is decided again sees what its whole batch changed, and so may turn into an acceptance: an order refused
 * for stock just before a restock in the same batch. Every answer is true at some moment between call and answer.
 */
import { Effect } from "effect"
import type { ChangeSet } from "../decision/Changes.ts"
import type { Decided } from "../decision/fold.ts"
import { type KindName, kinds } from "../decision/kinds.ts"
import type { Keys, Records } from "../decision/Records.ts"
import type { Attempts } from "./Attempts.ts"
import type { BatchState } from "./BatchState.ts"
import type { NotNow } from "./Session.ts"
import { isWritable } from "./Speculation.ts"
import { type KeyOf, lockedKeys, type StoreFault } from "./StoreFault.ts"

/** How often one batch is decided again before its keys count as busy. */
const maxAttempts = 16

/** The paths that read before they decide. `held`: a lock was not given, so it is found out first which key is held. */
export type ReadingPath = "snapshot" | "locked" | "held"

/** One batch on its way. */
interface Batch<A> {
  readonly state: BatchState
  readonly attempts: Attempts
  readonly keys: Keys
  readonly decide: (records: Records) => Decided<A>
}

/** Which path a batch takes first. Counts it, so it is asked once for each. */
export const firstPath = ({ conflicts, held, path, speculation }: BatchState, keys: Keys): ReadingPath | "blind" => {
  if (path === "locked" || conflicts.touch(keys)) return "locked"
  const isBlind = path === "blind" || (path !== "snapshot" && speculation.isPromising())
  return isBlind && held.among(keys) === undefined ? "blind" : "snapshot"
}

/** Runs a batch on a path that reads first. Where it needs keys that were held lately, it looks at these alone before. */
export const transactOn = <A>(
  state: BatchState,
  attempts: Attempts,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  path: ReadingPath,
): Effect.Effect<A, StoreFault> => {
  const batch = { state, attempts, keys, decide }
  const decided = Effect.suspend(() => steps[path](batch))
  const { held } = state
  const suspects = held.among(keys)
  const whenFree =
    suspects === undefined
      ? decided
      : Effect.flatMap(attempts.heldOf(suspects), (still) => {
          if (still.length > 0) return busy(still)
          held.forget(suspects)
          return decided
        })
  return Effect.tapError(whenFree, (fault) =>
    Effect.sync(() => {
      if (fault._tag === "Busy" && fault.someOf !== true) held.remember(fault.keys)
    }),
  )
}

/** What came of a blind decision: an answer, or the path that its batch takes instead. */
export type Blind<A> =
  | { readonly _tag: "Done"; readonly answer: A }
  | { readonly _tag: "Instead"; readonly path: ReadingPath }

/**
 * Decides on what earlier batches left, those included whose answers are still to come. All of it is one frame: once that is
 * `sent`, the next one may be decided on it and sent behind it.
 */
export const blindly = <A>(
  state: BatchState,
  attempts: Attempts,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  sent: () => void,
): Effect.Effect<Blind<A>, StoreFault> => {
  const { speculation } = state
  const { records, missed } = speculation.records()
  const { answer, changes, onlyAccepts } = decide(records)
  if (changes === undefined || onlyAccepts !== true || missed() || !isWritable(changes)) {
    speculation.turnedOut(false)
    return Effect.succeed({ _tag: "Instead", path: "snapshot" })
  }
  speculation.keep(changes)
  const undone = (): void => {
    speculation.turnedOut(false)
    speculation.forget(changes)
  }
  return Effect.map(
    Effect.tapCause(attempts.guarded(changes, state.heard, sent), () => Effect.sync(undone)),
    (reply): Blind<A> => {
      if (reply._tag === "Applied") {
        state.heard = reply.heard
        speculation.turnedOut(true)
        return { _tag: "Done", answer }
      }
      undone()
      if (reply._tag === "NotGiven") return { _tag: "Instead", path: "held" }
      state.conflicted++
      if (reply.at === "subscriptions") state.heard = true
      // What is remembered may just be old. A key that was in conflict not long ago still is.
      const again = state.conflicts.among(inConflict(reply.at, changes, keys))
      state.conflicts.remember(again)
      return { _tag: "Instead", path: again.length > 0 ? "locked" : "snapshot" }
    },
  )
}

const onSnapshot = <A>(batch: Batch<A>): Effect.Effect<A, StoreFault> => {
  const { state, attempts, keys, decide } = batch
  return Effect.flatMap(attempts.snapshot(keys), (read) => {
    if (read._tag !== "Read") return whenNotNow(batch, read)
    const decided = decide(read.records)
    const { changes } = decided
    // One snapshot, nothing written: every answer holds as it stands.
    if (changes === undefined) {
      return decided.restsOnRows === true ? Effect.as(attempts.confirm, decided.answer) : Effect.succeed(decided.answer)
    }
    return Effect.flatMap(attempts.guarded(changes, state.heard), (reply) => {
      if (reply._tag !== "Applied") {
        if (reply._tag === "Conflict") {
          state.conflicted++
          state.conflicts.remember(inConflict(reply.at, changes, keys))
        }
        return whenNotNow(batch, reply)
      }
      applied(state, changes, reply.heard)
      const again = decided.again()
      if (again === undefined) return Effect.succeed(decided.answer)
      // Whatever becomes of the refusals, the acceptances are committed.
      return Effect.mapError(
        locked({ ...batch, ...again }),
        (fault): StoreFault => ({ ...fault, committed: decided.answer }),
      )
    })
  })
}

const steps: { readonly [P in ReadingPath]: <A>(batch: Batch<A>) => Effect.Effect<A, StoreFault> } = {
  snapshot: (batch) => onSnapshot(batch),
  locked: (batch) => locked(batch),
  held: (batch) => whenNotGiven(batch),
}

/** A conflict is decided again under locks; where a lock was not given, somebody may hold it. */
const whenNotNow = <A>(batch: Batch<A>, reply: NotNow): Effect.Effect<A, StoreFault> => {
  if (reply._tag === "NotGiven") return whenNotGiven(batch)
  if (reply.at === "subscriptions") batch.state.heard = true
  return locked(batch)
}

const locked = <A>(batch: Batch<A>, attempt = 1): Effect.Effect<A, StoreFault> => {
  const { state, attempts, keys, decide } = batch
  if (attempt === 1) state.locked++
  return Effect.flatMap(attempts.locked(keys, decide, state.heard), (done) => {
    switch (done._tag) {
      case "Done":
        if (done.changes !== undefined) applied(state, done.changes, done.heard)
        return Effect.succeed(done.answer)
      case "NotGiven":
        return whenNotGiven(batch)
      case "Conflict":
        if (done.at === "subscriptions") state.heard = true
        if (attempt < maxAttempts) return locked(batch, attempt + 1)
        return done.isCrowd
          ? busy(lockedKeys(keys))
          : Effect.fail<StoreFault>({ _tag: "Rejected", reason: done.reason })
    }
  })
}

/**
 * The keys that are held, or a second and last try where none is any more. A lock that is not given then is of no row that can
 * be seen: it may be that of any key.
 */
const whenNotGiven = <A>({ state, attempts, keys, decide }: Batch<A>): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(attempts.heldOf(keys), (held) => {
    if (held.length > 0) return busy(held)
    return Effect.flatMap(attempts.locked(keys, decide, state.heard), (done) => {
      if (done._tag !== "Done") {
        return Effect.fail<StoreFault>({ _tag: "Busy", keys: lockedKeys(keys), someOf: done._tag === "NotGiven" })
      }
      if (done.changes !== undefined) applied(state, done.changes, done.heard)
      return Effect.succeed(done.answer)
    })
  })

const applied = (state: BatchState, changes: ChangeSet, heard: boolean): void => {
  // Where no batch ever decides blindly there is nothing to keep records for.
  if (state.path === "any" || state.path === "blind") state.speculation.keep(changes)
  state.heard = heard
}

/** One of these keys was found other than it was decided on. */
const inConflict = (at: NotNowAt, { puts }: ChangeSet, keys: Keys): ReadonlyArray<KeyOf> => {
  if (at === "subscriptions") return []
  if (at === "anything") return lockedKeys(keys)
  return ofKind(at, puts)
}

type NotNowAt = Extract<NotNow, { readonly _tag: "Conflict" }>["at"]

const ofKind = <K extends KindName>(kind: K, puts: ChangeSet["puts"]): ReadonlyArray<KeyOf> => {
  // Exact guards fail far more often than a change of terms, and there are few of them.
  const exact = puts[kind].filter(({ before, guard }) => before !== undefined && guard === "exact")
  const found = exact.length > 0 ? exact : puts[kind]
  return found.map(({ after }) => ({ kind, key: kinds[kind].keyOf(after) }))
}

const busy = (keys: ReadonlyArray<KeyOf>): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Busy", keys })
