/**
 * Plans for what several begin at once, and the smallest plans of all: two calls that meet.
 */

import type { PlannedCall, Step } from "../trial/Plan.ts"
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

/** Things that do not exist yet, made by several at once; and things that stop being what an order relies on. */
export const beginnings: Workload = {
  name: "beginnings",
  plan: (draws) => {
    const act = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 2) return call("points.open", { accountId: "new", balanceLimit: draws.oneOf([50, 60]) })
      if (which < 4) return charge("new", draws.between(1, 3))
      if (which < 6) return register("mug", draws.oneOf([4, 5]), draws.oneOf([1, 2]))
      return which === 6 ? campaign("sale", draws.oneOf([2, 3])) : issue("ada")
    }
    const rely = (): PlannedCall => {
      const which = draws.below(8)
      if (which < 2) return call("points.suspend", { accountId: "ada" })
      if (which < 5) return place("ada", [[draws.oneOf(["gift", "gift", "pen"]), 1]])
      if (which === 5) return place("ada", [["pen", 1]])
      return which === 6
        ? call("stock.retire", { productId: "pen" })
        : call("stock.changePrice", { productId: "pen", price: 4 })
    }
    const next = draws.chance(0.5) ? act : rely
    return {
      ...atStore,
      opensOnCharge: true,
      setup: [open("ada"), charge("ada", 20), register("pen", 3, 2), register("gift", 0, 5)],
      clients: clients(draws, 2, 3, () =>
        steps(draws, 1, 3, () => (draws.chance(0.15) ? batch(next(), next()) : one(next()))),
      ),
    }
  },
}

/** Two calls that must not meet, and do: the smallest plans, and the likeliest to find what is not guarded. */
export const duels: Workload = {
  name: "duels",
  plan: (draws) => {
    const key = draws.chance(0.5) ? "same" : undefined
    const complete: PlannedCall = { call: "orders.complete", input: {}, order: "first" }
    const revoke = call("coupons.revoke", { campaignId: "sale", accountId: "ada" })
    const withCoupon = place("ada", [["pen", 1]], { coupon: true })
    const suspend = call("points.suspend", { accountId: "ada" })
    const pen = place("ada", [["pen", 1]])
    const pairs: readonly [readonly [Step, Step], ...ReadonlyArray<readonly [Step, Step]>] = [
      [one(cancel("ada", "first")), one(cancel("ada", "first"))],
      [one(cancel("ada", "first")), one(complete)],
      [one(revoke), one(withCoupon)],
      [one(withCoupon), one(withCoupon)],
      [one(suspend), one(place("ada", [["gift", 1]]))],
      [
        one(call("stock.restock", { productId: "pen", quantity: 1 }, "same")),
        one(call("stock.restock", { productId: "pen", quantity: 1 }, "same")),
      ],
      [one(place("ada", [["pen", 1]], { key: "same" })), one(place("ada", [["pen", 1]], { key: "same" }))],
      [batch(place("ada", [["pen", 2]]), place("ada", [["pen", 2]])), one(restock("pen", 1))],
      [one(pen), one(pen)],
      [one(charge("ada", 1, key)), one(charge("ada", 2, key))],
      [one(call("stock.changePrice", { productId: "pen", price: 4 })), one(pen)],
      [one(call("coupons.pauseCampaign", { campaignId: "sale" })), one(issue("bob"))],
    ]
    const mug = (): Step => one(register("mug", draws.oneOf([4, 5]), 1))
    const opening = (): Step => one(call("points.open", { accountId: "new", balanceLimit: draws.oneOf([50, 60]) }))
    const beginning: typeof pairs = [
      [mug(), mug()],
      [opening(), opening()],
      [opening(), one(charge("new", 1))],
      [one(charge("new", 1)), one(charge("new", 2))],
    ]
    const [left, right] = draws.chance(0.2) ? draws.oneOf(beginning) : draws.oneOf(pairs)
    const afterwards: ReadonlyArray<Step> = draws.chance(0.4) ? [one(pen)] : []
    return {
      ...atStore,
      opensOnCharge: true,
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", 50),
        register("pen", 3, 3),
        register("gift", 0, 2),
        campaign("sale", 2),
        issue("ada"),
        place("ada", [["pen", 1]], { key: "first" }),
      ],
      clients: [[left, ...afterwards], [right]],
    }
  },
}
