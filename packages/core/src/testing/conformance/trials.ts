/**
 * The trials of a conformance run, in order: round by round, one of each workload. A seed fixes all of them.
 */

import { drawsOf } from "../sim/draws.ts"
import { pct, random, type Strategy } from "../sim/strategies.ts"
import type { Plan } from "../trial/Plan.ts"
import type { Workload } from "../workloads/Workload.ts"

/** Rounds of all workloads in the standard profile. */
export const standardRounds = 170

/** One trial: its plan, and the strategy whose first schedule is played. */
export const trialAt = (
  seed: number,
  round: number,
  index: number,
  workload: Workload,
): { readonly plan: Plan; readonly strategy: Strategy } => ({
  plan: workload.plan(drawsOf(seed, round, index)),
  strategy: strategyOf((seed * 1_000_003 + round * 97 + index) >>> 0, round),
})

/** Random walks, and every fifth time priorities: they find what needs a long run of one side. */
const strategyOf = (seed: number, round: number): Strategy => (round % 5 === 4 ? pct({ depth: 3, seed }) : random(seed))
