/**
 * Plans for several processes that have connections of their own to one server: batches that cross, frames that are cut off,
 * and a standby that takes over.
 */

import type { Draws } from "../sim/draws.ts"
import type { Fault, FrameFault, Plan, PlannedCall, Step } from "../trial/Plan.ts"
import { batch, call, campaign, charge, clients, issue, one, open, place, register, restock, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

const adjust = (accountId: string, change: number): PlannedCall => call("points.adjust", { accountId, change })
const someone = (draws: Draws): string => draws.oneOf(["ada", "ada", "ada", "bob"])

/** What makes a process remember accounts and a product, so that it decides its next batches blindly. */
const warmUp: ReadonlyArray<PlannedCall> = [
  place("ada", [["pen", 1]]),
  charge("bob", 1),
  charge("ada", 1),
  charge("ada", 1),
]

const moves = (draws: Draws): PlannedCall =>
  draws.chance(0.7) ? charge(someone(draws), draws.between(1, 9)) : adjust(someone(draws), -draws.between(1, 9))

const price = (draws: Draws): PlannedCall => call("stock.changePrice", { productId: "pen", price: draws.between(4, 9) })
const terms = (draws: Draws): PlannedCall =>
  draws.chance(0.5) ? price(draws) : call("stock.retire", { productId: "pen" })

/**
 * Two processes, each with two or three batches, of which one follows the other before that is answered. The smallest plans
 * in which anything of the way of a batch can go wrong.
 */
export const pipelines: Workload = {
  name: "pipelines",
  needs: "processes",
  plan: (draws) => {
    const next = () => (draws.chance(0.85) ? moves(draws) : issue(someone(draws)))
    const send = (behind: boolean): Step => ({
      do: "call",
      calls: draws.chance(0.75) ? [next()] : [next(), next()],
      ...(behind ? { behind } : {}),
    })
    return {
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", 30),
        charge("bob", 30),
        register("pen", 3, 20),
        campaign("sale", 9),
      ],
      warmUp,
      clients: draws.chance(0.2)
        ? [[one(price(draws)), { ...one(place(someone(draws), [["pen", 1]])), behind: true }], [one(terms(draws))]]
        : [
            [send(false), send(true), ...(draws.chance(0.3) ? [send(true)] : [])],
            [send(false), ...(draws.chance(0.6) ? [send(draws.chance(0.5))] : [])],
          ],
      faults: draws.chance(0.2) ? [held(draws, 6)] : [],
      way: "store",
      engines: 2,
    }
  },
}

/**
 * Two processes with two batches each of at most so many commands at one wallet. Each one's second batch follows its first
 * before that is answered.
 */
export const crossedBatches = (draws: Draws, most: number): Plan => {
  const send = (behind: boolean): Step => ({
    do: "call",
    calls: Array.from({ length: draws.between(1, most) }, () => charge("ada", draws.between(1, 9))),
    ...(behind ? { behind } : {}),
  })
  return {
    setup: [open("ada"), open("bob"), charge("ada", 30), register("pen", 3, 20)],
    warmUp,
    clients: [
      [send(false), send(true)],
      [send(false), send(true)],
    ],
    faults: [],
    way: "store",
    engines: 2,
  }
}

/** Two shops at one wallet, one shelf and one campaign. */
export const crossings: Workload = {
  name: "crossings",
  needs: "processes",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(10)
      if (which < 5) return moves(draws)
      if (which < 7) return place(someone(draws), [["pen", draws.between(1, 2)]])
      if (which === 7) return restock("pen", 1)
      return which === 8 ? issue(someone(draws)) : terms(draws)
    }
    return {
      setup: [
        call("points.open", { accountId: "ada", balanceLimit: draws.oneOf([40, 1_000]) }),
        open("bob"),
        charge("ada", 20),
        charge("bob", 20),
        register("pen", 3, draws.between(3, 6)),
        campaign("sale", draws.between(1, 3)),
      ],
      warmUp,
      clients: clients(draws, 3, 4, () =>
        steps(draws, 1, 3, () => (draws.chance(0.2) ? batch(act(), act()) : one(act()))),
      ),
      faults: draws.chance(0.3) ? [held(draws, 20)] : [],
      way: "engine",
      engines: 2,
    }
  },
}

/**
 * A batch of which one call is accepted, and another one is refused because of what the first has changed: that one is decided
 * again under a lock, which a stranger has by then, for longer than most callers wait.
 */
export const halves: Workload = {
  name: "halves",
  needs: "processes",
  plan: (draws) => {
    const accepted = charge("ada", draws.between(1, 9))
    const refused = charge("ada", draws.between(20, 40))
    return {
      setup: [call("points.open", { accountId: "ada", balanceLimit: 40 }), open("bob"), charge("ada", 20)],
      clients: [
        [{ ...batch(accepted, refused), deadlineMillis: draws.oneOf([40, 100, 100, 10_000]) }],
        ...(draws.chance(0.5) ? [[one(charge(someone(draws), 1))]] : []),
      ],
      faults: [{ fault: "hold-row", at: draws.oneOf([3, 3, 4, 5]), row: "account", id: "ada", millis: 400 }],
      way: "engine",
      engines: 2,
    }
  },
}

/** Frames are cut off while others want the same; what was cut off goes on, and the standby may take over. */
export const frames: Workload = {
  name: "frames",
  needs: "processes",
  plan: (draws) => {
    const wanted = draws.oneOf(["unit", "points"])
    const order = place("ada", [["pen", 1]], { key: "order" })
    const [taken, given] =
      wanted === "unit"
        ? [place("bob", [["pen", 1]]), restock("pen", 1)]
        : [place("ada", [["ink", 1]]), charge("ada", 3)]
    const pause = (): Step => ({ do: "pause", millis: draws.oneOf([1, 10, 30, 60]) })
    // The session of an order waits for a row when its connection is cut, and somebody else is quick.
    if (draws.chance(0.3)) return livesOn(draws)
    const faults: Array<Fault> = [
      {
        fault: "cut-frame",
        at: draws.between(1, 6),
        fate: draws.oneOf(["lost", "unanswered", "outlived", "outlived"]),
      },
    ]
    if (draws.chance(0.7)) faults.push(held(draws, 3, "ada"))
    if (draws.chance(0.3)) faults.push({ fault: "cut-frame", at: draws.between(2, 12), fate: "unanswered" })
    if (draws.chance(0.15)) faults.push({ fault: "promote", at: draws.between(2, 12) })
    if (draws.chance(0.2)) faults.push({ fault: "crash-at-step", engine: 0, at: draws.between(20, 200) })
    return {
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", wanted === "unit" ? 9 : 3),
        charge("bob", 9),
        register("pen", 3, wanted === "unit" ? 1 : 9),
        register("ink", 3, 9),
      ],
      clients: [
        [one(order), ...(draws.chance(0.5) ? [one(order)] : [])],
        [...(draws.chance(0.5) ? [pause()] : []), one(taken), pause(), one(given)],
        ...(draws.chance(0.3) ? [[one(charge("ada", 1)), one(charge("ada", 1))]] : []),
      ],
      faults,
      way: "engine",
      engines: 2,
    }
  },
}

const livesOn = (draws: Draws): Plan => ({
  setup: [open("ada"), open("bob"), charge("ada", 9), charge("bob", 9), register("pen", 3, 1)],
  clients: [
    [one(place("ada", [["pen", 1]], { key: "order" }))],
    [
      { do: "pause", millis: 1 },
      one(place("bob", [["pen", 1]])),
      { do: "pause", millis: draws.oneOf([10, 20, 30]) },
      one(restock("pen", 1)),
    ],
  ],
  faults: [
    { fault: "hold-row", at: 1, row: "account", id: "ada", millis: draws.oneOf([40, 60, 90]) },
    { fault: "cut-frame", at: draws.between(1, 3), fate: "outlived" },
  ],
  way: "engine",
  engines: 2,
})

/** Commits that stop waiting for the standby, asked about again, before it takes over. There is enough of everything. */
export const failovers: Workload = {
  name: "failovers",
  needs: "processes",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(3)
      if (which === 0) return charge("ada", 1, `charge-${draws.below(3)}`)
      return which === 1 ? place("bob", [["pen", 1]], { key: `order-${draws.below(2)}` }) : issue("ada", "issue")
    }
    const faults: Array<Fault> = Array.from({ length: draws.between(1, 3) }, () => ({
      fault: "cancel-wait",
      at: draws.between(1, 5),
    }))
    faults.push({ fault: "promote", at: draws.between(4, 16) })
    return {
      setup: [open("ada"), open("bob"), charge("bob", 90), register("pen", 3, 90), campaign("sale", 90)],
      clients: clients(draws, 2, 3, () => steps(draws, 1, 3, () => one(act()))),
      faults,
      way: "engine",
      engines: 2,
    }
  },
}

/** Nobody listens at first; then somebody registers a name while two shops go on, and looks at the accounts right after. */
export const listeners: Workload = {
  name: "listeners",
  needs: "processes",
  plan: (draws) => ({
    listens: false,
    setup: [open("ada"), open("bob"), charge("ada", 1), charge("bob", 1)],
    warmUp: [charge("ada", 1)],
    clients: [
      ...clients(draws, 2, 3, () => steps(draws, 2, 4, () => one(charge(someone(draws), 1)))),
      [{ do: "register" }, { do: "read", what: "account", id: "ada" }, { do: "read", what: "account", id: "bob" }],
    ],
    faults: [],
    way: "engine",
    engines: 2,
  }),
}

const held = (draws: Draws, latest: number, id = someone(draws)): FrameFault => ({
  fault: "hold-row",
  at: draws.between(1, latest),
  row: "account",
  id,
  millis: draws.oneOf([20, 60, 90, 200]),
})
