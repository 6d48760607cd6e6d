/**
 * Plans in which terms change, there and back again, while others buy, claim and charge under them.
 */

import type { Draws } from "../sim/draws.ts"
import type { PlannedCall } from "../trial/Plan.ts"
import { atStore, batch, call, campaign, charge, clients, issue, one, open, place, register, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** What is done under some terms, and what changes them. */
interface Subject {
  readonly act: (draws: Draws) => PlannedCall
  readonly change: (draws: Draws) => PlannedCall
}

const pen = { productId: "pen" }
const product: Subject = {
  act: (draws) => place(draws.oneOf(["ada", "bob"]), [["pen", 1]]),
  change: (draws) => {
    const which = draws.below(8)
    if (which < 6) return call("stock.changePrice", { ...pen, price: draws.oneOf([3, 4]) })
    return which === 6 ? call("stock.rename", { ...pen, name: "quill" }) : call("stock.retire", pen)
  },
}

const sale = { campaignId: "sale" }
const claims: Subject = {
  act: (draws) => issue(draws.oneOf(["ada", "bob", "cem", "dot"])),
  change: (draws) => {
    const which = draws.below(8)
    if (which < 3) return call("coupons.pauseCampaign", sale)
    if (which < 6) return call("coupons.openCampaign", sale)
    return which === 6
      ? call("coupons.changeLimit", { ...sale, limit: draws.between(1, 4) })
      : call("coupons.closeCampaign", sale)
  },
}

const ada = { accountId: "ada" }
const account: Subject = {
  act: (draws) => (draws.chance(0.5) ? charge("ada", draws.between(1, 9)) : place("ada", [["pen", 1]])),
  change: (draws) => call(draws.chance(0.5) ? "points.suspend" : "points.resume", ada),
}

/** One client changes the terms of a product, a campaign or an account; the others go on under them. */
export const terms: Workload = {
  name: "terms",
  plan: (draws) => {
    const subject = draws.oneOf([product, claims, claims, account])
    const act = () => subject.act(draws)
    const change = () => subject.change(draws)
    return {
      ...atStore,
      setup: [
        ...["ada", "bob", "cem", "dot"].map(open),
        charge("ada", 40),
        charge("bob", 40),
        register("pen", 3, 9),
        campaign("sale", 4),
      ],
      clients: [
        steps(draws, 1, 3, () => (draws.chance(0.2) ? batch(change(), act()) : one(change()))),
        ...clients(draws, 1, 2, () => steps(draws, 1, 3, () => one(act()))),
      ],
    }
  },
}
