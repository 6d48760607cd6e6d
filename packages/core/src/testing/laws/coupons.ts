/**
 * Laws of campaigns and coupons: first come, first served.
 */
import { keyText } from "../../values.ts"
import type { TrialRecord } from "../trial/Trial.ts"
import { lives, rush } from "../workloads/contended.ts"
import {
  answerOf,
  audited,
  callsOf,
  countersDuring,
  fieldOf,
  outOfOrder,
  overlap,
  refusalOf,
  refusedWith,
  staleRead,
  ticketLists,
} from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

const issues = (trial: TrialRecord) => callsOf(trial, "coupons.issue")
const twoIssuesAtOnce = { "two issues at once": (trial: TrialRecord) => overlap(issues(trial)) }

export const couponLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "CPN-01",
    level: "MUST",
    title: "A campaign never issues more coupons than its limit, and counts what it issued",
    why: "Every coupon above the limit is the host's money.",
    workload: rush,
    check: (trial) => audited(trial, "campaign-issued"),
    sometimes: { "sold out": refusedWith("CouponsSoldOut") },
  }),
  defineLaw({
    id: "CPN-02",
    level: "MUST",
    title: "Tickets are 1 to the number issued, each exactly once",
    why: "A gap is a coupon that nobody got; a double is a prize for two.",
    workload: rush,
    check: (trial) => {
      const tickets = new Set<string>()
      for (const op of issues(trial)) {
        if (op.reply._tag !== "Accepted") continue
        const text = `${fieldOf(op.reply.answer, "campaignId")} ${fieldOf(op.reply.answer, "ticket")}`
        if (tickets.has(text)) return broken(`Ticket ${text} was answered to two callers.`, op)
        tickets.add(text)
      }
      return audited(trial, "coupon-tickets")
    },
    sometimes: twoIssuesAtOnce,
  }),
  defineLaw({
    id: "CPN-03",
    level: "MUST",
    title: "An account gets at most one coupon of a campaign",
    why: "Otherwise the quickest script takes them all.",
    workload: rush,
    check: (trial) => {
      const owners = new Set<string>()
      for (const op of issues(trial)) {
        if (op.reply._tag !== "Accepted") continue
        const owner = keyText([String(op.planned.input.campaignId), String(op.planned.input.accountId)])
        if (owners.has(owner)) return broken("Two issues to one account were accepted.", op)
        owners.add(owner)
      }
      return undefined
    },
    sometimes: {
      "the same account twice at once": (trial) => refusedWith("CouponAlreadyIssued")(trial) && overlap(issues(trial)),
    },
  }),
  defineLaw({
    id: "CPN-04",
    level: "MUST",
    title: "Who was answered before another one called has the smaller ticket",
    why: "First come, first served is what was announced.",
    workload: rush,
    check: (trial) => outOfOrder(ticketLists(trial), "Ticket"),
    sometimes: twoIssuesAtOnce,
  }),
  defineLaw({
    id: "CPN-05",
    level: "MUST",
    title: "CouponsSoldOut is only said when every coupon was issued at some moment during the call",
    why: "A false sold-out turns people away from coupons that are then never given.",
    workload: rush,
    check: (trial) => {
      const lists = ticketLists(trial)
      for (const op of issues(trial)) {
        const refusal = refusalOf(op, "CouponsSoldOut")
        if (refusal === undefined) continue
        const during = countersDuring(
          lists.find(({ owner }) => owner === refusal.campaignId),
          op,
          0,
        )
        if (!during.some((issued) => issued >= refusal.limit)) {
          return broken(`Said to be sold out at ${refusal.limit} when ${during.join(" or ")} were issued.`, op)
        }
      }
      return undefined
    },
    sometimes: { "sold out": refusedWith("CouponsSoldOut") },
  }),
  defineLaw({
    id: "CPN-06",
    level: "MUST",
    title: "An issue is answered with the coupon that the account owns",
    why: "The ticket in the answer is what its owner shows.",
    workload: rush,
    check: (trial) => {
      for (const op of issues(trial)) {
        const answer = answerOf(op)
        if (answer === undefined) continue
        const coupon = trial.snapshot.records.coupon.find(
          ({ campaignId, accountId }) =>
            campaignId === fieldOf(answer, "campaignId") && accountId === fieldOf(answer, "accountId"),
        )
        if (coupon?.ticket !== fieldOf(answer, "ticket")) {
          return broken(`Answered ticket ${fieldOf(answer, "ticket")}, but the account owns ${coupon?.ticket}.`, op)
        }
      }
      return undefined
    },
    sometimes: { "an issue was repeated": (trial) => issues(trial).some(({ reply }) => reply._tag === "Replayed") },
  }),
  defineLaw({
    id: "CPN-07",
    level: "MUST",
    title: "A coupon is redeemed by the one living order that names it, and by none other",
    why: "A coupon that works twice, or is gone without an order, is a support case with money in it.",
    workload: lives,
    check: (trial) => audited(trial, "order-coupons"),
    sometimes: {
      "a coupon was redeemed": ({ snapshot }) => snapshot.records.coupon.some(({ state }) => state === "redeemed"),
    },
  }),
  defineLaw({
    id: "CPN-08",
    level: "MUST",
    title: "A cancelled order gives its coupon back",
    why: "Buyers who cancel must be able to buy again at the same price.",
    workload: lives,
    check: ({ snapshot }) => {
      for (const order of snapshot.records.order) {
        if (order.state !== "cancelled" || order.campaignId === undefined) continue
        const coupon = snapshot.records.coupon.find(
          ({ campaignId, accountId }) => campaignId === order.campaignId && accountId === order.accountId,
        )
        if (coupon?.state === "redeemed" && coupon.orderId === order.orderId) {
          return broken(`Order ${order.orderId} is cancelled and its coupon is still redeemed.`)
        }
      }
      return undefined
    },
    sometimes: {
      "an order with a coupon was cancelled": ({ snapshot }) =>
        snapshot.records.order.some((order) => order.state === "cancelled" && order.campaignId !== undefined),
    },
  }),
  defineLaw({
    id: "CPN-09",
    level: "MUST",
    title: "A discount is its percentage of the total rounded down once, or its flat amount, at most the total",
    why: "A float, or rounding line by line, is wrong by a unit on some totals and nobody can tell which.",
    workload: lives,
    check: ({ snapshot }) => {
      for (const order of snapshot.records.order) {
        const coupon = snapshot.records.coupon.find(
          ({ campaignId, accountId }) => campaignId === order.campaignId && accountId === order.accountId,
        )
        const total = BigInt(order.total)
        const off = coupon === undefined ? 0n : offOf(coupon.discount, total)
        const expected = off > total ? total : off
        if (BigInt(order.discount) !== expected) {
          return broken(`Order ${order.orderId} of ${order.total} got ${order.discount} off instead of ${expected}.`)
        }
      }
      return undefined
    },
    sometimes: {
      "a percentage that does not divide": ({ snapshot }) =>
        snapshot.records.order.some(({ discount, total }) => discount > 0 && (total * 29) % 100 !== 0),
    },
  }),
  defineLaw({
    id: "CPN-10",
    level: "MUST",
    title: "A read of a campaign shows a number issued that it had during the read",
    why: "The counter on the page must not run backwards.",
    workload: rush,
    check: (trial) => staleRead(trial, ticketLists(trial), "campaign"),
    sometimes: { "a campaign was read": ({ reads }) => reads.some(({ what }) => what === "campaign") },
  }),
  defineLaw({
    id: "CPN-11",
    level: "MUST",
    title: "An order that uses up a coupon has something taken off",
    why: "A coupon that is gone for nothing is the buyer's loss, and 1 percent of 50 is nothing.",
    workload: lives,
    check: ({ snapshot }) => {
      const order = snapshot.records.order.find(
        ({ campaignId, discount }) => campaignId !== undefined && discount === 0,
      )
      return order && broken(`Order ${order.orderId} of ${order.total} used up a coupon that took nothing off.`)
    },
    sometimes: { "a coupon that would take nothing off": refusedWith("CouponMinimumNotMet") },
  }),
]

type Discount = TrialRecord["snapshot"]["records"]["coupon"][number]["discount"]

// Written anew on purpose: a law must not share the arithmetic that it judges.
const offOf = (discount: Discount, total: bigint): bigint => {
  if (discount.minTotal !== undefined && total < BigInt(discount.minTotal)) return 0n
  if (discount.type === "flat") return BigInt(discount.amount)
  const share = (total * BigInt(discount.percent)) / 100n
  return discount.max !== undefined && share > BigInt(discount.max) ? BigInt(discount.max) : share
}
