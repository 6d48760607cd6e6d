/**
 * The smallest plans under every schedule with few switches: two clients with one or two calls each. What needs no more
 * than that to go wrong is found for certain, not by chance.
 */
import { Effect } from "effect"
import { duels } from "../laws/meetings.ts"
import { type Plan, sizeOf } from "../laws/Plan.ts"
import { drawsOf } from "../sim/draws.ts"
import { exhaustive, type Strategy } from "../sim/strategies.ts"
import { type Adapter, simulate } from "./Adapter.ts"
import type { Book } from "./Book.ts"

const switches = 2
/** Plans that are tried, and draws to find as many that differ. */
const mostPlans = 12
const mostDraws = 200
/** Schedules after which a plan counts as not small. */
const mostSchedules = 400

/** Tries plan after plan, at most `plans` (default 12), while `goesOn`. */
export const exhaust = Effect.fnUntraced(function* (
  adapter: Adapter,
  seed: number,
  book: Book,
  goesOn: Effect.Effect<boolean>,
  plans = mostPlans,
) {
  for (const plan of smallPlans(seed, plans)) {
    const search = exhaustive({ switches }).start()
    for (let schedules = 0; schedules < mostSchedules; schedules++) {
      if (!(yield* goesOn)) return
      const chooser = search.next()
      if (chooser === undefined) {
        book.exhausted(schedules)
        break
      }
      const only: Strategy = { name: "exhaustive", start: () => ({ next: () => chooser, learn: () => {} }) }
      const attempt = simulate(adapter, plan, only, seed)
      yield* book.judge(attempt)
      search.learn(attempt.decisions)
      yield* Effect.yieldNow
    }
  }
})

/** Plans that differ, smallest first. */
const smallPlans = (seed: number, most: number): ReadonlyArray<Plan> => {
  const plans = new Map<string, Plan>()
  for (let draw = 0; draw < mostDraws && plans.size < most; draw++) {
    const plan = duels.plan(drawsOf(seed, draw, 0xe4a))
    plans.set(JSON.stringify(plan), plan)
  }
  return Array.from(plans.values()).sort((left, right) => sizeOf(left) - sizeOf(right))
}
