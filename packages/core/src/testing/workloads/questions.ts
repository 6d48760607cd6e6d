/**
 * Plans in which clients ask the services while others write: what became of a key, an order, lists page by page; and in
 * which some were sold hours and days ago.
 */

import type { Fault, PlannedCall, Step } from "../trial/Plan.ts"
import { campaign, cancel, charge, clients, issue, one, open, place, register, restock, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

const hourMillis = 3_600_000

export const questions: Workload = {
  name: "questions",
  plan: (draws) => {
    const keyed = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 3) return charge("ada", draws.between(1, 3), `charge-${draws.below(2)}`)
      if (which < 6) return place("ada", [["pen", 1]], { key: `order-${draws.below(3)}` })
      return which === 6 ? restock("pen", 1) : issue("ada", "issue")
    }
    const question = (): Step => {
      const which = draws.below(10)
      if (which < 4) {
        const [call, key] = draws.oneOf([
          ["points.charge", "charge-0"],
          ["points.charge", "charge-1"],
          ["orders.place", "order-0"],
          ["orders.place", "order-1"],
          ["coupons.issue", "issue"],
          ["points.charge", "never called"],
        ])
        const about = { what: "outcome", call, key } as const
        // Long enough ago that nothing of it can still be on its way.
        const calledAgoMillis = 1_000_000
        return { do: "ask", question: key === "never called" ? { ...about, calledAgoMillis } : about }
      }
      if (which === 4) return { do: "ask", question: { what: "order" } }
      const of = draws.oneOf(["entries", "movements", "orders"] as const)
      const order = draws.oneOf(["newest-first", "oldest-first"] as const)
      const id = of === "movements" ? "pen" : "ada"
      return { do: "ask", question: { what: "list", of, id, limit: draws.between(1, 2), order } }
    }
    const ago = draws.chance(0.5) ? draws.oneOf([1, 24, 24, 72]) : undefined
    const writer = steps(draws, 3, 5, (index) => {
      if (index % 2 === 1 && draws.chance(0.4)) return { do: "ask", question: { what: "order" } }
      const step = one(draws.chance(0.1) ? cancel("ada", "order-0") : keyed())
      return ago === undefined ? step : { ...step, agoMillis: ago * hourMillis }
    })
    const faults: Array<Fault> = []
    if (draws.chance(0.3)) {
      faults.push({ fault: draws.oneOf(["lose-reply", "crash-after", "crash-before"]), at: draws.between(1, 4) })
    }
    if (draws.chance(0.2)) faults.push({ fault: "slow", at: draws.between(1, 3), millis: 40 })
    return {
      setup: [
        open("ada"),
        charge("ada", 20),
        charge("ada", 1),
        register("pen", 3, 9),
        restock("pen", 1),
        place("ada", [["pen", 1]]),
        campaign("sale", 3),
      ],
      clients: [
        writer,
        ...clients(draws, 1, 2, () => steps(draws, 2, 4, () => (draws.chance(0.35) ? one(keyed()) : question()))),
      ],
      faults,
      way: "engine",
      engines: draws.between(1, 2),
    }
  },
}
