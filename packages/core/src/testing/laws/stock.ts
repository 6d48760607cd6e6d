/**
 * Laws of products and their stock, and of the list of popular ones.
 */

import { lives, shelves } from "../workloads/contended.ts"
import { beginnings } from "../workloads/pairs.ts"
import { questions } from "../workloads/questions.ts"
import {
  audited,
  callsOf,
  countersDuring,
  outOfOrder,
  overlap,
  refusalOf,
  refusedWith,
  staleRead,
  stockLedgers,
} from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

export const stockLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "STK-01",
    level: "MUST",
    title: "What is on hand is the sum of its movements, never below zero, its movements without gaps",
    why: "Nobody can ship what was sold twice.",
    workload: shelves,
    check: (trial) => audited(trial, "stock-ledger", "product-on-hand"),
    sometimes: {
      "two orders at once": (trial) => overlap(callsOf(trial, "orders.place")),
      "out of stock": refusedWith("OutOfStock"),
    },
  }),
  defineLaw({
    id: "STK-02",
    level: "MUST",
    title: "Who was answered before another one called stands before it among the movements",
    why: "Linearizability of every product.",
    workload: shelves,
    check: (trial) => outOfOrder(stockLedgers(trial), "Movement"),
    sometimes: { "two movements at once": (trial) => overlap(callsOf(trial, "orders.place", "stock.restock")) },
  }),
  defineLaw({
    id: "STK-03",
    level: "MUST",
    title: "OutOfStock names a count that each product had during the call, and all products that are short",
    why: "A phantom shortage is a lost sale.",
    workload: shelves,
    check: (trial) => {
      const ledgers = stockLedgers(trial)
      for (const op of trial.ops) {
        const refusal = refusalOf(op, "OutOfStock")
        for (const line of refusal?.lines ?? []) {
          const during = countersDuring(
            ledgers.find(({ owner }) => owner === line.productId),
            op,
            0,
          )
          if (!during.includes(line.available) || line.available >= line.requested) {
            return broken(
              `Refused ${line.requested} of ${line.productId} for ${line.available} on hand; it was ${during.join(" or ")}.`,
              op,
            )
          }
        }
      }
      return undefined
    },
    sometimes: { "out of stock": refusedWith("OutOfStock") },
  }),
  defineLaw({
    id: "STK-04",
    level: "MUST",
    title: "A read of a product shows a count that it had during the read",
    why: "Callers read their own writes.",
    workload: shelves,
    check: (trial) => staleRead(trial, stockLedgers(trial), "product"),
    sometimes: { "a product was read": ({ reads }) => reads.some(({ what }) => what === "product") },
  }),
  defineLaw({
    id: "STK-05",
    level: "MUST",
    title: "Every restock and correction that was answered is in the ledger, once",
    why: "Restocking while selling is normal, and losing it shows only at stock-taking.",
    workload: shelves,
    check: (trial) => audited(trial, "movement-receipts"),
    sometimes: { "a restock beside an order": (trial) => overlap(callsOf(trial, "orders.place", "stock.restock")) },
  }),
  defineLaw({
    id: "STK-06",
    level: "MUST",
    title: "An order takes all of its lines or none, and a cancel returns exactly what was taken",
    why: "Half an order is worse than none.",
    workload: shelves,
    check: (trial) => audited(trial, "order-sales", "order-returns"),
    sometimes: {
      "an order of two products was refused": (trial) =>
        trial.ops.some((op) => refusalOf(op, "OutOfStock") !== undefined && linesOf(op.planned.input.lines) > 1),
    },
  }),
  defineLaw({
    id: "STK-07",
    level: "MUST",
    title: "Every call is answered when nothing goes wrong, whatever order its lines are in",
    why: "Locks taken in the callers' order end in a deadlock on the first busy day.",
    workload: shelves,
    check: ({ plan, ops }) => {
      if (plan.faults.length > 0) return undefined
      const unanswered = ops.find(({ reply }) => reply._tag === "Unavailable" || reply._tag === "Defect")
      if (unanswered === undefined) return undefined
      return broken(`Without any fault a call was answered ${JSON.stringify(unanswered.reply)}.`, unanswered)
    },
    sometimes: {
      "the same products in two orders at once": (trial) =>
        overlap(callsOf(trial, "orders.place").filter(({ planned }) => linesOf(planned.input.lines) > 1)),
    },
  }),
  defineLaw({
    id: "STK-08",
    level: "MUST",
    title: "A product that was retired stays so, and no order that is called for afterwards gets any of it",
    why: "What is recalled must not be sold by a process that has not heard of it.",
    workload: beginnings,
    check: (trial) => {
      for (const retired of callsOf(trial, "stock.retire")) {
        if (retired.reply._tag !== "Accepted") continue
        const isIt = ({ productId }: { readonly productId: string }): boolean =>
          productId.endsWith(`-${retired.planned.input.productId}`)
        const { order, product } = trial.snapshot.records
        if (product.some((each) => isIt(each) && !each.retired)) return broken("It was retired, and is not.", retired)
        const late = callsOf(trial, "orders.place").find(
          ({ reply, start, commandId }) =>
            reply._tag === "Accepted" &&
            start > retired.end &&
            order.some(({ orderId, lines }) => orderId === commandId && lines.some(isIt)),
        )
        if (late !== undefined) return broken("It was sold after it had been retired.", retired, late)
      }
      return undefined
    },
    sometimes: {
      "a product was retired": (trial) => callsOf(trial, "stock.retire").some(({ reply }) => reply._tag === "Accepted"),
    },
  }),
  defineLaw({
    id: "POP-01",
    level: "MUST",
    title: "Sales buckets hold exactly the units of orders that live",
    why: "Counts that drift are never repaired: nobody knows since when they are wrong.",
    workload: lives,
    check: (trial) => audited(trial, "sales-buckets"),
    sometimes: {
      "an order was cancelled": ({ snapshot }) => snapshot.records.order.some(({ state }) => state === "cancelled"),
    },
  }),
  defineLaw({
    id: "POP-02",
    level: "MUST",
    title: "The list of popular products is the recount of the orders by the same definition",
    why: "Retired products, ties and windows are where lists go wrong.",
    workload: beginnings,
    check: ({ top: { listed, recounted } }) =>
      listed.join() === recounted.join()
        ? undefined
        : broken(`The list says ${listed.join(", ")}; the orders say ${recounted.join(", ")}.`),
    sometimes: { "something was sold": ({ top }) => top.recounted.length > 0 },
  }),
  defineLaw({
    id: "POP-03",
    level: "MUST",
    title: "The list of any window is the sum of its hourly buckets, whatever hours and days have gone by",
    why: "An hour too many at either end shows yesterday's favourite for a day.",
    workload: questions,
    check: ({ top: { listed, summed } }) =>
      listed.join() === summed.join()
        ? undefined
        : broken(`The list says ${listed.join(", ")}; the buckets say ${summed.join(", ")}.`),
    sometimes: {
      "sales of another day": ({ top: { summed } }) =>
        summed.filter((each) => each.startsWith("one day")).join() !==
        summed
          .filter((each) => each.startsWith("three days"))
          .map((each) => each.replace("three days", "one day"))
          .join(),
    },
  }),
]

const linesOf = (lines: unknown): number => (Array.isArray(lines) ? lines.length : 0)
