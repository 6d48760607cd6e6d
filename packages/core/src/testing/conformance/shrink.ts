/**
 * Shrinking: from a counterexample to the smallest one that still breaks the same law.
 *
 * First the plan: clients, steps, calls, faults and set-up are left out one after the other, each candidate searched with
 * the old schedule and a few new ones. Then the schedule: the tape is shortened and its switches are taken back.
 *
 * Live there is no schedule to play again. Each smaller plan is run a few times, and kept where it breaks the law once.
 */
import { Clock, Effect } from "effect"
import type { Law } from "../laws/Law.ts"
import { trimmed } from "../sim/Sim.ts"
import { random, replay, type Tape } from "../sim/strategies.ts"
import { type Plan, type Step, sizeOf } from "../trial/Plan.ts"
import { type Adapter, type Attempt, breachOf, simulate } from "./Adapter.ts"

/** New schedules that are tried for each smaller plan. */
const schedulesPerPlan = 24

/** What shrinking came to. */
export interface Shrunk {
  readonly attempt: Attempt
  /** `shrunk from 9 to 4`, or why not. */
  readonly note: string
}

/** The smallest attempt found that breaks the law, in at most `maxRuns` runs (default 3,000). */
export const shrink = (adapter: Adapter, law: Law, found: Attempt, maxRuns = 3_000): Shrunk => {
  let runs = 0
  const breaks = (attempt: Attempt): boolean => {
    runs++
    // A smaller plan that comes to no end is another failure than one that ends wrongly.
    return isEndless(attempt) === isEndless(found) && breachOf(attempt, [law]) !== undefined
  }
  const stillBroken = (plan: Plan, tape: Tape): Attempt | undefined => {
    const again = simulate(adapter, plan, replay(tape), found.seed)
    if (breaks(again)) return again
    for (let schedule = 0; schedule < schedulesPerPlan && runs < maxRuns; schedule++) {
      const attempt = simulate(adapter, plan, random(schedule), found.seed)
      if (breaks(attempt)) return attempt
    }
    return undefined
  }
  let smallest = found
  for (let progress = true; progress && runs < maxRuns; ) {
    progress = false
    for (const plan of smallerPlans(smallest.plan)) {
      if (runs >= maxRuns) break
      const smaller = stillBroken(plan, smallest.tape)
      if (smaller === undefined) continue
      smallest = smaller
      progress = true
      break
    }
  }
  const attempt = withSimplestTape(smallest, (tape) => {
    const simpler = simulate(adapter, smallest.plan, replay(tape), found.seed)
    return breaks(simpler) ? simpler : undefined
  })
  return { attempt, note: noteOf(found, attempt) }
}

/** How often a live plan is run to see whether it breaks the law again. */
const triesPerPlan = 6
/** Runs and time that shrinking one live failure may take. */
const mostLiveRuns = 200
const mostLiveMillis = 15_000

/** The smallest live attempt found that breaks the law. A trial that came to no end is not run again. */
export const shrinkLive = Effect.fnUntraced(function* (
  attemptOf: (plan: Plan, seed: number) => Effect.Effect<Attempt>,
  law: Law,
  found: Attempt,
): Effect.fn.Return<Shrunk> {
  if (isEndless(found)) return { attempt: found, note: "not shrunk: the trial came to no end" }
  const endsAt = (yield* Clock.currentTimeMillis) + mostLiveMillis
  let runs = 0
  const brokenAgain = Effect.fnUntraced(function* (plan: Plan, tries: number): Effect.fn.Return<Attempt | undefined> {
    for (let tried = 0; tried < tries && runs < mostLiveRuns; tried++) {
      if ((yield* Clock.currentTimeMillis) >= endsAt) return undefined
      runs++
      const attempt = yield* attemptOf(plan, found.seed)
      if (!isEndless(attempt) && breachOf(attempt, [law]) !== undefined) return attempt
    }
    return undefined
  })
  const again = yield* brokenAgain(found.plan, 4 * triesPerPlan)
  if (again === undefined) return { attempt: found, note: `not shrunk: it did not break again in ${runs} runs` }
  let smallest: Attempt = again
  for (let progress = true; progress; ) {
    progress = false
    for (const plan of smallerPlans(smallest.plan)) {
      const smaller: Attempt | undefined = yield* brokenAgain(plan, triesPerPlan)
      if (smaller === undefined) continue
      smallest = smaller
      progress = true
      break
    }
  }
  return { attempt: smallest, note: `${noteOf(found, smallest)} in ${runs} live runs` }
})

const isEndless = ({ record }: Attempt): boolean => record === undefined

const noteOf = (found: Attempt, smallest: Attempt): string =>
  `shrunk from ${sizeOf(found.plan)} to ${sizeOf(smallest.plan)}`

/** Every plan with one thing less, the largest things first. */
function* smallerPlans(plan: Plan): Generator<Plan> {
  const { clients, faults, setup } = plan
  for (let client = 0; client < clients.length; client++) yield { ...plan, clients: without(clients, client) }
  for (let fault = 0; fault < faults.length; fault++) yield { ...plan, faults: without(faults, fault) }
  for (const [client, steps] of clients.entries()) {
    for (let step = 0; step < steps.length; step++) {
      yield { ...plan, clients: replaced(clients, client, without(steps, step)) }
    }
  }
  for (const [client, steps] of clients.entries()) {
    for (const [index, step] of steps.entries()) {
      for (const simpler of simplerSteps(step)) {
        yield { ...plan, clients: replaced(clients, client, replaced(steps, index, simpler)) }
      }
    }
  }
  for (let index = setup.length - 1; index >= 0; index--) yield { ...plan, setup: without(setup, index) }
}

function* simplerSteps(step: Step): Generator<Step> {
  if (step.do !== "call") return
  const { calls, ...options } = step
  if (calls.length > 1) {
    for (let index = 0; index < calls.length; index++) yield { ...options, calls: without(calls, index) }
  }
  if (Object.keys(options).length > 1) yield { do: "call", calls }
}

/** The tape with as few switches and as short as it goes. */
const withSimplestTape = (found: Attempt, attemptOf: (tape: Tape) => Attempt | undefined): Attempt => {
  let simplest: Attempt = { ...found, tape: trimmed(found.tape) }
  const accept = (tape: Tape): boolean => {
    const attempt = attemptOf(trimmed(tape))
    if (attempt === undefined) return false
    simplest = { ...attempt, tape: trimmed(tape) }
    return true
  }
  for (let length = Math.floor(simplest.tape.length / 2); length > 0; length = Math.floor(length / 2)) {
    while (simplest.tape.length > length && accept(simplest.tape.slice(0, simplest.tape.length - length))) {}
  }
  if (simplest.tape.length === 1) accept([])
  for (let at = 0; at < simplest.tape.length; at++) {
    const chosen = simplest.tape[at] ?? 0
    if (chosen === 0) continue
    if (!accept(replaced(simplest.tape, at, 0)) && chosen > 1) accept(replaced(simplest.tape, at, 1))
  }
  return simplest
}

const without = <T>(items: ReadonlyArray<T>, index: number): ReadonlyArray<T> => items.toSpliced(index, 1)
const replaced = <T>(items: ReadonlyArray<T>, index: number, item: T): ReadonlyArray<T> => items.with(index, item)
