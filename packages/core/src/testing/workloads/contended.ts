/**
 * Plans in which nothing goes wrong but that everybody comes at once. Few clients, few keys, much contention.
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

/** Two wallets: charges, corrections, purchases and looks at the balance. */
export const wallets: Workload = {
  name: "wallets",
  plan: (draws) => {
    const account = () => draws.oneOf(["ada", "ada", "bob"])
    const move = (): PlannedCall => {
      const which = draws.below(10)
      if (which < 5) return charge(account(), draws.between(1, 9))
      if (which < 8) return call("points.adjust", { accountId: account(), change: -draws.between(1, 12) })
      return place(account(), [["pen", 1]])
    }
    return {
      ...atStore,
      setup: [open("ada"), open("bob"), charge("ada", 10), register("pen", 5, 50)],
      clients: clients(draws, 2, 3, () =>
        steps(draws, 2, 3, () =>
          draws.chance(0.35)
            ? { do: "read", what: "account", id: account() }
            : draws.chance(0.2)
              ? batch(move(), move())
              : one(move()),
        ),
      ),
    }
  },
}

/** More buyers than coupons. */
export const rush: Workload = {
  name: "rush",
  plan: (draws) => {
    const buyers = ["ada", "bob", "cem", "dot"] as const
    const limit = draws.between(1, 3)
    const someone = () => draws.oneOf(buyers)
    return {
      ...atStore,
      setup: [...buyers.map(open), campaign("sale", limit)],
      clients: clients(draws, 3, 4, (client) =>
        steps(draws, 1, 2, (index) => {
          const which = draws.below(15)
          if (which === 0 || which > 11) return { do: "read", what: "campaign", id: "sale" }
          if (which === 1) return one(call("coupons.changeLimit", { campaignId: "sale", limit: draws.between(1, 4) }))
          if (which === 2) return one(call("coupons.revoke", { campaignId: "sale", accountId: someone() }))
          if (which === 3) return batch(issue(someone()), issue(someone()))
          const who = index === 0 ? (buyers[client] ?? "ada") : someone()
          return one(issue(who, draws.chance(0.3) ? `issue-${who}` : undefined))
        }),
      ),
    }
  },
}

/** Two scarce products, bought together in any order of lines, restocked and counted meanwhile. */
export const shelves: Workload = {
  name: "shelves",
  plan: (draws) => {
    const product = () => draws.oneOf(["pen", "pot"])
    const someone = () => draws.oneOf(["ada", "bob"])
    const change = (): PlannedCall => {
      const which = draws.below(10)
      if (which < 3) return place(someone(), [[product(), draws.between(1, 3)]])
      if (which < 6) {
        const lines: ReadonlyArray<readonly [string, number]> = [
          ["pot", draws.between(1, 2)],
          ["pen", draws.between(1, 2)],
        ]
        return place(someone(), draws.chance(0.5) ? lines : lines.toReversed())
      }
      if (which < 8) return restock(product(), draws.between(1, 2))
      return call("stock.adjust", { productId: product(), change: draws.chance(0.5) ? -1 : 1 })
    }
    return {
      ...atStore,
      setup: [
        open("ada"),
        open("bob"),
        charge("ada", 100),
        charge("bob", 100),
        register("pen", 2, draws.between(1, 4)),
        register("pot", 3, draws.between(1, 3)),
      ],
      clients: clients(draws, 2, 3, () =>
        steps(draws, 2, 3, () => {
          const which = draws.below(10)
          if (which < 3) return { do: "read", what: "product", id: product() }
          return which < 6 ? batch(change(), change(), change()) : one(change())
        }),
      ),
    }
  },
}

/** One order's life: placed with a coupon, cancelled by several, completed by another. */
export const lives: Workload = {
  name: "lives",
  plan: (draws) => {
    const discount = draws.chance(0.7)
      ? { type: "rate", percent: draws.oneOf([7, 15, 29, 33, 58]) }
      : { type: "flat", amount: draws.between(1, 40) }
    const buy = (key: string): PlannedCall =>
      place(
        "ada",
        [
          ["pen", draws.between(1, 3)],
          ["pot", 1],
          ["cup", draws.between(1, 2)],
        ],
        { coupon: draws.chance(0.7), key },
      )
    const act = (): Step => {
      const which = draws.below(10)
      if (which < 4) return one(cancel("ada", "first"))
      if (which < 6) return one({ call: "orders.complete", input: {}, order: "first" })
      if (which === 6) return batch(buy("second"), cancel("ada", "first"))
      if (which < 9) return one(call("coupons.revoke", { campaignId: "sale", accountId: "ada" }))
      return one(cancel("ada", "first", "cancel-first"))
    }
    const issued = draws.chance(0.5)
    return {
      ...atStore,
      setup: [
        open("ada"),
        charge("ada", 1_000),
        register("pen", draws.oneOf([3, 10, 33, 99]), 9),
        register("pot", draws.oneOf([5, 50, 100]), 9),
        register("cup", draws.oneOf([3, 8, 21]), 9),
        campaign("sale", 5, discount),
        ...(issued ? [issue("ada"), buy("first")] : []),
      ],
      clients: issued
        ? clients(draws, 2, 3, () => steps(draws, 1, 2, act))
        : [
            [batch(issue("ada"), place("ada", [["pen", 1]], { coupon: true, key: "first" })), act()],
            [act(), act()],
          ],
    }
  },
}
