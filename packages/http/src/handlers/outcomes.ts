/**
 * What became of a key whose answer was lost. A caller sees only keys of their own.
 */
import type { Contract } from "../contract/contract.ts"
import { issuedBody } from "./coupons.ts"
import type { Call, Handlings } from "./Handling.ts"
import { orderBody } from "./orders.ts"
import { chargedBody } from "./points.ts"

export const outcomes: Handlings<typeof Contract>["outcomes"] = {
  get: {
    action: "outcome",
    resource: () => ({}),
    run: async ({ query: { operation, key } }, call) => ({ body: await outcomeOf(operation, key, call) }),
  },
}

type Operation = "points.charge" | "coupons.issue" | "orders.place" | "orders.cancel"

const outcomeOf = async (operation: Operation, key: string, { shop, scope }: Call) => {
  switch (operation) {
    case "points.charge": {
      const found = await shop.outcome({ operation, key, scope })
      return found.status === "accepted" ? accepted(found.at, chargedBody(found.answer)) : found
    }
    case "coupons.issue": {
      const found = await shop.outcome({ operation, key, scope })
      return found.status === "accepted" ? accepted(found.at, issuedBody(found.answer)) : found
    }
    case "orders.place":
    case "orders.cancel": {
      const found = await shop.outcome({ operation, key, scope })
      return found.status === "accepted" ? accepted(found.at, orderBody(found.answer)) : found
    }
  }
}

const accepted = <Answer>(at: Date, answer: Answer) => ({
  status: "accepted" as const,
  at: at.toISOString(),
  answer,
})
