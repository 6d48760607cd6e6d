/**
 * Running one batch to its end: whatever the store does, every command gets exactly one outcome.
 *
 * - A lost reply: the same commands again, with the same ids, until they are answered or their deadlines pass. Their
 *   receipts make that exact. What the store may still do of the first try is ended before the next is decided.
 * - Busy keys: the commands that touch them are set aside, the rest goes on at once. Where the store cannot tell which keys
 *   are, the batch is halved as well, unless it is all of them.
 * - A rejection for an odd reason: the batch is halved until the offender stands alone.
 */

import { Cause, Effect, Exit } from "effect"
import type { Decision } from "../decision/Command.ts"
import { fold, keysOfCommands } from "../decision/fold.ts"
import type { KeyOf, StoreFault, StoreShape, Turn } from "../ports/index.ts"
import { textOfKey } from "../transact/StoreFault.ts"
import { firstPauseMillis, longer, pause } from "./asking.ts"
import { toldOf } from "./faults.ts"
import type { LostReplies } from "./LostReplies.ts"
import type { Counters } from "./Metrics.ts"
import { decidable, isOver, type Outcome, type Pending, tooLate, unknown } from "./Pending.ts"
import { noteOnSpan } from "./Spans.ts"

export interface BatchContext {
  readonly store: StoreShape
  readonly now: () => number
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsed: () => number
  readonly counters: Counters
  readonly lostReplies: LostReplies
  /** Gives a command that was decided its outcome. */
  readonly finish: (pending: Pending, outcome: Outcome) => void
  /** Takes commands whose keys are held by somebody else. `alone`: those that are to be tried with no others. */
  readonly setAside: (batch: ReadonlyArray<Pending>, keys: ReadonlyArray<KeyOf>, alone?: boolean) => void
}

/** Runs a batch until every command in it is finished or set aside. The turn is that of its first try. Never fails. */
export const runBatch = (context: BatchContext, batch: ReadonlyArray<Pending>, turn?: Turn): Effect.Effect<void> =>
  tryBatch(context, batch, firstPauseMillis, turn)

const tryBatch = (
  context: BatchContext,
  batch: ReadonlyArray<Pending>,
  pauseMillis: number,
  turn?: Turn,
): Effect.Effect<void> =>
  Effect.flatMap(Effect.exit(settleAndTransact(context, batch, turn)), (exit) => {
    if (Exit.isSuccess(exit)) {
      finishAll(context, batch, exit.value)
      return Effect.void
    }
    const fault = faultOf(exit.cause)
    const left = finishCommitted(context, batch, fault)
    return Effect.andThen(noteOnSpan(fault), afterFault(context, left, fault, pauseMillis))
  })

const afterFault = (context: BatchContext, batch: ReadonlyArray<Pending>, fault: StoreFault, pauseMillis: number) =>
  Effect.suspend(() => {
    switch (fault._tag) {
      case "Lost":
        context.lostReplies.lost(batch, fault)
        return runAgain(context, batch, fault.reason, pauseMillis)
      case "Busy":
        return runWithoutBusy(context, batch, fault)
      case "Rejected":
        return runHalves(context, batch, fault)
    }
  })

// What is decided on has to be read after the earlier tries have ended.
const settleAndTransact = (context: BatchContext, batch: ReadonlyArray<Pending>, turn: Turn | undefined) =>
  Effect.andThen(
    Effect.mapError(
      Effect.suspend(() => context.lostReplies.settle(batch)),
      (fault): StoreFault => (fault._tag === "Lost" ? { ...fault, attempt: "nothing" } : fault),
    ),
    transact(context, batch, turn),
  )

const transact = (context: BatchContext, batch: ReadonlyArray<Pending>, turn: Turn | undefined) =>
  Effect.suspend(() => {
    const commands = batch.map((pending) => pending.command)
    context.counters.batches++
    context.counters.batchedCommands += commands.length
    return context.store.transact(
      keysOfCommands(commands),
      (records) => {
        const elapsed = context.elapsed()
        return fold(
          batch.map((pending) => decidable(pending, elapsed)),
          records,
          context.now(),
        )
      },
      turn,
    )
  })

const finishAll = (context: BatchContext, batch: ReadonlyArray<Pending>, decisions: ReadonlyArray<Decision>): void => {
  batch.forEach((pending, index) => {
    const decision = decisions[index] ?? expired
    if (context.lostReplies.leavesOpen(pending, decision)) context.finish(pending, unknownOutcome(stillOpen))
    else if (decision._tag === "Expired") {
      // The fold saw no receipt and decided nothing, and no earlier try can.
      context.finish(pending, { _tag: "Unavailable", unavailable: tooLate(pending.command) })
    } else context.finish(pending, decision)
  })
}

/** Answers what was committed before the fault came. Left is what the fault is of. */
const finishCommitted = (
  context: BatchContext,
  batch: ReadonlyArray<Pending>,
  { committed }: StoreFault,
): ReadonlyArray<Pending> => {
  if (committed === undefined) return batch
  // biome-ignore lint/plugin/casts: what a store was given to decide was this batch
  const decisions = committed as ReadonlyArray<Decision>
  const isLeft = (index: number): boolean => decisions[index]?._tag === "Refused"
  const isDone = (_: unknown, index: number): boolean => !isLeft(index)
  finishAll(context, batch.filter(isDone), decisions.filter(isDone))
  return batch.filter((_, index) => isLeft(index))
}

const expired: Decision = { _tag: "Expired" }
const stillOpen = "a reply was lost, and what was asked for may still be done"

// A defect of an adapter may have come after its commit, so it counts as a lost reply.
const faultOf = (cause: Cause.Cause<StoreFault>): StoreFault => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) return reason.error
  }
  return { _tag: "Lost", reason: "the store failed", cause: Cause.squash(cause) }
}

const runAgain = (context: BatchContext, batch: ReadonlyArray<Pending>, reason: string, pauseMillis: number) =>
  Effect.gen(function* () {
    context.counters.lostReplies++
    yield* pause(pauseMillis)
    const [now, elapsed] = [context.now(), context.elapsed()]
    const inTime: Array<Pending> = []
    for (const pending of batch) {
      if (isOver(pending, now, elapsed)) context.finish(pending, unknownOutcome(reason))
      else inTime.push(pending)
    }
    if (inTime.length > 0) yield* tryBatch(context, inTime, longer(pauseMillis))
  })

const unknownOutcome = (reason: string): Outcome => ({
  _tag: "Unavailable",
  unavailable: unknown(reason),
})

// What the store rejects did not happen, unless an earlier try or call of the same key did, whose end nobody was told.
const rejectedOutcome = (
  { lostReplies }: BatchContext,
  pending: Pending,
  fault: StoreFault & { readonly _tag: "Rejected" },
): Outcome =>
  pending.uncertain || pending.unsettled !== undefined || lostReplies.remembers(pending.command)
    ? unknownOutcome(fault.reason)
    : { _tag: "Unavailable", unavailable: toldOf(fault, "nothing-happened") }

const runWithoutBusy = (
  context: BatchContext,
  batch: ReadonlyArray<Pending>,
  { keys, someOf }: StoreFault & { readonly _tag: "Busy" },
): Effect.Effect<void> => {
  context.counters.busyBatches++
  if (someOf === true && batch.length > 1) return runWithoutSome(context, batch, keys)
  const busy = new Set(keys.map(({ kind, key }) => textOfKey({ kind, key })))
  const aside = batch.filter((pending) => touchesAny(pending, busy))
  // A store that names no key of the batch would otherwise be asked the same for ever.
  const held = aside.length > 0 ? aside : batch
  context.setAside(held, keys, someOf)
  const rest = batch.filter((pending) => !held.includes(pending))
  return rest.length > 0 ? runBatch(context, rest) : Effect.void
}

/**
 * All of them would otherwise wait for one, and so would whoever comes on keys that they share. Two that are not let through
 * alone tell that it is all of them, such as where a whole table is locked.
 */
const runWithoutSome = (context: BatchContext, batch: ReadonlyArray<Pending>, keys: ReadonlyArray<KeyOf>) =>
  Effect.gen(function* () {
    let tried = 0
    for (const alone of batch.slice(0, 2)) {
      yield* runBatch(context, [alone])
      tried++
      if (alone.state !== "queued") break
      if (tried === 2) return context.setAside(batch.slice(2), keys)
    }
    if (batch.length > tried) yield* inHalves(context, batch.slice(tried))
  })

/** Whether a command touches any of the keys, given as texts. */
export const touchesAny = (pending: Pending, texts: ReadonlySet<string>): boolean =>
  touchedOf([pending], texts).size > 0

/** Those of the keys, given as texts, that any of the commands touches. */
export const touchedOf = (batch: ReadonlyArray<Pending>, texts: ReadonlySet<string>): ReadonlySet<string> => {
  const touched = new Set<string>()
  for (const { command } of batch) {
    command.operation.keys(
      command.request,
      (kind, key) => {
        const text = textOfKey({ kind, key })
        if (texts.has(text)) touched.add(text)
      },
      command.at,
    )
  }
  return touched
}

const runHalves = (
  context: BatchContext,
  batch: ReadonlyArray<Pending>,
  fault: StoreFault & { readonly _tag: "Rejected" },
): Effect.Effect<void> => {
  context.counters.rejectedBatches++
  const [alone] = batch
  if (alone !== undefined && batch.length === 1) {
    context.finish(alone, rejectedOutcome(context, alone, fault))
    return Effect.void
  }
  return inHalves(context, batch)
}

const inHalves = (context: BatchContext, batch: ReadonlyArray<Pending>): Effect.Effect<void> => {
  const middle = Math.ceil(batch.length / 2)
  const rest = batch.slice(middle)
  const first = runBatch(context, batch.slice(0, middle))
  return rest.length === 0 ? first : Effect.andThen(first, runBatch(context, rest))
}
