/**
 * A workload: a named generator of plans that are likely to meet.
 */
import type { Draws } from "../sim/draws.ts"
import type { Plan } from "../trial/Plan.ts"

export interface Workload {
  readonly name: string
  /** What an adapter must bring along for it. Default: nothing. */
  readonly needs?: "processes"
  readonly plan: (draws: Draws) => Plan
}
