/**
 * An outcome is said in the core's words. What it carries is the answer that the call's own endpoint gives.
 */
import type { Outcome } from "../contract/answers.ts"
import type { Translations } from "./Words.ts"

export { issuedBody } from "./coupons.ts"
export { orderBody } from "./orders.ts"
export { chargedBody } from "./points.ts"

export const outcomes = {
  get: {
    input: ({ query }) => query,
    body: (outcome: (typeof Outcome)["Encoded"]) => outcome,
  },
} satisfies Translations["outcomes"]
