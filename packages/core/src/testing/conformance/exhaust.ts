/**
 * The smallest plans under every schedule with few switches: two clients with one or two calls each, or two processes with
 * two batches each where the adapter brings processes along. What needs no more than that to go wrong is found for certain,
 * not by chance.
 */
import { Effect } from "effect"
import { drawsOf } from "../sim/draws.ts"
import { exhaustive, type Strategy } from "../sim/strategies.ts"
import { type Plan, sizeOf } from "../trial/Plan.ts"
import { duels } from "../workloads/pairs.ts"
import { crossedBatches } from "../workloads/processes.ts"
import { type Adapter, type Attempt, simulate } from "./Adapter.ts"
import type { Book } from "./Book.ts"

const switches = 2
/** Plans that are tried, and draws to find as many that differ. */
const mostPlans = 12
const mostDraws = 200
/** Schedules after which a plan counts as not small, and one of several processes. */
const mostSchedules = 400
const mostOfProcesses = 1_500

/** Tries plan after plan, at most `plans` (default 12), while `goesOn`. */
export const exhaust = Effect.fnUntraced(function* (
  adapter: Adapter,
  seed: number,
  book: Book,
  goesOn: Effect.Effect<boolean>,
  plans = mostPlans,
) {
  for (const plan of smallPlans(adapter, seed, plans)) {
    let schedules = 0
    for (const attempt of everySchedule(adapter, plan, seed, switches)) {
      if (attempt === "complete") book.exhausted(schedules)
      else if (++schedules > (plan.engines === undefined ? mostSchedules : mostOfProcesses)) break
      else yield* book.judge(attempt)
      yield* Effect.yieldNow
      if (!(yield* goesOn)) return
    }
  }
})

/** One plan under every schedule with at most so many switches, and `complete` where all of them were tried. */
export function* everySchedule(
  adapter: Adapter,
  plan: Plan,
  seed: number,
  most: number,
): Generator<Attempt | "complete"> {
  const search = exhaustive({ switches: most }).start()
  for (let chooser = search.next(); chooser !== undefined; chooser = search.next()) {
    const next = chooser
    const only: Strategy = { name: "exhaustive", start: () => ({ next: () => next, learn: () => {} }) }
    const attempt = simulate(adapter, plan, only, seed)
    yield attempt
    search.learn(attempt.decisions)
  }
  yield "complete"
}

/** Plans that differ, smallest first. */
const smallPlans = (adapter: Adapter, seed: number, most: number): ReadonlyArray<Plan> => {
  const plans = new Map<string, Plan>()
  for (let draw = 0; draw < mostDraws && plans.size < most; draw++) {
    const draws = drawsOf(seed, draw, 0xe4a)
    const plan = adapter.processes !== undefined && draw % 2 === 1 ? crossedBatches(draws, 1) : duels.plan(draws)
    plans.set(JSON.stringify(plan), plan)
  }
  return Array.from(plans.values()).sort((left, right) => sizeOf(left) - sizeOf(right))
}
