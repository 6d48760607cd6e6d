/**
 * Plans in which a campaign refuses a crowd: sold out or paused, and sometimes let go again while they ask.
 */
import type { PlannedCall } from "../trial/Plan.ts"
import { call, campaign, clients, issue, one, open, steps } from "./plans.ts"
import type { Workload } from "./Workload.ts"

/** Who never opened an account, and whose account is suspended. */
export const stranger = "nobody"
export const suspended = "eve"

export const floods: Workload = {
  name: "floods",
  plan: (draws) => {
    const buyers = ["ada", "bob", "cem", "dot"] as const
    const limit = draws.between(1, 2)
    const owners = buyers.slice(0, limit)
    const operator = (): PlannedCall => {
      const which = draws.below(4)
      if (which === 0) return call("coupons.pauseCampaign", { campaignId: "sale" })
      if (which === 1) return call("coupons.openCampaign", { campaignId: "sale" })
      return call("coupons.changeLimit", { campaignId: "sale", limit: draws.between(limit, limit + 2) })
    }
    const claim = (): PlannedCall => {
      const which = draws.below(12)
      if (which === 0) return issue(stranger)
      if (which === 1) return issue(suspended, draws.chance(0.5) ? "issue-eve" : undefined)
      // A key that its owner has used, by its owner and by another account.
      if (which === 2) return issue("ada", "issue-ada")
      if (which === 3) return issue("dot", "issue-ada")
      return issue(draws.oneOf(buyers))
    }
    return {
      way: "engine",
      faults: [],
      engines: draws.between(1, 2),
      setup: [
        ...[...buyers, suspended].map(open),
        call("points.suspend", { accountId: suspended }),
        campaign("sale", limit),
        ...owners.map((owner) => issue(owner, `issue-${owner}`)),
      ],
      clients: clients(draws, 3, 4, (client) =>
        steps(draws, 4, 7, (index) => one(client === 0 && index > 1 && draws.chance(0.5) ? operator() : claim())),
      ),
    }
  },
}
