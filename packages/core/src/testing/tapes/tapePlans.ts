/**
 * Plans for two or three shops at the same few rows. Small: two shops with two batches each, or three with one.
 */
import { atStore, batch, call, campaign, charge, issue, one, open, place, register } from "../workloads/plans.ts"
import type { TapePlan } from "./playTape.ts"

const limited = (accountId: string, balanceLimit: number) => call("points.open", { accountId, balanceLimit })

/** Every plan by its name. The first two are of two shops, the others of three. */
export const tapePlans = {
  /** A wallet that is nearly full: the first shop remembers it, and both charge it. */
  charges: {
    ...atStore,
    engines: 2,
    free: [1, 1],
    setup: [limited("ada", 100), limited("bob", 100), charge("ada", 10)],
    clients: [
      [one(charge("ada", 1)), one(charge("ada", 9))],
      [one(charge("bob", 1)), one(charge("ada", 70))],
      [one(charge("ada", 70))],
      [one(charge("bob", 90))],
    ],
  },
  /** The last units of two products, in opposite orders. */
  orders: {
    ...atStore,
    engines: 2,
    setup: [
      open("ada"),
      open("bob"),
      charge("ada", 100),
      charge("bob", 100),
      register("ink", 3, 2),
      register("pen", 5, 2),
    ],
    clients: [
      [
        one(
          place("ada", [
            ["ink", 1],
            ["pen", 1],
          ]),
        ),
      ],
      [
        one(
          place("bob", [
            ["pen", 2],
            ["ink", 1],
          ]),
        ),
      ],
      [batch(place("ada", [["pen", 1]]), charge("ada", 5))],
      [one(place("bob", [["ink", 1]]))],
    ],
  },
  /** One coupon for three. */
  coupons: {
    ...atStore,
    engines: 3,
    setup: [open("ada"), open("bob"), open("cem"), campaign("sale", 1)],
    clients: [[one(issue("ada"))], [one(issue("bob"))], [one(issue("cem"))]],
  },
  /** One intention, asked of three shops. */
  repeats: {
    ...atStore,
    engines: 3,
    setup: [open("ada"), charge("ada", 10)],
    clients: [[one(charge("ada", 5, "again"))], [one(charge("ada", 5, "again"))], [one(charge("ada", 5, "again"))]],
  },
  /** Three shops that remember one wallet, each with what only one of them can do. */
  purchases: {
    ...atStore,
    engines: 3,
    free: [1, 1, 1],
    setup: [open("ada"), charge("ada", 7), register("pen", 5, 9)],
    clients: [
      [one(charge("ada", 1)), one(place("ada", [["pen", 2]]))],
      [one(charge("ada", 1)), one(place("ada", [["pen", 2]]))],
      [one(charge("ada", 1)), one(call("points.adjust", { accountId: "ada", change: -9 }))],
    ],
  },
} satisfies { readonly [name: string]: TapePlan }
