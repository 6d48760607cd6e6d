/**
 * All laws, in the order of the documentation.
 */
import { couponLaws } from "./coupons.ts"
import { crashLaws } from "./crashes.ts"
import { eventLaws } from "./events.ts"
import { shop } from "./faultyWorkloads.ts"
import { absenceLaws, deadlineLaws, idempotencyLaws } from "./idempotency.ts"
import { defineLaw, type Law } from "./Law.ts"
import { orderLaws } from "./orders.ts"
import { pointLaws } from "./points.ts"
import { serviceLaws } from "./services.ts"
import { stockLaws } from "./stock.ts"
import { subscriptionLaws } from "./subscriptions.ts"

/** Promises that nothing here can check: a killed process loses no page cache, and a test pulls no plug. */
const untestedLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "DUR-01",
    level: "UNTESTED",
    title: "What was acknowledged survives what the guarantees name: a process crash, or a power loss",
    why: "Only a real crash of a real store shows it; the adapter's own tests must kill it.",
    workload: shop,
    check: () => undefined,
    sometimes: {},
  }),
]

export const laws: ReadonlyArray<Law> = [
  ...pointLaws,
  ...couponLaws,
  ...stockLaws,
  ...orderLaws,
  ...idempotencyLaws,
  ...deadlineLaws,
  ...absenceLaws,
  ...serviceLaws,
  ...crashLaws,
  ...eventLaws,
  ...subscriptionLaws,
  ...untestedLaws,
]
