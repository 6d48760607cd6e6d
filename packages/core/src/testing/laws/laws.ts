/**
 * All laws, in the order of the documentation.
 */

import { shop } from "../workloads/faulty.ts"
import { couponLaws } from "./coupons.ts"
import { crashLaws } from "./crashes.ts"
import { eventRowLaws } from "./eventRows.ts"
import { eventLaws } from "./events.ts"
import { absenceLaws, deadlineLaws, idempotencyLaws } from "./idempotency.ts"
import { broken, defineLaw, type Law } from "./Law.ts"
import { leaseLaws } from "./leases.ts"
import { orderLaws } from "./orders.ts"
import { pointLaws } from "./points.ts"
import { processLaws } from "./processes.ts"
import { relayLaws } from "./relay.ts"
import { serviceLaws } from "./services.ts"
import { stockLaws } from "./stock.ts"
import { subscriptionLaws } from "./subscriptions.ts"
import { termsLaws } from "./terms.ts"

/** A killed process loses no page cache, and a test pulls no plug: a power loss stays with the adapter's documentation. */
const durabilityLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "DUR-01",
    level: "SAMPLED",
    title: "What was acknowledged is there when the store is opened again after it was killed",
    why: "An answer is a promise about tomorrow, and only a killed store shows what it had written by then.",
    needs: "reopen",
    workload: shop,
    check: ({ reopened, ops, snapshot }) => {
      if (!reopened) return undefined
      const kept = new Set(snapshot.records.receipt.map(({ commandId }): string => commandId))
      const lost = ops.find(({ reply, commandId }) => reply._tag === "Accepted" && !kept.has(commandId))
      return lost && broken("It was acknowledged, and was gone when the store was opened again.", lost)
    },
    sometimes: {
      "the store was opened again": ({ reopened }) => reopened,
      "something had been acknowledged": ({ ops }) => ops.some(({ reply }) => reply._tag === "Accepted"),
    },
  }),
]

export const laws: ReadonlyArray<Law> = [
  ...pointLaws,
  ...couponLaws,
  ...stockLaws,
  ...orderLaws,
  ...termsLaws,
  ...idempotencyLaws,
  ...deadlineLaws,
  ...absenceLaws,
  ...serviceLaws,
  ...crashLaws,
  ...processLaws,
  ...eventLaws,
  ...eventRowLaws,
  ...leaseLaws,
  ...subscriptionLaws,
  ...relayLaws,
  ...durabilityLaws,
]
