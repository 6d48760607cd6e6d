/**
 * How laws look at a trial: calls by name and answer, ledgers with the calls that wrote them, and what must have been
 * true at some moment while a call was under way.
 */
import type { CheckId } from "../../audit/AuditReport.ts"
import type { Refusal, RefusalTag } from "../../refusals.ts"
import { keyText } from "../../values.ts"
import type { Operation } from "../lin/History.ts"
import { windowsOf } from "../lin/witnessed.ts"
import type { Op, ReadOp, TrialRecord } from "../trial/Trial.ts"
import { broken, type Violation } from "./Law.ts"

/** True where the call, or an earlier one of the same key, happened as far as its caller knows. */
const succeeded = ({ reply }: Op): boolean => reply._tag === "Accepted" || reply._tag === "Replayed"

/** True where the caller was told for certain that nothing happened. */
export const saidNothingHappened = ({ reply }: Op): boolean =>
  reply._tag === "Refused" ||
  (reply._tag === "Unavailable" && reply.outcome === "nothing-happened") ||
  (reply._tag === "Left" && !reply.taken)

export const callsOf = ({ ops }: TrialRecord, ...names: ReadonlyArray<string>): ReadonlyArray<Op> =>
  ops.filter(({ planned }) => names.includes(planned.call))

/** The refusal of a call with a given tag. */
export const refusalOf = <Tag extends RefusalTag>({ reply }: Op, tag: Tag): Refusal<Tag> | undefined => {
  if (reply._tag !== "Refused" || reply.refusal._tag !== tag) return undefined
  // biome-ignore lint/plugin/casts: the tag tells the refusal
  return reply.refusal as Refusal<Tag>
}

export const refusedWith =
  (tag: RefusalTag) =>
  ({ ops }: TrialRecord): boolean =>
    ops.some((op) => refusalOf(op, tag) !== undefined)

/** A field of an answer. */
export const fieldOf = (answer: object, field: string): unknown => Reflect.get(answer, field)

/** The answer of a call that succeeded. */
export const answerOf = ({ reply }: Op): object | undefined =>
  reply._tag === "Accepted" || reply._tag === "Replayed" ? reply.answer : undefined

/** True where two of these calls were under way at once. */
export const overlap = (ops: ReadonlyArray<Op>): boolean =>
  ops.some((left, index) =>
    ops
      .slice(index + 1)
      .some((right) => left.start !== right.start && left.start <= right.end && right.start <= left.end),
  )

/** The first violation that the audit found by one of these checks. */
export const audited = ({ audit }: TrialRecord, ...ids: ReadonlyArray<CheckId>): Violation | undefined => {
  for (const { id, title, examples, violations } of audit.checks) {
    const [example] = examples
    if (violations === 0 || example === undefined || !ids.includes(id)) continue
    const { key, expected, found, note = "" } = example
    const numbers = `expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`
    return broken(`${title}: ${keyText(key).replaceAll("\u0000", " ")}: ${numbers}. ${note}`.trim())
  }
  return undefined
}

/** One position of a ledger. */
interface Position {
  readonly owner: string
  readonly position: number
  readonly counter: number
  readonly commandId: string
}

export interface Ledger {
  readonly owner: string
  readonly positions: ReadonlyArray<Position>
  /** The call that wrote each position. */
  readonly ops: ReadonlyArray<Op>
}

/** Looks once at each trial: a dozen laws ask for the same. */
export const once = <A>(look: (trial: TrialRecord) => A): ((trial: TrialRecord) => A) => {
  const seen = new WeakMap<TrialRecord, A>()
  return (trial) => {
    const known = seen.get(trial)
    if (known !== undefined) return known
    const found = look(trial)
    seen.set(trial, found)
    return found
  }
}

/** Point ledgers by account: counter is the balance. */
export const pointLedgers: (trial: TrialRecord) => ReadonlyArray<Ledger> = once((trial) =>
  ledgersOf(
    trial,
    trial.snapshot.rows.entry.map(({ accountId, seq, balance, commandId }) => ({
      owner: accountId,
      position: seq,
      counter: balance,
      commandId,
    })),
  ),
)

/** Stock ledgers by product: counter is what is on hand. */
export const stockLedgers: (trial: TrialRecord) => ReadonlyArray<Ledger> = once((trial) =>
  ledgersOf(
    trial,
    trial.snapshot.rows.movement.map(({ productId, revision, onHand, commandId }) => ({
      owner: productId,
      position: revision,
      counter: onHand,
      commandId,
    })),
  ),
)

/** Tickets by campaign: counter is how many were issued. */
export const ticketLists: (trial: TrialRecord) => ReadonlyArray<Ledger> = once((trial) =>
  ledgersOf(
    trial,
    trial.snapshot.records.coupon.map(({ campaignId, ticket, commandId }) => ({
      owner: campaignId,
      position: ticket,
      counter: ticket,
      commandId,
    })),
  ),
)

const ledgersOf = ({ ops }: TrialRecord, rows: ReadonlyArray<Position>): ReadonlyArray<Ledger> => {
  const byCommand = new Map(ops.map((op) => [op.commandId, op]))
  return Array.from(
    Map.groupBy(rows, ({ owner }) => owner),
    ([owner, unsorted]) => {
      const positions = unsorted.toSorted((left, right) => left.position - right.position)
      return { owner, positions, ops: positions.flatMap(({ commandId }) => byCommand.get(commandId) ?? []) }
    },
  )
}

/** Positions that contradict real time: somebody who was answered before another one called stands behind it. */
export const outOfOrder = (ledgers: ReadonlyArray<Ledger>, what: string): Violation | undefined => {
  for (const { owner, ops } of ledgers) {
    let latest: Op | undefined
    for (const [index, op] of ops.entries()) {
      if (latest !== undefined && endOf(op) < latest.start) {
        const message = `${what} ${index + 1} of ${owner} was answered before an earlier one was asked for.`
        return broken(message, op, latest)
      }
      if (latest === undefined || op.start > latest.start) latest = op
    }
  }
  return undefined
}

const endOf = (op: Op): number =>
  op.reply._tag === "Accepted" || op.reply._tag === "Replayed" ? op.end : Number.POSITIVE_INFINITY

/** The counters that were current at some moment during an interval, the first one before anything was written: `init`. */
export const countersDuring = (
  ledger: Ledger | undefined,
  { start, end }: Pick<Op, "start" | "end">,
  init: number,
): ReadonlyArray<number> => {
  if (ledger === undefined) return [init]
  const operations = ledger.ops.map(
    (op): Operation<null, null> => ({
      lane: op.client,
      input: null,
      start: op.start,
      outcome: succeeded(op) ? { _tag: "Known", output: null, end: op.end } : { _tag: "Unknown" },
    }),
  )
  const asked: Operation<null, null> = { lane: 0, input: null, start, outcome: { _tag: "Known", output: null, end } }
  const { from, until } = windowsOf(operations)(asked)
  return [init, ...ledger.positions.map(({ counter }) => counter)].slice(from, until + 1)
}

/** A read that saw a position and counter that were not current at any moment during it. */
export const staleRead = (
  { reads }: TrialRecord,
  ledgers: ReadonlyArray<Ledger>,
  what: ReadOp["what"],
): Violation | undefined => {
  const byOwner = new Map(ledgers.map((ledger) => [ledger.owner, ledger]))
  for (const read of reads) {
    if (read.what !== what || read.seen === undefined) continue
    const { position, counter } = read.seen
    const owner = Array.from(byOwner.keys()).find((each) => each.endsWith(`-${read.id}`))
    const ledger = owner === undefined ? undefined : byOwner.get(owner)
    const counters = [0, ...(ledger?.positions.map((each) => each.counter) ?? [])]
    if (counters[position] !== counter) {
      return broken(
        `A read of ${what} ${read.id} saw ${counter} at position ${position}; there it was ${counters[position]}.`,
      )
    }
    const current = countersDuring(withPositions(ledger), read, 0)
    if (!current.includes(position)) {
      return broken(
        `A read of ${what} ${read.id} saw position ${position}; while it ran it was ${current.join(" or ")}.`,
      )
    }
  }
  return undefined
}

const withPositions = (ledger: Ledger | undefined): Ledger | undefined =>
  ledger && { ...ledger, positions: ledger.positions.map((each) => ({ ...each, counter: each.position })) }

/** True where a command left anything in the store. */
export const leftTraces = ({ snapshot, deliveries }: TrialRecord, commandId: string): boolean =>
  snapshot.records.receipt.some((each) => each.commandId === commandId) ||
  snapshot.rows.entry.some((each) => each.commandId === commandId) ||
  snapshot.rows.movement.some((each) => each.commandId === commandId) ||
  snapshot.records.coupon.some((each) => each.commandId === commandId) ||
  snapshot.records.order.some((each) => each.orderId === commandId || each.closed?.commandId === commandId) ||
  deliveries.some(({ event }) => event.id === commandId)
