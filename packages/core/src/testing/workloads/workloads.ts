/**
 * The workloads: small plans that are likely to meet, and the order in which a run takes them.
 */

import { lives, rush, shelves, wallets } from "./contended.ts"
import { deliveries } from "./deliveries.ts"
import { names, retries, shop, streams, waits } from "./faulty.ts"
import { outlived } from "./outlived.ts"
import { beginnings, duels } from "./pairs.ts"
import { crossings, failovers, frames, halves, listeners, pipelines } from "./processes.ts"
import { questions } from "./questions.ts"
import { restarts } from "./restarts.ts"
import { terms } from "./terms.ts"
import type { Workload } from "./Workload.ts"

/** What every adapter gets. Duels come between the others: they are short, and most bugs need no more than two calls. */
const common: ReadonlyArray<Workload> = [wallets, rush, shelves, lives, retries, waits, streams, beginnings, shop]
  .flatMap((workload) => [duels, workload])
  .concat(questions, deliveries, restarts, terms, questions, deliveries, outlived, names, terms)

/** What only those get that bring processes along. Most bugs that need several of them show in the smallest plans. */
const ofProcesses: ReadonlyArray<Workload> = [
  crossings,
  frames,
  failovers,
  crossings,
  listeners,
  frames,
  failovers,
  halves,
].flatMap((workload) => [pipelines, workload])

/** One round of a run. */
export const workloadsFor = (brings: { readonly processes?: unknown }): ReadonlyArray<Workload> =>
  brings.processes === undefined ? common : [...ofProcesses, ...common]
