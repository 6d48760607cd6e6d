/**
 * The workloads: small plans that are likely to meet, and the order in which a run takes them.
 */
import { questions } from "./askingWorkload.ts"
import { lives, rush, shelves, wallets } from "./busyWorkloads.ts"
import { restarts } from "./crashWorkload.ts"
import { deliveries } from "./deliveryWorkload.ts"
import { retries, shop, streams, waits } from "./faultyWorkloads.ts"
import type { Workload } from "./Law.ts"
import { beginnings, duels } from "./meetings.ts"

/** One round of a run. Duels come between the others: they are short, and most bugs need no more than two calls. */
export const workloads: ReadonlyArray<Workload> = [
  wallets,
  rush,
  shelves,
  lives,
  retries,
  waits,
  streams,
  beginnings,
  shop,
]
  .flatMap((workload) => [duels, workload])
  .concat(questions, deliveries, restarts, questions, deliveries)
