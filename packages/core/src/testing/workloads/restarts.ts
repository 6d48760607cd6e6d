/**
 * Plans in which a process ends between any two steps of its engine, and comes back.
 */

import type { Fault, PlannedCall } from "../trial/Plan.ts"
import { batch, campaign, cancel, charge, clients, issue, one, open, place, register, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** More operations than an engine does for one client's calls, so that some ends come while nothing is under way. */
const mostSteps = 220

/** A few keyed calls through one or two engines, of which the first ends somewhere on the way. */
export const restarts: Workload = {
  name: "restarts",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 3) return charge("ada", 1, `charge-${draws.below(2)}`)
      if (which < 5) return place("ada", [["pen", 1]], { coupon: draws.chance(0.3), key: `order-${draws.below(2)}` })
      return which < 7 ? issue("ada", "issue") : cancel("ada", "order-0", "cancel")
    }
    const faults: Array<Fault> = [{ fault: "crash-at-step", engine: 0, at: draws.between(1, mostSteps) }]
    if (draws.chance(0.2)) faults.push({ fault: "lose-reply", at: draws.between(1, 4) })
    return {
      setup: [open("ada"), charge("ada", 20), register("pen", 3, 9), campaign("sale", 3)],
      clients: clients(draws, 1, 3, () =>
        steps(draws, 1, 3, () => (draws.chance(0.3) ? batch(act(), act()) : one(act()))),
      ),
      faults,
      way: "engine",
      engines: draws.between(1, 2),
    }
  },
}
