/**
 * Broken engines and rules: what happens to commands before they are decided, to verdicts, and to what callers are told.
 */
import type { Command, Operation } from "../../decision/Command.ts"
import { type IdempotencyKey, Quantity } from "../../values.ts"
import { type Mutant, mutant, shifted } from "./Mutant.ts"

/** An operation whose verdict is changed before anybody sees it. */
const misruled =
  (
    name: string,
    change: (verdict: ReturnType<Operation["decide"]>, command: Command) => ReturnType<Operation["decide"]>,
  ) =>
  (command: Command): Command => {
    if (command.operation.name !== name) return command
    const { operation } = command
    return {
      ...command,
      operation: {
        ...operation,
        decide: (records, request, cause) => change(operation.decide(records, request, cause), command),
      },
    }
  }

export const engineMutants: ReadonlyArray<Mutant> = [
  mutant(
    "later caller gets the earlier ticket",
    "Tickets are handed out in blocks, and the blocks are used out of order.",
    {
      tampering: { command: misruled("coupons.issue", swapTickets) },
    },
  ),
  mutant("stale balance in a stored answer", "The receipt keeps the balance before the charge.", {
    tampering: {
      command: misruled("points.charge", (verdict) =>
        verdict._tag === "Accept"
          ? { ...verdict, stored: { ...verdict.stored, balance: shifted(Number(verdict.stored.balance) - 1) } }
          : verdict,
      ),
    },
  }),
  mutant("answer computed before the lock", "A charge is answered with the balance that an earlier try had seen.", {
    tampering: {
      decision: (decision, { operation }) =>
        decision._tag === "Accepted" && operation.name === "points.charge"
          ? { ...decision, answer: { ...objectOf(decision.answer), seq: 1 } }
          : decision,
    },
  }),
  mutant("fingerprint ignored", "A key is enough to be answered, whatever is asked.", {
    tampering: { command: (command) => ({ ...command, fingerprint: "v1:same" }) },
  }),
  mutant("retry without its key", "The engine's own retry is a new command.", {
    tampering: { command: (command) => ({ ...command, key: ownKey(command) }) },
  }),
  mutant("unknown outcome reported as refusal", "A lost reply is told as `nothing happened`.", {
    tampering: {
      reply: (reply) =>
        reply._tag === "Crashed" || (reply._tag === "Unavailable" && reply.outcome === "unknown")
          ? { _tag: "Unavailable", what: "DeadlineExceeded", outcome: "nothing-happened" }
          : reply,
    },
  }),
  mutant("decided after its deadline", "Nobody looks at the clock again once a command is queued.", {
    tampering: { command: (command) => ({ ...command, deadline: Number.MAX_SAFE_INTEGER }) },
  }),
  mutant("withdrawn calls happen", "A caller who left in time is told so, and the command is run all the same.", {
    tampering: {
      reply: (reply) => (reply._tag === "Left" ? { _tag: "Left", taken: false } : reply),
    },
  }),
  mutant("discount by float", "The percentage is computed with floats and rounded.", {
    tampering: { command: misruled("orders.place", roundDiscount) },
  }),
  mutant("order shares rounded apart", "Each line's share is rounded on its own.", {
    tampering: { command: misruled("orders.place", skewShares) },
  }),
  mutant("coupon not returned on cancel", "The cancel gives points and stock back and forgets the coupon.", {
    tampering: { command: misruled("orders.cancel", (verdict) => withoutChange(verdict, "coupon")) },
  }),
  mutant("refund forgotten", "The cancel returns the units and keeps the points.", {
    tampering: {
      command: misruled("orders.cancel", (verdict) => withoutChange(withoutChange(verdict, "entry"), "account")),
    },
  }),
  mutant("units not returned", "The cancel refunds the points and keeps the units.", {
    tampering: {
      command: misruled("orders.cancel", (verdict) => withoutChange(withoutChange(verdict, "movements"), "products")),
    },
  }),
  mutant("movement without its stock", "The ledger says that units were added, and the count does not.", {
    tampering: { command: misruled("stock.restock", (verdict) => withoutChange(verdict, "movements")) },
  }),
  mutant("popularity counts redeliveries", "Sales are counted by a consumer that does not recognise repeats.", {
    tampering: { command: misruled("orders.cancel", (verdict) => withoutChange(verdict, "buckets")) },
  }),
  mutant("old price charged", "Prices are those of the registration, out of a cache that nobody clears.", {
    tampering: { command: priceAsRegistered },
  }),
  mutant("existing definition guessed", "The refusal of a second registration repeats what was asked.", {
    tampering: {
      decision: (decision) =>
        decision._tag === "Refused" && decision.refusal._tag === "ProductAlreadyExists"
          ? {
              ...decision,
              refusal: {
                ...decision.refusal,
                existing: { ...decision.refusal.existing, price: shifted(decision.refusal.existing.price + 1) },
              },
            }
          : decision,
    },
  }),
  mutant("shortage made up", "The count in a refusal is the count at the last stock-taking.", {
    tampering: {
      decision: (decision) =>
        decision._tag === "Refused" && decision.refusal._tag === "OutOfStock"
          ? {
              ...decision,
              refusal: {
                ...decision.refusal,
                lines: decision.refusal.lines.map((line) => ({ ...line, available: Quantity.make(0) })),
              },
            }
          : decision,
    },
  }),
  mutant("poverty made up", "The balance in a refusal comes from a session.", {
    tampering: {
      decision: (decision) =>
        decision._tag === "Refused" && decision.refusal._tag === "PointsNotEnough"
          ? { ...decision, refusal: { ...decision.refusal, available: shifted(decision.refusal.available - 1) } }
          : decision,
    },
  }),
  mutant("wrong ticket shown", "The answer to a repeated issue shows the last ticket that was given.", {
    tampering: {
      decision: (decision, { operation }) =>
        decision._tag === "Recalled" && operation.name === "coupons.issue"
          ? { ...decision, receipt: { ...decision.receipt, answer: { ...decision.receipt.answer, ticket: 99 } } }
          : decision,
    },
  }),
]

function objectOf(answer: unknown): object {
  return typeof answer === "object" && answer !== null ? answer : {}
}

// biome-ignore lint/plugin/casts: a command's id is a legal key
const ownKey = (command: Command): IdempotencyKey => `${command.id}` as IdempotencyKey

function withoutChange(verdict: ReturnType<Operation["decide"]>, field: string): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  return { ...verdict, changes: { ...verdict.changes, [field]: undefined } }
}

function roundDiscount(verdict: ReturnType<Operation["decide"]>): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  const { order } = verdict.changes
  if (order === undefined || order.discount === 0) return verdict
  const discount = shifted(order.discount + 1)
  return { ...verdict, changes: { ...verdict.changes, order: { ...order, discount } } }
}

function skewShares(verdict: ReturnType<Operation["decide"]>): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  const { order } = verdict.changes
  if (order === undefined || order.lines.length < 2 || order.discount < 2) return verdict
  const lines = order.lines.map((line) => ({ ...line, discount: shifted(Math.floor(order.discount / 2) + 1) }))
  return { ...verdict, changes: { ...verdict.changes, order: { ...order, lines } } }
}

// The first two tickets change places: whoever comes first is given number 2.
function swapTickets(verdict: ReturnType<Operation["decide"]>): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  const { coupon } = verdict.changes
  if (coupon === undefined || coupon.ticket > 2) return verdict
  const ticket = 3 - coupon.ticket
  return {
    ...verdict,
    answer: { ...objectOf(verdict.answer), ticket },
    stored: { ...verdict.stored, ticket },
    changes: { ...verdict.changes, coupon: { ...coupon, ticket } },
    event: { ...verdict.event, data: { ...verdict.event.data, ticket } },
  }
}

function priceAsRegistered(command: Command): Command {
  if (command.operation.name !== "orders.place") return command
  const { operation } = command
  return {
    ...command,
    operation: {
      ...operation,
      decide: (records, request, cause) => {
        const old: typeof records = {
          ...records,
          account: (id) => records.account(id),
          coupon: (campaignId, id) => records.coupon(campaignId, id),
          bucket: (id, hour) => records.bucket(id, hour),
          product: (id) => {
            const product = records.product(id)
            return product && { ...product, price: product.registered.price }
          },
        }
        const verdict = operation.decide(old, request, cause)
        if (verdict._tag !== "Accept") return verdict
        const products = verdict.changes.products?.map((each) => {
          const price = records.product(each.productId)?.price ?? each.price
          return { ...each, price }
        })
        return { ...verdict, changes: { ...verdict.changes, products } }
      },
    },
  }
}
