/**
 * A search without end: seeded schedules of several processes at one simulated server, small plans and large ones, whole and
 * with frames cut off; and small plans under every schedule with few switches.
 */

import { type Adapter, type Attempt, breachOf, simulate } from "../conformance/Adapter.ts"
import { everySchedule } from "../conformance/exhaust.ts"
import { shrink } from "../conformance/shrink.ts"
import { timelineText } from "../conformance/timeline.ts"
import { tokenOf } from "../conformance/token.ts"
import { laws } from "../laws/laws.ts"
import { drawsOf } from "../sim/draws.ts"
import { pct, random } from "../sim/strategies.ts"
import type { Fault, Plan } from "../trial/Plan.ts"
import { crossedBatches, crossings } from "../workloads/processes.ts"
import { workloadsFor } from "../workloads/workloads.ts"

/** A law that was broken, and how to see it again. */
export interface Found {
  readonly law: string
  readonly message: string
  readonly token: string
  readonly timeline: string
}

/** One trial of a search: of which plans it was, and what was found. */
export interface Searched {
  readonly plan: string
  readonly found: Found | undefined
}

/** Runs that making one finding smaller may take. */
const mostShrinkingRuns = 600

/** The trials of one seed: the workloads of several processes and two large plans, by chance and by priorities. */
export function* searched(adapter: Adapter, seed: number): Generator<Searched> {
  const ofProcesses = workloadsFor(adapter).filter(({ needs }) => needs === "processes")
  for (const [index, { name, plan }] of [...ofProcesses, large, large].entries()) {
    const drawn = plan(drawsOf(seed, index, 0x5ea))
    const number = (seed * 1_009 + index) >>> 0
    const strategy = (seed + index) % 2 === 0 ? random(number) : pct({ depth: 4, seed: number })
    yield { plan: name, found: foundIn(adapter, simulate(adapter, drawn, strategy, seed)) }
  }
}

/**
 * One plan of two processes with two batches each of at most three commands, under every schedule with at most so many
 * switches.
 */
export function* searchedWhole(adapter: Adapter, seed: number, switches: number): Generator<Searched> {
  for (const attempt of everySchedule(adapter, crossedBatches(drawsOf(seed), 3), seed, switches)) {
    if (attempt !== "complete") yield { plan: "crossed batches", found: foundIn(adapter, attempt) }
  }
}

/** Runs one plan and says what a law found in it. */
const foundIn = (adapter: Adapter, attempt: Attempt): Found | undefined => {
  const breach = breachOf(attempt, laws)
  if (breach === undefined) return undefined
  const smallest = shrink(adapter, breach.law, attempt, mostShrinkingRuns).attempt
  const shown = breachOf(smallest, [breach.law]) ?? breach
  const { plan, tape, seed } = smallest
  return {
    law: breach.law.id,
    message: shown.violation.message,
    token: tokenOf({ law: breach.law.id, plan, tape, seed }),
    timeline: timelineText(smallest, shown),
  }
}

/** Two plans at once in three processes, whose frames are cut off here and there. */
const large = {
  name: "large",
  plan: (draws: ReturnType<typeof drawsOf>): Plan => {
    const [one, other] = [crossings.plan(draws), crossings.plan(draws)]
    const faults: ReadonlyArray<Fault> = Array.from({ length: draws.below(4) }, () => {
      const at = draws.between(1, 80)
      return draws.chance(0.1)
        ? { fault: "promote", at }
        : { fault: "cut-frame", at, fate: draws.oneOf(["lost", "unanswered", "outlived"]) }
    })
    return { ...one, engines: 3, clients: [...one.clients, ...other.clients], faults: [...one.faults, ...faults] }
  },
}
