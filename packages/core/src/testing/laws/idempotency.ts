/**
 * Laws of idempotency, deadlines and withdrawal, and of things that do not exist yet.
 */
import { digest } from "../sim/digest.ts"
import type { Op, TrialRecord } from "../trial/Trial.ts"
import { retries, shop, waits } from "../workloads/faulty.ts"
import { outlived } from "../workloads/outlived.ts"
import { beginnings } from "../workloads/pairs.ts"
import {
  answerOf,
  audited,
  callsOf,
  fieldOf,
  leftTraces,
  overlap,
  refusalOf,
  refusedWith,
  saidNothingHappened,
} from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

const receiptOf = ({ snapshot }: TrialRecord, { planned, key }: Op) =>
  snapshot.records.receipt.find((each) => each.operation === planned.call && each.key === key)

// A store keeps JSON, which knows no fields without a value, and may keep fields in another order.
const sameAnswer = (left: object, right: object): boolean => {
  const [one, other] = [JSON.stringify(left), JSON.stringify(right)]
  return one === other || digest(JSON.parse(one)) === digest(JSON.parse(other))
}

/** An earlier call of the same client and key that ended without an answer. (A process that ends takes with it what it knew.) */
const isOpenBefore = (earlier: Op, { client, start, planned, key }: Op): boolean =>
  earlier.client === client &&
  earlier.end < start &&
  earlier.planned.call === planned.call &&
  earlier.key === key &&
  earlier.reply._tag === "Unavailable"

const replyWasLost = ({ faultsMet }: TrialRecord): boolean => faultsMet.includes("lose-reply")

export const idempotencyLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "IDM-01",
    level: "MUST",
    title: "However often and from wherever a key is used, it takes effect once",
    why: "Phones retry, proxies retry, people press twice.",
    workload: retries,
    check: (trial) => {
      const keyed = Map.groupBy(trial.ops, ({ planned, key }) => `${planned.call} ${key}`)
      for (const [key, ops] of keyed) {
        const effective = ops.filter(({ commandId }) => leftTraces(trial, commandId))
        if (effective.length > 1) return broken(`${key} took effect ${effective.length} times.`, ...effective)
      }
      return undefined
    },
    sometimes: {
      "equal keys at once": ({ ops }) => overlap(ops.filter(({ key }) => key === "charge")),
      "a retry after a lost reply": replyWasLost,
    },
  }),
  defineLaw({
    id: "IDM-02",
    level: "MUST",
    title: "A repeat is answered what the first was answered",
    why: "A retry is a question about the past.",
    workload: retries,
    check: (trial) => {
      for (const op of trial.ops) {
        const answer = answerOf(op)
        const receipt = receiptOf(trial, op)
        if (answer === undefined || receipt === undefined) continue
        const isOrder = op.planned.call.startsWith("orders.")
        const same = isOrder
          ? fieldOf(answer, "orderId") === receipt.answer.orderId
          : sameAnswer(answer, receipt.answer)
        if (!same) return broken(`Answered ${digest(answer)}; the receipt says ${digest(receipt.answer)}.`, op)
      }
      return undefined
    },
    sometimes: { "a repeat": ({ ops }) => ops.some(({ reply }) => reply._tag === "Replayed") },
  }),
  defineLaw({
    id: "IDM-03",
    level: "MUST",
    title: "The same key with another intention is refused, and with the same intention never",
    why: "Otherwise a bug in a client buys the wrong thing, or is told that somebody else's order is its own.",
    workload: retries,
    check: (trial) => {
      for (const op of trial.ops) {
        const receipt = receiptOf(trial, op)
        if (receipt === undefined) continue
        if (answerOf(op) !== undefined && receipt.fingerprint !== op.fingerprint) {
          return broken("Another intention under the same key was answered as done.", op)
        }
        if (refusalOf(op, "IdempotencyKeyReused") !== undefined && receipt.fingerprint === op.fingerprint) {
          return broken("The same intention was refused as another one.", op)
        }
      }
      return undefined
    },
    sometimes: { "a key was reused": refusedWith("IdempotencyKeyReused") },
  }),
  defineLaw({
    id: "IDM-04",
    level: "MUST",
    title: "Every change has its receipt and every receipt its change",
    why: "A change without receipt happens again at the next retry; a receipt without change loses it.",
    workload: retries,
    check: (trial) =>
      audited(
        trial,
        "account-receipts",
        "product-receipts",
        "campaign-receipts",
        "entry-receipts",
        "movement-receipts",
        "coupon-receipts",
        "revoke-receipts",
        "order-receipts",
        "close-receipts",
      ),
    sometimes: { "a reply was lost": replyWasLost },
  }),
  defineLaw({
    id: "IDM-05",
    level: "MUST",
    title: "Where a caller is told that nothing happened, nothing happened",
    why: "A lost reply reported as a refusal makes the caller try something else, and both happen.",
    workload: retries,
    check: (trial) => {
      const lied = trial.ops.find((op) => saidNothingHappened(op) && leftTraces(trial, op.commandId))
      if (lied !== undefined) return broken(`Answered ${JSON.stringify(lied.reply)}, and it happened.`, lied)
      // An engine tries again what it is told did nothing, and mends with the receipt what the store had said wrongly.
      const denied = trial.snapshot.records.receipt.find(({ commandId }) => trial.denied.has(commandId))
      const op = trial.ops.find(({ commandId }) => commandId === denied?.commandId)
      return (
        denied && broken(`${denied.operation} happened, of which the store said that nothing did.`, ...(op ? [op] : []))
      )
    },
    sometimes: { "a reply was lost": replyWasLost },
  }),
  defineLaw({
    id: "IDM-06",
    level: "MUST",
    title: "What was acknowledged is kept, whatever ends afterwards",
    why: "An answer before the commit is a promise that a crash breaks.",
    workload: shop,
    check: (trial) => {
      const lost = trial.ops.find((op) => {
        if (op.reply._tag !== "Accepted") return false
        return receiptOf(trial, op)?.commandId !== op.commandId
      })
      return lost && broken("It was acknowledged, and its receipt is not there.", lost)
    },
    sometimes: {
      "a process ended": ({ faultsMet }) => faultsMet.some((each) => each.startsWith("crash")),
    },
  }),
  defineLaw({
    id: "IDM-07",
    level: "MUST",
    title: "Nothing happens that nobody asked for",
    why: "A retry that is a command of its own buys twice, and no key shows it.",
    workload: retries,
    check: ({ ops, snapshot }) => {
      const asked = new Set(ops.map(({ commandId }) => commandId))
      const unasked = snapshot.records.receipt.find(({ commandId }) => !asked.has(commandId))
      return unasked && broken(`${unasked.operation} ${unasked.commandId} happened, and no caller sent it.`)
    },
    sometimes: { "a retry after a lost reply": replyWasLost },
  }),
  defineLaw({
    id: "IDM-08",
    level: "MUST",
    title: "What was refused never happens, also where an earlier try of it was cut off and goes on without its caller",
    why: "A session outlives its client; a caller who was refused has bought elsewhere when it commits.",
    workload: outlived,
    check: (trial) => {
      for (const op of trial.ops) {
        // A key that was used for something else can do no more.
        if (op.reply._tag !== "Refused" || op.reply.refusal._tag === "IdempotencyKeyReused") continue
        const late = trial.ops.find(
          (other) => (other === op || isOpenBefore(other, op)) && leftTraces(trial, other.commandId),
        )
        if (late !== undefined) return broken(`${op.planned.call} ${op.key} was refused, and it happened.`, op, late)
      }
      return undefined
    },
    sometimes: {
      "a request went on without its caller": ({ outlived: cutOff }) => cutOff.size > 0,
      "a call was refused after an earlier try of it was cut off": ({ ops, outlived: cutOff }) =>
        ops.some(({ reply, planned, key }) => reply._tag === "Refused" && cutOff.has(`${planned.call} ${key}`)),
    },
  }),
]

export const deadlineLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "DLN-01",
    level: "MUST",
    title: "Nothing is decided after its deadline",
    why: "The caller has given up and may have bought elsewhere.",
    workload: waits,
    check: ({ ops, decidedAt }) => {
      for (const op of ops) {
        const decided = decidedAt.get(op.commandId)
        if (decided === undefined) continue
        const late = Math.max(decided.at - op.deadline, decided.elapsed - op.endsAt)
        if (late > 0) return broken(`Decided ${late} ms after its deadline.`, op)
      }
      return undefined
    },
    sometimes: {
      "a deadline passed": ({ ops }) =>
        ops.some(({ reply }) => reply._tag === "Unavailable" && reply.what === "DeadlineExceeded"),
    },
  }),
  defineLaw({
    id: "DLN-02",
    level: "MUST",
    title: "What was not decided in time, or whose caller left before it was taken, never happens",
    why: "An order that comes true after its caller was told otherwise is a complaint.",
    workload: waits,
    check: (trial) => {
      const lied = trial.ops.find(
        (op) => op.reply._tag !== "Refused" && saidNothingHappened(op) && leftTraces(trial, op.commandId),
      )
      return lied && broken(`Answered ${JSON.stringify(lied.reply)}, and it happened.`, lied)
    },
    sometimes: {
      "a caller left in time": ({ ops }) => ops.some(({ reply }) => reply._tag === "Left" && !reply.taken),
      "a key was busy": ({ faultsMet }) => faultsMet.includes("busy"),
    },
  }),
  defineLaw({
    id: "DLN-03",
    level: "MUST",
    title: "A call that was taken and abandoned leaves all of its traces or none",
    why: "Closing a browser must not leave half an order.",
    workload: waits,
    check: (trial) =>
      audited(trial, "order-spends", "order-sales", "order-receipts", "entry-receipts", "movement-receipts"),
    sometimes: {
      "a caller left too late": ({ ops }) => ops.some(({ reply }) => reply._tag === "Left" && reply.taken),
    },
  }),
]

const creations = ["points.open", "stock.register", "coupons.createCampaign"] as const

export const absenceLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "ABS-01",
    level: "MUST",
    title: "What several create at once is created once",
    why: "An insert that overwrites loses what the first one already held.",
    workload: beginnings,
    check: (trial) => {
      for (const name of creations) {
        const made = new Set<string>()
        for (const op of callsOf(trial, name)) {
          if (op.reply._tag !== "Accepted") continue
          const { accountId, productId, campaignId } = op.planned.input
          const what = `${name} ${accountId ?? productId ?? campaignId}`
          if (made.has(what)) return broken(`${what} was accepted twice.`, op)
          made.add(what)
        }
      }
      return audited(trial, "account-receipts", "product-receipts", "campaign-receipts", "account-balance")
    },
    sometimes: { "the same made by two at once": (trial) => overlap(callsOf(trial, "stock.register")) },
  }),
  defineLaw({
    id: "ABS-02",
    level: "MUST",
    title: "Who comes second with another definition is told the existing one",
    why: "Set-up runs twice on purpose; only a difference is worth a person's time.",
    workload: beginnings,
    check: (trial) => {
      for (const op of callsOf(trial, "stock.register")) {
        const refusal = refusalOf(op, "ProductAlreadyExists")
        if (refusal === undefined) continue
        const product = trial.snapshot.records.product.find(({ productId }) => productId === refusal.existing.productId)
        if (product?.registered.price !== refusal.existing.price) {
          return broken(
            `Told of a price of ${refusal.existing.price}; it was registered with ${product?.registered.price}.`,
            op,
          )
        }
      }
      return undefined
    },
    sometimes: { "another definition was refused": refusedWith("ProductAlreadyExists") },
  }),
]
