/**
 * What became of a key whose answer was lost. A caller sees only keys of their own.
 */

import type { KnownOutcome } from "@holdfast/core"
import { chargedBody, issuedBody, orderBody } from "../compatibility/outcomes.ts"
import type { Call, Handlings } from "./Handling.ts"

export const outcomes: Handlings["outcomes"] = {
  get: {
    action: "outcome",
    run: (query, call) => outcomeOf(query, call),
  },
}

type Absent = Exclude<KnownOutcome<Operation>, { readonly status: "accepted" }>
type Operation = "points.charge" | "coupons.issue" | "orders.place" | "orders.cancel"

interface Query {
  readonly operation: Operation
  readonly key: string
  readonly calledAt?: Date
}

const outcomeOf = async ({ operation, key, calledAt }: Query, { shop, scope }: Call) => {
  switch (operation) {
    case "points.charge": {
      const found = await shop.outcome({ operation, key, scope, calledAt })
      return found.status === "accepted" ? accepted(found.at, chargedBody(found.answer)) : absent(found)
    }
    case "coupons.issue": {
      const found = await shop.outcome({ operation, key, scope, calledAt })
      return found.status === "accepted" ? accepted(found.at, issuedBody(found.answer)) : absent(found)
    }
    case "orders.place":
    case "orders.cancel": {
      const found = await shop.outcome({ operation, key, scope, calledAt })
      return found.status === "accepted" ? accepted(found.at, orderBody(found.answer)) : absent(found)
    }
  }
}

const absent = (found: Absent) =>
  found.status === "pending" && found.finalAt !== undefined
    ? { status: found.status, finalAt: found.finalAt.toISOString() }
    : { status: found.status }

const accepted = <Answer>(at: Date, answer: Answer) => ({
  status: "accepted" as const,
  at: at.toISOString(),
  answer,
})
