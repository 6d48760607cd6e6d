/**
 * The engine inside a transaction of the host: one command at a time, at once, on the host's connection.
 *
 * Nothing is batched and nothing retried: the transaction is the host's, and only the host can run it again. So a
 * conflict is answered as `TransactionConflict`, with nothing lost.
 */
import { Cause, Clock, Effect, Exit, Semaphore } from "effect"
import type { Command } from "../decision/Command.ts"
import { fold, keysOfCommands } from "../decision/fold.ts"
import type { StoreFault, StoreShape } from "../ports/Store.ts"
import type { Unavailable } from "../refusals.ts"
import type { Submitter } from "./Engine.ts"
import { type Outcome, type Pending, settle } from "./Pending.ts"

export const makeDirectEngine = (store: StoreShape): Effect.Effect<Submitter> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    // A connection serves one statement after the other, whatever the host runs side by side.
    const connection = yield* Semaphore.make(1)
    const services = yield* Effect.context<never>()
    const runFork = Effect.runForkWith(services)
    return {
      submit: (command, resolve) => {
        const pending: Pending = {
          command,
          resolve,
          sequence: 0,
          lane: undefined,
          state: "taken",
          uncertain: false,
          previous: undefined,
          next: undefined,
          nextInBucket: undefined,
        }
        const answered = connection.withPermit(decideNow(store, command, clock))
        runFork(Effect.map(answered, (outcome) => settle(pending, outcome)))
        return pending
      },
      withdraw: (pending) => {
        pending.state = "settled"
      },
      prepare: (_, reading) => reading,
    }
  })

const decideNow = (store: StoreShape, command: Command, clock: Clock.Clock): Effect.Effect<Outcome> => {
  const commands = [command]
  return Effect.map(
    Effect.exit(
      store.transact(keysOfCommands(commands), (records) => fold(commands, records, clock.currentTimeMillisUnsafe())),
    ),
    (exit): Outcome => {
      if (Exit.isFailure(exit)) return { _tag: "Unavailable", unavailable: unavailableOf(exit.cause) }
      const [decision] = exit.value
      return decision === undefined || decision._tag === "Expired"
        ? {
            _tag: "Unavailable",
            unavailable: {
              _tag: "DeadlineExceeded",
              outcome: "nothing-happened",
              deadlineMillis: command.deadline - command.at,
            },
          }
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
      : { _tag: "StoreUnavailable", outcome: "unknown", reason: fault.reason }
  }
  return { _tag: "StoreUnavailable", outcome: "unknown", reason: "the store failed" }
}
