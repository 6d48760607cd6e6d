/**
 * `transact`: decide on one snapshot and apply with guards, or lock first; two round trips and one commit either way. Where
 * everything is accepted on what earlier batches left, the first of them is left out.
 *
 * | path | first frame | second frame |
 * |---|---|---|
 * | blind | | `begin`, changes with guards, `commit` |
 * | snapshot | all records in one statement | `begin`, changes with guards, `commit` |
 * | locked | `begin`, locks in order, receipts | changes, `commit` |
 *
 * A batch that only refuses is answered from its snapshot and commits nothing. In a mixed one the acceptances are
 * committed, then the refusals that touched what they changed are decided again under locks. A guard that does not hold
 * sends the whole batch to the locks, and for a while those that touch the same keys. A lock that is not given within
 * the session's `lock_timeout` ends the batch as `Busy`, with the keys that somebody holds.
 */

import {
  type ChangeSet,
  type Decided,
  type KeyOf,
  type Keys,
  kindNames,
  kinds,
  type Records,
  type StoreFault,
} from "@holdfast/core"
import { Effect } from "effect"
import { type ApplyStatement, applyStatements } from "./apply.ts"
import { busyKeys, HeldKeys } from "./busy.ts"
import { Conflicts } from "./Conflicts.ts"
import { isCrowd, lost, type Meaning, meaningOf, rejected } from "./faults.ts"
import { locksOf, snapshotOf } from "./load.ts"
import { isWritable, Remembered } from "./Remembered.ts"
import { Audience } from "./statements/outbox.ts"
import { begin, commit, type Failure, rollback, type Statement, type Wire } from "./wire.ts"

/** How often one batch is decided again before its keys count as busy. */
const maxAttempts = 16

/** What batches remember of those before them, and which way they are made to go. */
export interface Transactor {
  readonly conflicts: Conflicts
  readonly held: HeldKeys
  readonly remembered: Remembered
  readonly audience: Audience
  /** Forces one path, for tests and measurements. */
  readonly path: Path
}

/**
 * Which way batches go: `any` is right, the others are for tests and measurements. `blind` tries that path with every
 * batch, `snapshot` with none, and `locked` takes locks first.
 */
export type Path = "any" | "blind" | "snapshot" | "locked"

/** One that remembers nothing yet. */
export const newTransactor = (path: Path): Transactor => ({
  conflicts: new Conflicts(),
  held: new HeldKeys(),
  remembered: new Remembered(),
  audience: new Audience(),
  path,
})

type Attempt<A> =
  | { readonly _tag: "Done"; readonly answer: A }
  | { readonly _tag: "Conflict"; readonly failure: Failure }
  | { readonly _tag: "Waited" }

const waited = { _tag: "Waited" } as const

/** The way of one batch, or what is left of it: `busy` where a lock was not given in time. */
export type Way = "blind" | "snapshot" | "locked" | "busy"

/** Which way a batch goes first. Counts it, so it is asked once for each. */
export const firstWay = ({ conflicts, held, path, remembered }: Transactor, keys: Keys): Way => {
  if (path === "locked" || conflicts.touch(keys)) return "locked"
  const isBlind = path === "blind" || (path !== "snapshot" && remembered.isPromising())
  return isBlind && held.among(keys) === undefined ? "blind" : "snapshot"
}

/** Every way but the blind one. */
export const transactOn = <A>(
  transactor: Transactor,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  way: Exclude<Way, "blind">,
): Effect.Effect<A, StoreFault> => {
  const { held } = transactor
  const suspects = held.among(keys)
  const decided =
    suspects === undefined
      ? ways[way](transactor, wire, keys, decide)
      : Effect.flatMap(busyKeys(wire, suspects), (busyNow) => {
          if (busyNow.length > 0) return failBusy(busyNow)
          held.forget(suspects)
          return ways[way](transactor, wire, keys, decide)
        })
  return Effect.tapError(decided, (fault) =>
    Effect.sync(() => {
      if (fault._tag === "Busy") held.remember(fault.keys)
    }),
  )
}

/** What came of a blind decision: an answer, or the way that its batch goes instead. */
export type Blind<A> =
  | { readonly _tag: "Done"; readonly answer: A }
  | { readonly _tag: "Not"; readonly way: Exclude<Way, "blind"> }

/**
 * Decides on what earlier batches left, those included whose answers are still to come. All of it is one frame: once that is
 * `sent`, the next one may be sent behind it.
 */
export const blindly = <A>(
  transactor: Transactor,
  wire: Wire,
  decide: (records: Records) => Decided<A>,
  sent: () => void,
): Effect.Effect<Blind<A>, StoreFault> => {
  const { remembered } = transactor
  const { records, missed } = remembered.records()
  const { answer, changes, onlyAccepts } = decide(records)
  if (changes === undefined || onlyAccepts !== true || missed() || !isWritable(changes)) {
    remembered.turnedOut(false)
    return Effect.succeed({ _tag: "Not", way: "snapshot" })
  }
  remembered.keep(changes)
  sent()
  return Effect.flatMap(apply(transactor, wire, [begin], changes), (failed): Effect.Effect<Blind<A>, StoreFault> => {
    remembered.turnedOut(failed === undefined)
    if (failed === undefined) return Effect.succeed({ _tag: "Done", answer })
    remembered.forget(changes)
    return Effect.map(attemptOf<A>(failed.failure, true), ({ _tag }) => ({
      _tag: "Not",
      way: _tag === "Waited" ? "busy" : "snapshot",
    }))
  })
}

const onSnapshot = <A>(
  transactor: Transactor,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
): Effect.Effect<A, StoreFault> => {
  const snapshot = snapshotOf(keys)
  return Effect.flatMap(wire.run([snapshot.statement]), ({ values, failed }) => {
    if (failed !== undefined) return failWith(failed.failure, true)
    const decided = decide(snapshot.recordsOf(values[0]))
    const { changes } = decided
    // One snapshot, nothing written: every answer holds as it stands.
    if (changes === undefined) return Effect.succeed(decided.answer)
    return Effect.flatMap(guarded(transactor, wire, changes), (attempt) => {
      if (attempt._tag === "Conflict") return locked(transactor, wire, keys, decide)
      if (attempt._tag === "Waited") return busy(transactor, wire, keys, decide)
      const again = decided.again()
      return again === undefined ? Effect.succeed(decided.answer) : locked(transactor, wire, again.keys, again.decide)
    })
  })
}

/** Applies changes that were decided on a snapshot. */
const guarded = (transactor: Transactor, wire: Wire, changes: ChangeSet): Effect.Effect<Attempt<void>, StoreFault> =>
  Effect.flatMap(apply(transactor, wire, [begin], changes), (failed): Effect.Effect<Attempt<void>, StoreFault> => {
    if (failed === undefined) {
      transactor.remembered.keep(changes)
      return Effect.succeed({ _tag: "Done", answer: undefined })
    }
    const { kind, failure } = failed
    if (kind !== undefined && kind !== "event" && meaningOf(failure, true) === "conflict") {
      transactor.conflicts.remember(changes, kind)
    }
    return attemptOf(failure, true)
  })

/** Applies changes and commits. Answers why that failed, and with the statement of which kind. */
const apply = (
  { audience }: Transactor,
  wire: Wire,
  first: ReadonlyArray<Statement>,
  changes: ChangeSet,
): Effect.Effect<{ readonly kind: ApplyStatement["kind"] | undefined; readonly failure: Failure } | undefined> => {
  const statements = applyStatements(changes, audience.isThere)
  return Effect.map(wire.run([...first, ...statements, commit]), ({ values, failed }) => {
    if (failed === undefined) {
      audience.learn(values[first.length + statements.length - 1], false)
      return undefined
    }
    const kind = statements[failed.index - first.length]?.kind
    if (kind === "event") audience.learn(undefined, true)
    return { kind, failure: failed.failure }
  })
}

const locked = <A>(
  transactor: Transactor,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempts = 1,
): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(lockedOnce(transactor, wire, keys, decide), (attempt) => {
    if (attempt._tag === "Done") return Effect.succeed(attempt.answer)
    if (attempt._tag === "Waited") return busy(transactor, wire, keys, decide)
    if (attempts < maxAttempts) return locked(transactor, wire, keys, decide, attempts + 1)
    return isCrowd(attempt.failure) ? failBusy(allKeys(keys)) : Effect.fail(rejected(attempt.failure))
  })

const lockedOnce = <A>(
  transactor: Transactor,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
): Effect.Effect<Attempt<A>, StoreFault> => {
  const locks = locksOf(keys)
  return Effect.flatMap(
    wire.run([begin, ...locks.statements]),
    ({ values, failed }): Effect.Effect<Attempt<A>, StoreFault> => {
      if (failed !== undefined) return Effect.andThen(wire.run([rollback]), attemptOf<A>(failed.failure, false))
      const { answer, changes } = decide(locks.recordsOf(values.slice(1)))
      if (changes === undefined) return Effect.as(wire.run([rollback]), { _tag: "Done", answer })
      return Effect.flatMap(apply(transactor, wire, [], changes), (notApplied) => {
        if (notApplied !== undefined) return attemptOf<A>(notApplied.failure, false)
        transactor.remembered.keep(changes)
        return Effect.succeed<Attempt<A>>({ _tag: "Done", answer })
      })
    },
  )
}

/** What was not given in time: the keys that somebody holds, or a second and last try where nobody does any more. */
const busy = <A>(
  transactor: Transactor,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(busyKeys(wire, keys), (held) => {
    if (held.length > 0) return failBusy(held)
    return Effect.flatMap(lockedOnce(transactor, wire, keys, decide), (attempt) =>
      attempt._tag === "Done" ? Effect.succeed(attempt.answer) : failBusy(allKeys(keys)),
    )
  })

const ways = { snapshot: onSnapshot, locked, busy } as const

const attemptOf = <A>(failure: Failure, isGuarded: boolean): Effect.Effect<Attempt<A>, StoreFault> => {
  const meaning: Meaning = meaningOf(failure, isGuarded)
  if (meaning === "conflict") return Effect.succeed({ _tag: "Conflict", failure })
  if (meaning === "waited") return Effect.succeed(waited)
  return failWith(failure, isGuarded)
}

const failWith = (failure: Failure, isGuarded: boolean): Effect.Effect<never, StoreFault> =>
  Effect.fail(meaningOf(failure, isGuarded) === "rejected" ? rejected(failure) : lost(failure))

const failBusy = (keys: ReadonlyArray<KeyOf>): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Busy", keys })

/** Everything that a batch locks, where nobody knows which of it is held. */
export const allKeys = (keys: Keys): ReadonlyArray<KeyOf> =>
  kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => ({ kind, key })) : []))
