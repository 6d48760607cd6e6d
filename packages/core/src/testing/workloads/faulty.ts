/**
 * Plans in which something goes wrong: replies are lost, processes end, keys are held, time passes.
 */

import type { Fault, Plan, PlannedCall, Step } from "../trial/Plan.ts"
import {
  atStore,
  batch,
  call,
  campaign,
  cancel,
  charge,
  clients,
  issue,
  one,
  open,
  place,
  register,
  restock,
  steps,
} from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** The same keys from everybody, with and without the same intention, while replies are lost and processes end. */
export const retries: Workload = {
  name: "retries",
  plan: (draws) => {
    const keyed = (): PlannedCall => {
      const which = draws.below(10)
      const amount = draws.chance(0.2) ? 2 : 1
      if (which < 3) return charge("ada", amount, "charge")
      if (which > 7) return call("stock.restock", { productId: "pen", quantity: amount }, "restock")
      if (which < 5) return issue("ada", "issue")
      if (which < 7) return place("ada", [["pen", amount]], { key: "order" })
      return cancel("ada", "order", "cancel")
    }
    const together = draws.chance(0.5) ? keyed() : undefined
    const faults: Array<Fault> = []
    const some = draws.below(3)
    for (let index = 0; index < some; index++) {
      const at = draws.between(1, 5)
      faults.push({
        fault: draws.oneOf(["lose-reply", "lose-reply", "lose-request", "crash-after", "crash-before"]),
        at,
      })
    }
    return {
      setup: [open("ada"), charge("ada", 20), register("pen", 3, 9), campaign("sale", 3)],
      clients: clients(draws, 2, 3, () =>
        steps(draws, 1, 3, (index) => {
          if (index === 0 && together !== undefined) return one(together)
          return draws.chance(0.2) ? batch(keyed(), keyed()) : one(keyed())
        }),
      ),
      faults,
      way: draws.chance(0.3) ? "engine" : "store",
      engines: 2,
    }
  },
}

/** Calls that wait: behind a slow store, a busy key, their own deadline; and callers that leave. */
export const waits: Workload = {
  name: "waits",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(3)
      if (which === 0) return charge("ada", 1)
      return which === 1 ? place("ada", [["pen", 1]]) : restock("pen", 1)
    }
    const millis = () => draws.oneOf([5, 40, 120])
    const faults: Array<Fault> = Array.from({ length: draws.between(1, 2) }, () => {
      const at = draws.between(1, 4)
      const waiting: Fault = { fault: draws.oneOf(["slow", "busy"]), at, millis: draws.oneOf([60, 200]) }
      if (!draws.chance(0.2)) return [waiting]
      // Only who waits meanwhile can tell that the clock was moved.
      return [{ fault: "clock-jump", at, millis: draws.oneOf([-3_600_000, 3_600_000]) } as const, waiting]
    }).flat()
    const engine = draws.chance(0.6)
    return {
      setup: [open("ada"), charge("ada", 20), register("pen", 3, 9)],
      clients: clients(draws, 2, 3, () =>
        steps(draws, 1, 2, () => ({
          do: "call",
          calls: engine || draws.chance(0.6) ? [act()] : [act(), act()],
          deadlineMillis: draws.oneOf([20, 100, 10_000]),
          ...(draws.chance(0.3) ? { lateMillis: millis() } : {}),
          ...(draws.chance(0.25) ? { leaveAfterMillis: draws.oneOf([0, 1, 30]) } : {}),
        })),
      ),
      faults,
      way: engine ? "engine" : "store",
      engines: draws.between(1, 2),
    }
  },
}

/** Events under way: subscribers take them while more are committed, vanish, and lose acknowledgements. */
export const streams: Workload = {
  name: "streams",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 3) return charge(draws.oneOf(["ada", "bob"]), 1)
      if (which < 5) return place("ada", [["pen", 1]])
      return which < 7 ? restock("pen", 1) : issue(draws.oneOf(["ada", "bob"]))
    }
    return {
      way: "store",
      setup: [open("ada"), open("bob"), charge("ada", 20), register("pen", 3, 3), campaign("sale", 2)],
      clients: [
        ...clients(draws, 2, 3, () => steps(draws, 1, 3, () => (draws.chance(0.3) ? batch(act(), act()) : one(act())))),
        steps(draws, 1, 3, () => ({ do: "consume", limit: draws.between(1, 4), vanish: draws.chance(0.4) })),
      ],
      faults: draws.chance(0.3) ? [{ fault: "lose-acknowledgement", at: draws.between(1, 3) }] : [],
    }
  },
}

/** Batches at the store while somebody registers durable names, and looks at the accounts right after. */
export const names: Workload = {
  name: "names",
  plan: (draws) => {
    const someone = () => draws.oneOf(["ada", "bob"])
    const look = (id: string): Step => ({ do: "read", what: "account", id })
    return {
      ...atStore,
      setup: [open("ada"), open("bob"), charge("ada", 1), charge("bob", 1)],
      clients: [
        ...clients(draws, 2, 3, () => steps(draws, 2, 4, () => one(charge(someone(), 1)))),
        Array.from({ length: draws.between(1, 2) }, () => {
          const first = someone()
          return [{ do: "register" } as const, look(first), look(first === "ada" ? "bob" : "ada")]
        }).flat(),
      ],
    }
  },
}

/** A whole shop behind two engines: everything at once, with whatever can go wrong. */
export const shop: Workload = {
  name: "shop",
  plan: (draws): Plan => {
    const someone = () => draws.oneOf(["ada", "bob"])
    const act = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 2) return charge(someone(), draws.between(1, 5), `charge-${draws.below(3)}`)
      if (which < 4) return issue(someone(), `issue-${draws.below(3)}`)
      if (which < 7) {
        return place(someone(), [["pen", draws.between(1, 2)]], {
          coupon: draws.chance(0.4),
          key: `order-${draws.below(3)}`,
        })
      }
      return cancel(someone(), `order-${draws.below(3)}`)
    }
    const faults: Array<Fault> = Array.from({ length: draws.below(3) }, () => ({
      fault: draws.oneOf(["lose-reply", "lose-request", "crash-before", "crash-after", "reject"]),
      at: draws.between(1, 6),
    }))
    return {
      setup: [open("ada"), open("bob"), charge("ada", 50), register("pen", 3, 4), campaign("sale", 2)],
      clients: clients(draws, 2, 4, () =>
        steps(draws, 1, 2, () => (draws.chance(0.3) ? batch(act(), act()) : one(act()))),
      ),
      faults,
      way: "engine",
      engines: 2,
    }
  },
}
