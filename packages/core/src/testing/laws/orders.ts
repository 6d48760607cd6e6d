/**
 * Laws of orders: all of it or none of it, once, and on what is true when it commits.
 */

import type { Op, TrialRecord } from "../trial/Trial.ts"
import { lives } from "../workloads/contended.ts"
import { shop } from "../workloads/faulty.ts"
import { beginnings } from "../workloads/pairs.ts"
import { answerOf, audited, callsOf, fieldOf, overlap, refusedWith } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

export const orderLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "ORD-01",
    level: "MUST",
    title: "Every living order is paid by exactly one entry, every cancelled one refunded by exactly one",
    why: "An order without its payment, or a refund given twice, is found by the accountant months later.",
    workload: lives,
    check: (trial) => audited(trial, "order-spends", "order-refunds"),
    sometimes: { "two cancels at once": (trial) => overlap(callsOf(trial, "orders.cancel")) },
  }),
  defineLaw({
    id: "ORD-02",
    level: "MUST",
    title: "An order that was answered is there as it was answered",
    why: "The answer is the buyer's proof.",
    workload: shop,
    check: ({ ops, snapshot }) => {
      for (const op of ops) {
        if (op.planned.call !== "orders.place") continue
        const answer = answerOf(op)
        if (answer === undefined) continue
        const order = snapshot.records.order.find(({ orderId }) => orderId === fieldOf(answer, "orderId"))
        const paid = fieldOf(answer, "paid")
        if (order === undefined || (paid !== undefined && paid !== order.paid)) {
          return broken(`Order ${fieldOf(answer, "orderId")} was answered and is not there as it was.`, op)
        }
      }
      return undefined
    },
    sometimes: { "two orders at once": (trial) => overlap(callsOf(trial, "orders.place")) },
  }),
  defineLaw({
    id: "ORD-03",
    level: "MUST",
    title: "An order is cancelled or completed, once, and never both",
    why: "Cancel against ship is the oldest race of all.",
    workload: lives,
    check: (trial) => {
      const closed = new Set<string>()
      for (const op of callsOf(trial, "orders.cancel", "orders.complete")) {
        if (op.reply._tag !== "Accepted") continue
        const orderId = String(fieldOf(op.reply.answer, "orderId"))
        if (closed.has(orderId)) return broken(`Order ${orderId} was closed twice.`, op)
        closed.add(orderId)
      }
      return undefined
    },
    sometimes: {
      "cancel and complete at once": (trial) => overlap(callsOf(trial, "orders.cancel", "orders.complete")),
      "too late to cancel": refusedWith("OrderAlreadyCompleted"),
    },
  }),
  defineLaw({
    id: "ORD-04",
    level: "MUST",
    title: "An order's lines, shares and sums add up to the unit",
    why: "Refunds of single lines are computed from these shares.",
    workload: lives,
    check: (trial) => audited(trial, "order-sums"),
    sometimes: { "an order was placed": ({ snapshot }) => snapshot.records.order.length > 0 },
  }),
  defineLaw({
    id: "ORD-05",
    level: "MUST",
    title: "After an account is suspended it places no order, until it is resumed",
    why: "What a decision relies on must hold when it commits, also where it changes nothing there.",
    workload: beginnings,
    check: ({ deliveries, ops }) => {
      const seen = new Set<string>()
      const suspended = new Set<string>()
      for (const { event } of deliveries) {
        if (seen.has(event.id)) continue
        seen.add(event.id)
        if (event.type === "points.suspended") suspended.add(event.key)
        if (event.type === "points.resumed") suspended.delete(event.key)
        if (event.type === "orders.placed" && suspended.has(event.key)) {
          return broken(
            `An order of ${event.key} was committed after the account's suspension.`,
            ...ops.filter(({ commandId }) => commandId === event.id),
          )
        }
      }
      return undefined
    },
    sometimes: {
      "an order beside a suspension": (trial) => overlap(callsOf(trial, "points.suspend", "orders.place")),
    },
  }),
  defineLaw({
    id: "ORD-06",
    level: "MUST",
    title: "An order is charged the price that its product had during the call",
    why: "An old price out of a cache is a discount that nobody gave.",
    workload: beginnings,
    check: (trial) => {
      for (const op of callsOf(trial, "orders.place")) {
        if (op.reply._tag !== "Accepted") continue
        for (const { productId, unitPrice } of orderLines(trial, op.commandId)) {
          const prices = pricesDuring(trial, op, productId)
          if (!prices.includes(unitPrice)) {
            return broken(`Charged ${unitPrice} for ${productId}; its price was ${prices.join(" or ")}.`, op)
          }
        }
      }
      return undefined
    },
    sometimes: {
      "an order beside a new price": (trial) => overlap(callsOf(trial, "stock.changePrice", "orders.place")),
    },
  }),
]

/** The prices that a product may have had during a call. One whose change was not answered may never have been in force. */
const pricesDuring = (trial: TrialRecord, { start, end }: Op, productId: string): ReadonlyArray<unknown> => {
  const registered = trial.snapshot.records.product.find((product) => product.productId === productId)?.registered.price
  const changes = callsOf(trial, "stock.changePrice").filter(
    ({ planned, reply }) => productId.endsWith(`-${planned.input.productId}`) && reply._tag !== "Refused",
  )
  const before = changes.filter((change) => change.reply._tag === "Accepted" && change.end < start)
  const isOver = (changedBy: number): boolean => before.some((later) => later.start > changedBy)
  const prices = changes.flatMap((change) =>
    change.start > end || isOver(change.end) ? [] : [change.planned.input.price],
  )
  return before.length === 0 ? [registered, ...prices] : prices
}

const orderLines = ({ snapshot }: TrialRecord, orderId: string) =>
  snapshot.records.order.find((order) => order.orderId === orderId)?.lines ?? []
