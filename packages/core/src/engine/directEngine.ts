/**
 * The engine inside a transaction of the host: one command at a time, at once, on the host's connection.
 *
 * Nothing is batched and nothing retried: the transaction is the host's, and only the host can run it again. So a
 * conflict is answered as `TransactionConflict`, with nothing lost.
 */
import { Cause, Clock, Effect, Exit, type Semaphore } from "effect"
import type { Command } from "../decision/Command.ts"
import { fold, keysOfCommands } from "../decision/fold.ts"
import { elapsedMillisOf } from "../elapsed.ts"
import type { StoreFault, StoreShape } from "../ports/index.ts"
import type { Unavailable } from "../refusals.ts"
import type { Engine, Submitter } from "./Engine.ts"
import { toldOf } from "./faults.ts"
import { saysThatNothingHappened } from "./LostReplies.ts"
import { decidable, endOf, leftOf, letGo, type Outcome, type Pending, pendingOf, settle, tooLate } from "./Pending.ts"
import type { Spans } from "./Spans.ts"

/** What the calls of one handle share. */
export interface DirectOptions {
  /** The engine of the shop: what it has in flight, and what it knows of lost replies, concerns a key here too. */
  readonly engine: Pick<Engine, "count" | "isPending" | "lostReply" | "readInTime">
  /** One permit: a connection serves one statement after the other, whatever the host runs side by side. */
  readonly turns: Semaphore.Semaphore
  readonly spans?: Spans | undefined
}

export const makeDirectEngine = (
  store: StoreShape,
  { engine, turns, spans }: DirectOptions,
): Effect.Effect<Submitter> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const services = yield* Effect.context<never>()
    const runFork = Effect.runForkWith(services)
    return {
      submit: (command, resolve, caller) => {
        const span = spans?.began(command, caller)
        const endsAt = endOf(command, elapsedMillisOf(clock))
        const pending = pendingOf(command, resolve, { endsAt, sequence: 0, lane: undefined, state: "queued", span })
        const answered = Effect.suspend(() => {
          // Its caller has left while it waited for its turn, and may have ended the transaction.
          if (pending.state === "settled") return Effect.void
          pending.state = "taken"
          return Effect.map(decideNow(store, engine, pending, clock), (outcome) => {
            engine.count(pending, outcome)
            spans?.ended(pending, outcome)
            settle(pending, outcome)
          })
        })
        const inTurn = turns.withPermit(answered)
        runFork(spans === undefined ? inTurn : spans.around([pending], inTurn))
        return pending
      },
      withdraw: letGo,
      readInTime: (_, reading) => reading,
    }
  })

/** What an earlier call of the key may still do is ended first, or else no answer is final that says that nothing happened. */
const decideNow = (
  store: StoreShape,
  engine: DirectOptions["engine"],
  pending: Pending,
  clock: Clock.Clock,
): Effect.Effect<Outcome> =>
  Effect.flatMap(mayStillHappen(engine, pending.command, clock), (isOpen) =>
    Effect.map(decide(store, pending, clock), (decided) => (isOpen && isNegative(decided) ? stillOpen : decided)),
  )

/**
 * Whether an earlier call of the key may still be done. One that a lane has in hand is not waited for: it may be waiting for
 * locks of the host's transaction. Ending a session takes a connection, which the host's pool may have none left of.
 */
const mayStillHappen = (
  { isPending, lostReply, readInTime }: DirectOptions["engine"],
  command: Command,
  clock: Clock.Clock,
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    // Asked first: a call that ends in between is remembered where its reply was lost.
    const pending = isPending(command)
    const lost = Effect.match(readInTime(command, lostReply(command)), {
      onFailure: () => true,
      onSuccess: ({ _tag }) => _tag === "Open",
    })
    const half = Math.max(0, leftOf(command, clock.currentTimeMillisUnsafe()) / 2)
    const known = Effect.timeoutOrElse(lost, { duration: half, orElse: () => Effect.succeed(true) })
    return Effect.map(known, (isOpen) => isOpen || pending)
  })

const isNegative = (outcome: Outcome): boolean =>
  outcome._tag === "Unavailable" ? outcome.unavailable.outcome === "nothing-happened" : saysThatNothingHappened(outcome)

const stillOpen: Outcome = {
  _tag: "Unavailable",
  unavailable: {
    _tag: "StoreUnavailable",
    outcome: "unknown",
    reason: "an earlier call of this key is on its way, and what was asked for may still be done",
  },
}

const decide = (store: StoreShape, pending: Pending, clock: Clock.Clock): Effect.Effect<Outcome> => {
  const { command } = pending
  return Effect.map(
    Effect.exit(
      store.transact(keysOfCommands([command]), (records) =>
        fold([decidable(pending, elapsedMillisOf(clock))], records, clock.currentTimeMillisUnsafe()),
      ),
    ),
    (exit): Outcome => {
      if (Exit.isFailure(exit)) return { _tag: "Unavailable", unavailable: unavailableOf(exit.cause) }
      const [decision] = exit.value
      return decision === undefined || decision._tag === "Expired"
        ? { _tag: "Unavailable", unavailable: tooLate(command) }
        : decision
    },
  )
}

const unavailableOf = (cause: Cause.Cause<StoreFault>): Unavailable => {
  for (const reason of cause.reasons) {
    if (!Cause.isFailReason(reason)) continue
    const fault = reason.error
    return fault._tag === "Busy"
      ? { _tag: "TransactionConflict", outcome: "nothing-happened" }
      : toldOf(fault, fault._tag === "Lost" && fault.attempt === "nothing" ? "nothing-happened" : "unknown")
  }
  return { _tag: "StoreUnavailable", outcome: "unknown", reason: "the store failed" }
}
