/**
 * Laws of terms: what was sold, issued and charged was so under the terms that were in force at its place, and their history
 * tells which these were.
 */

import { terms } from "../workloads/terms.ts"
import { audited, callsOf, overlap } from "./evidence.ts"
import { defineLaw, type Law } from "./Law.ts"

const changes = (name: string) => (each: { readonly of: string }) => each.of === name

export const termsLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "TRM-01",
    level: "MUST",
    title: "Whatever was sold, issued or charged was so under the terms in force at its place",
    why: "A sale after the product was retired, or at a price that was never in force, adds up in every sum.",
    workload: terms,
    check: (trial) => audited(trial, "order-prices", "movement-terms", "coupon-terms", "entry-terms"),
    sometimes: {
      "an order beside a new price": (trial) => overlap(callsOf(trial, "stock.changePrice", "orders.place")),
      "an issue beside a pause": (trial) => overlap(callsOf(trial, "coupons.pauseCampaign", "coupons.issue")),
      "a charge beside a suspension": (trial) => overlap(callsOf(trial, "points.suspend", "points.charge")),
    },
  }),
  defineLaw({
    id: "TRM-02",
    level: "MUST",
    title: "Every change of terms leaves one row, which begins where the one before it ended",
    why: "Whoever asks what a product cost on that day is answered from these rows.",
    workload: terms,
    check: (trial) =>
      audited(trial, "terms-ledger", "terms-receipts", "account-terms", "campaign-terms", "product-terms"),
    sometimes: {
      "a product changed twice": ({ snapshot }) => snapshot.records.terms.filter(changes("product")).length > 1,
      "a campaign changed twice": ({ snapshot }) => snapshot.records.terms.filter(changes("campaign")).length > 1,
    },
  }),
]
