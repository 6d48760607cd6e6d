/**
 * Laws of what the services tell: outcomes, orders, pages.
 */
import { digest } from "../sim/digest.ts"
import type { AnsweredQuestion, Op, Told, TrialRecord } from "../trial/Trial.ts"
import { outlived } from "../workloads/outlived.ts"
import { questions } from "../workloads/questions.ts"
import { fieldOf, type Ledger, leftTraces, pointLedgers, stockLedgers } from "./evidence.ts"
import { broken, defineLaw, type Law, type Violation } from "./Law.ts"

type Of<Tag extends Told["_tag"]> = AnsweredQuestion & { readonly told: Extract<Told, { readonly _tag: Tag }> }

const toldOf = <Tag extends Told["_tag"]>({ asked }: TrialRecord, tag: Tag): ReadonlyArray<Of<Tag>> =>
  asked.filter((each): each is Of<Tag> => each.told._tag === tag)

const asJson = (answer: object): unknown => JSON.parse(JSON.stringify(answer))

const happened = ({ reply }: Op): boolean => reply._tag === "Accepted" || reply._tag === "Replayed"

const statusTold =
  (status: "accepted" | "pending" | "not-found") =>
  (trial: TrialRecord): boolean =>
    toldOf(trial, "Outcome").some(({ told }) => told.status === status)

export const serviceLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "SRV-01",
    level: "MUST",
    title: "The outcome of a key is what became of its calls: never unknown once it was answered, never made up",
    why: "It is asked exactly when the answer was lost, and decides whether somebody pays again.",
    workload: questions,
    check: (trial) => {
      for (const { question, told, start, end } of toldOf(trial, "Outcome")) {
        if (question.what !== "outcome") continue
        const { call, key } = question
        const calls = trial.ops.filter((op) => op.planned.call === call && op.key === key)
        const receipt = trial.snapshot.records.receipt.find((each) => each.operation === call && each.key === key)
        if (told.status === "accepted") {
          const wrong =
            told.answer === undefined || receipt === undefined || !tellsOf(call, told.answer, receipt.answer)
          if (wrong) return broken(`The outcome of ${call} ${key} was told as ${digest(told.answer)}.`)
          continue
        }
        const known = calls.find((op) => happened(op) && op.end < start)
        if (known !== undefined)
          return broken(`The outcome of ${call} ${key} was ${told.status} after its answer.`, known)
        if (told.status === "pending" && !told.open && !calls.some((op) => op.start < end)) {
          return broken(`${call} ${key} was said to be pending, and nobody had called it.`)
        }
      }
      return undefined
    },
    // That a call is on its way is told as well, but a fast store that is run live need never be caught at it.
    sometimes: { "it had happened": statusTold("accepted"), "nothing had happened": statusTold("not-found") },
  }),
  defineLaw({
    id: "SRV-02",
    level: "MUST",
    title: "An order that was answered is found by whoever asks for it afterwards, as it was paid",
    why: "The page after the purchase shows it.",
    workload: questions,
    check: (trial) => {
      for (const { told } of toldOf(trial, "Order")) {
        const order = trial.snapshot.records.order.find(({ orderId }) => orderId === told.orderId)
        if (told.paid === undefined || told.paid !== order?.paid) {
          return broken(`Order ${told.orderId} was answered, and then shown with ${told.paid} paid.`)
        }
      }
      return undefined
    },
    sometimes: { "an order was looked up": (trial) => toldOf(trial, "Order").length > 0 },
  }),
  defineLaw({
    id: "SRV-03",
    level: "MUST",
    title: "Pages neither skip nor repeat a line, and show all that was answered before the first, while others write",
    why: "Statements and exports are read page by page on busy days.",
    workload: questions,
    check: (trial) => {
      for (const asked of toldOf(trial, "Listed")) {
        const wrong = asked.question.what === "list" ? misread(trial, asked, asked.question) : undefined
        if (wrong !== undefined) return wrong
      }
      return undefined
    },
    sometimes: {
      "something was written while pages were turned": (trial) =>
        toldOf(trial, "Listed").some(({ start, end }) => trial.ops.some((op) => op.end > start && op.end < end)),
    },
  }),
  defineLaw({
    id: "SRV-04",
    level: "MUST",
    title: "Where a key is told not to be found, no call of it that had ended before ever happens",
    why: "Whoever hears that nothing happened buys somewhere else.",
    workload: outlived,
    check: (trial) => {
      for (const { question, told, start } of toldOf(trial, "Outcome")) {
        if (question.what !== "outcome" || told.status !== "not-found") continue
        const { call, key } = question
        const late = trial.ops.find(
          (op) => op.planned.call === call && op.key === key && op.end < start && leftTraces(trial, op.commandId),
        )
        if (late !== undefined) return broken(`${call} ${key} was told not to be found, and it happened.`, late)
      }
      return undefined
    },
    sometimes: {
      "a call was asked for that had been cut off": (trial) =>
        toldOf(trial, "Outcome").some(
          ({ question }) => question.what === "outcome" && trial.outlived.has(`${question.call} ${question.key}`),
        ),
      "nothing had happened": statusTold("not-found"),
    },
  }),
]

const tellsOf = (call: string, told: object, kept: object): boolean =>
  call.startsWith("orders.")
    ? fieldOf(told, "orderId") === fieldOf(kept, "orderId")
    : // Dates are told as dates and kept as milliseconds: what both have as they are must be the same.
      Object.entries(asJson(kept) ?? {}).every(
        ([field, value]) => field.endsWith("At") || digest(fieldOf(told, field)) === digest(value),
      )

type ListQuestion = Extract<AnsweredQuestion["question"], { readonly what: "list" }>

const misread = (trial: TrialRecord, { told, start }: Of<"Listed">, question: ListQuestion): Violation | undefined => {
  const { of, id, order } = question
  const rows = order === "newest-first" ? told.rows.toReversed() : told.rows
  const list = `${of} of ${id}, ${order},`
  const [first] = rows
  if (of === "orders") {
    const repeated = rows.find(([orderId], index) => rows.findIndex(([earlier]) => earlier === orderId) < index)
    if (repeated !== undefined) return broken(`The ${list} showed ${repeated[0]} twice.`)
    const missing = notListed(trial, id, rows, start)
    return missing && broken(`The ${list} left out an order that had been answered.`, missing)
  }
  const ledger = (of === "entries" ? pointLedgers(trial) : stockLedgers(trial)).find(({ owner }) =>
    owner.endsWith(`-${id}`),
  )
  if (first !== undefined && first[0] !== "1") return broken(`The ${list} began at ${first[0]}.`)
  const odd = rows.find(
    ([position, value], index) => Number(position) !== index + 1 || ledger?.positions[index]?.counter !== value,
  )
  if (odd !== undefined) return broken(`The ${list} showed position ${odd[0]} with ${odd[1]} in the wrong place.`)
  const least = answeredBefore(ledger, start)
  return rows.length < least
    ? broken(`The ${list} ended at ${rows.length}; ${least} had been answered before.`)
    : undefined
}

/** An order of an account that was answered before a moment, and is not among these. */
const notListed = (trial: TrialRecord, accountId: string, rows: Of<"Listed">["told"]["rows"], at: number) =>
  trial.ops.find(
    ({ planned, reply, end }) =>
      planned.call === "orders.place" &&
      planned.input.accountId === accountId &&
      reply._tag === "Accepted" &&
      end < at &&
      !rows.some(([orderId]) => orderId === fieldOf(reply.answer, "orderId")),
  )

/** The last position of a ledger whose writer had been answered. */
const answeredBefore = (ledger: Ledger | undefined, at: number): number => {
  const ops = new Map(ledger?.ops.map((op) => [op.commandId, op]))
  return Math.max(
    0,
    ...(ledger?.positions ?? []).map(({ commandId, position }) => {
      const op = ops.get(commandId)
      return op !== undefined && happened(op) && op.end < at ? position : 0
    }),
  )
}
