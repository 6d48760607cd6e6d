/**
 * Plans with subscribers: two processes serve the same durable names while more is committed, handlers fail, calls of the
 * outbox are lost, a process ends between two steps, the bus repeats itself, and clocks are apart.
 */

import type { DeliveryPlan, Fault, PlannedCall } from "../trial/Plan.ts"
import { batch, call, cancel, charge, clients, one, open, place, register, restock, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** How many events a name handles in every trial: those of the set-up. */
const mostCertain = 7
/** About as many operations as a process does until everything is handled. */
const mostSteps = 900

export const deliveries: Workload = {
  name: "deliveries",
  plan: (draws) => {
    const someone = () => draws.oneOf(["ada", "bob"])
    const act = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 3) return charge(someone(), draws.between(1, 3))
      if (which < 6) return place(someone(), [["pen", draws.between(1, 2)]])
      return which === 6 ? restock("pen", 1) : cancel("ada", "first")
    }
    const relay = draws.chance(0.5)
    const names = relay ? (draws.chance(0.3) ? ["mail"] : []) : draws.chance(0.3) ? ["mail", "depot"] : ["mail"]
    const faults: Array<Fault> = []
    if (draws.chance(0.4)) {
      faults.push({ fault: "crash-at-step", engine: 0, at: draws.between(1, mostSteps) })
    }
    if (draws.chance(0.3)) {
      const lost = draws.oneOf(["lease", "claim", "acknowledge", "park"] as const)
      const at = draws.between(1, 4)
      const done = draws.chance(0.5)
      // A lease that cannot be renewed for long enough runs out.
      const times = lost === "lease" && draws.chance(0.5) ? 4 : 1
      for (let more = 0; more < times; more++)
        faults.push({ fault: "lose-delivery-call", call: lost, at: at + more, done })
    }
    const handlers: DeliveryPlan["handlers"] =
      names.length > 0 && draws.chance(0.85)
        ? [
            {
              name: "mail",
              event: draws.between(1, 4),
              fails: draws.oneOf([0, 1, 3, 3, 3]),
              millis: draws.oneOf([0, 0, 150]),
            },
          ]
        : []
    const bus: DeliveryPlan["bus"] =
      relay && draws.chance(0.85)
        ? [{ at: draws.between(1, 2), fate: draws.oneOf(["refused", "unanswered", "twice", "shuffled"]) }]
        : []
    const apartMillis = () => (draws.chance(0.4) ? draws.oneOf([-400, 400, 2_000]) : 0)
    const plan = {
      way: "engine",
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", 30),
        charge("bob", 30),
        register("pen", 3, 9),
        place("ada", [["pen", 1]], { key: "first" }),
        call("stock.restock", { productId: "pen", quantity: 1 }),
      ],
      clients: clients(draws, 1, 2, () =>
        steps(draws, 1, 2, () => (draws.chance(0.3) ? batch(act(), act()) : one(act()))),
      ),
      faults,
      engines: draws.chance(0.7) ? 2 : 1,
    } as const
    const limit = draws.oneOf([2, 3, 100])
    // An end between two steps seldom falls into a handler, and on a fast store never. This one does.
    const endings: DeliveryPlan["handlers"] =
      names.length > 0 && draws.chance(0.35)
        ? [{ name: "mail", event: draws.between(5, mostCertain), fails: 0, millis: 0, ends: true }]
        : []
    return {
      ...plan,
      delivery: {
        names,
        relay,
        leaseMillis: 300,
        limit,
        handlers: [...handlers, ...endings],
        bus,
        apartMillis: apartMillis(),
      },
    }
  },
}
