/**
 * Plans in which a connection is cut while a request is under way, and the request is done later all the same: meanwhile
 * its command is decided again, on a shop that others have changed, and they change it once more.
 */

import type { Step } from "../trial/Plan.ts"
import { campaign, charge, issue, one, open, place, register, restock } from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** Ada's order or claim is cut off. What it needs goes to somebody else, and comes back. */
export const outlived: Workload = {
  name: "outlived",
  plan: (draws) => {
    const pause = (): Step => ({ do: "pause", millis: draws.oneOf([1, 10, 30]) })
    const wanted = draws.oneOf(["unit", "points"])
    const order = place("ada", [["pen", 1]], { key: "order" })
    const [taken, given] =
      wanted === "unit"
        ? [place("bob", [["pen", 1]]), restock("pen", 1)]
        : [place("ada", [["ink", 1]]), charge("ada", 3)]
    const ask: Step = { do: "ask", question: { what: "outcome", call: "orders.place", key: "order" } }
    return {
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", wanted === "unit" ? 9 : 3),
        charge("bob", 9),
        register("pen", 3, wanted === "unit" ? 1 : 9),
        register("ink", 3, 9),
        campaign("sale", 9),
      ],
      clients: [
        [
          ...(draws.chance(0.3) ? [pause()] : []),
          one(order),
          ...(draws.chance(0.5) ? [one(order)] : []),
          ...(draws.chance(0.5) ? [pause(), ask] : []),
        ],
        [...(draws.chance(0.5) ? [pause()] : []), one(taken), pause(), one(given)],
        ...(draws.chance(0.4) ? [[pause(), ask, pause(), ask]] : []),
        ...(draws.chance(0.3) ? [[one(issue("bob", "issue")), one(issue("ada"))]] : []),
      ],
      faults: [
        {
          fault: "outlive",
          at: draws.between(1, 3),
          millis: draws.oneOf([5, 30, 60, 100]),
          ends: draws.chance(0.5),
        },
      ],
      way: "engine",
      engines: draws.between(1, 2),
    }
  },
}
