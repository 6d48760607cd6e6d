/**
 * Submitting commands to an engine from tests: each outcome as an effect, and simulated time that lets fibers run.
 */
import { Clock, Effect, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Command } from "../../src/decision/Command.ts"
import type { Engine } from "../../src/engine/Engine.ts"
import { makeEngine } from "../../src/engine/Engine.ts"
import type { Outcome, Pending } from "../../src/engine/Pending.ts"
import type { ControlledStore } from "./controlledStore.ts"

/** An engine on a store, until the test's scope ends. */
export const engineOn = (store: ControlledStore, queueLimit = 10_000): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.tap(makeEngine(store.shape, { queueLimit }), () => runOn)

/** A submitted command: what it was answered so far, and the handle by which its caller may leave. */
export interface Submitted {
  readonly pending: Pending
  /** Undefined until it is answered. */
  readonly outcome: () => Outcome | undefined
  /** How often it was answered: never more than once. */
  readonly answers: () => number
  /** Waits for the outcome. */
  readonly done: Effect.Effect<Outcome>
}

export const submit = (engine: Engine, command: Command): Submitted => {
  const outcomes: Array<Outcome> = []
  const waiting: Array<(outcome: Outcome) => void> = []
  const pending = engine.submit(command, (outcome) => {
    outcomes.push(outcome)
    for (const wake of waiting.splice(0)) wake(outcome)
  })
  return {
    pending,
    outcome: () => outcomes[0],
    answers: () => outcomes.length,
    done: Effect.callback<Outcome>((resume) => {
      const [outcome] = outcomes
      if (outcome !== undefined) resume(Effect.succeed(outcome))
      else waiting.push((late) => resume(Effect.succeed(late)))
    }),
  }
}

export const submitAll = (engine: Engine, commands: ReadonlyArray<Command>): ReadonlyArray<Submitted> =>
  commands.map((command) => submit(engine, command))

/** Waits for all outcomes, in the order of submission. */
export const allOf = (submitted: ReadonlyArray<Submitted>): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.forEach(submitted, ({ done }) => done)

/** Submits and waits. */
export const ask = (engine: Engine, command: Command): Effect.Effect<Outcome> =>
  Effect.suspend(() => submit(engine, command).done)

/** Lets every fiber run as far as it gets without time passing. */
export const runOn: Effect.Effect<void> = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, {
  discard: true,
})

/** Lets simulated time pass in steps of at most a hundredth, everything running on in between. */
export const pass = (millis: number, step = Math.max(10, millis / 100)): Effect.Effect<void> =>
  Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + millis
    yield* runOn
    for (let now = yield* Clock.currentTimeMillis; now < until; now += step) {
      yield* TestClock.adjust(Math.min(step, until - now))
      yield* runOn
    }
  })

/** Waits for an effect while simulated time passes. */
export const inSimulatedTime = <A, E>(effect: Effect.Effect<A, E>, withinMillis = 60_000): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    // In steps that grow, so that waiting long costs little.
    for (let passed = 0; fiber.pollUnsafe() === undefined && passed < withinMillis; ) {
      const step = Math.max(10, passed / 20)
      yield* pass(step, step)
      passed += step
    }
    if (fiber.pollUnsafe() === undefined) return yield* Effect.die(new Error(`Not done after ${withinMillis} ms.`))
    return yield* Fiber.join(fiber)
  })

/** How an outcome ended, in one word: `Accepted`, `Recalled (own)`, or the tag of what it was answered. */
export const endOf = (outcome: Outcome | undefined): string => {
  if (outcome === undefined) return "nothing yet"
  switch (outcome._tag) {
    case "Refused":
      return outcome.refusal._tag
    case "Unavailable":
      return outcome.unavailable._tag
    case "Recalled":
      return outcome.own ? "Recalled (own)" : "Recalled"
    default:
      return outcome._tag
  }
}

/** How many of each ending there were. */
export const tally = (outcomes: ReadonlyArray<Outcome | undefined>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[endOf(outcome)] = (counts[endOf(outcome)] ?? 0) + 1
  return counts
}
