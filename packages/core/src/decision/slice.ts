/**
 * A slice of a request log is one decision. This file is why a zombie cannot issue.
 *
 * Several processes may hold the same slice: one that was paused for a minute wakes up and still believes that the partition
 * is its own. No lease helps against it, since it may be paused between looking at the lease and writing. What helps is that
 * everything a slice does is ONE commit of the store, and that this commit carries a condition:
 *
 * 1. The decision reads the partition's position, and decides nothing of a slice that begins before it.
 * 2. Its changes are the tickets that it gives, the verdict of each request, and the position behind the slice.
 * 3. The position changes only from the value that was read. Where another process moved it, none of the changes happen, and
 *    the store runs the decision again on what is so by then: rule 1 finds the requests decided, and there is nothing to do.
 *
 * A position that was moved beside the commit, before or after it, would fence the position alone and not the tickets.
 */
import type { Claim, IssuedTicket, Verdict, VerdictOutcome } from "../coupons/Request.ts"
import { requestIdOf } from "../coupons/Request.ts"
import type { Refusal } from "../refusals.ts"
import type { ChangeSet, Puts, PutsOfKind } from "./Changes.ts"
import { type Command, type Decision, erased } from "./Command.ts"
import { type IssueAnswer, issueCall } from "./couponCalls.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { type Decided, fold, keysOfCommands } from "./fold.ts"
import { mapKinds, type RecordOf } from "./kinds.ts"
import { type Keys, keysOf, type Records } from "./Records.ts"
import { storedRefusal } from "./storedRefusal.ts"

/** Requests that follow each other in one partition of a log. */
export interface Slice {
  readonly log: string
  readonly partition: number
  readonly requests: ReadonlyArray<{ readonly offset: number; readonly claim: Claim }>
  /** The offset behind the slice: a place that holds nothing readable is passed over. */
  readonly end: number
}

/** What came of a slice. */
export interface SliceAnswer {
  /** The first offset that is not decided, whoever decided those before it. */
  readonly next: number
  /** What this call decided: nothing where it came late. */
  readonly decided: ReadonlyArray<readonly [Command, Decision]>
}

/** What is special about the decision of a slice. */
export interface SliceTerms {
  /** Refuses all of it without deciding, with the reason: for a request that the store rejects for itself. */
  readonly unfit?: string | undefined
  /** Decides nothing until the position has come so far: for a slice that is sent behind the one that moves it there. */
  readonly notBefore?: number | undefined
}

/** The records that the decision of a slice looks at. */
export const keysOfSlice = (slice: Slice): Keys => keysOf((add) => addKeys(slice, add))

const addKeys = (slice: Slice, add: Parameters<Parameters<typeof keysOf>[0]>[0]): void => {
  const ofCommands = keysOfCommands(slice.requests.map(({ claim }) => commandOf(claim)))
  add("position", [slice.log, slice.partition])
  for (const kind of ["account", "coupon", "campaign", "receipt"] as const) {
    for (const key of ofCommands.of(kind)) add(kind, key)
  }
}

/**
 * Decides a slice, or nothing of it where some of it stands before the position. Pure, so that a store may run it as often as it likes.
 */
export const decideSlice = (
  slice: Slice,
  records: Records,
  { unfit, notBefore = 0 }: SliceTerms = {},
): Decided<SliceAnswer> => {
  const { log, partition, end } = slice
  const before = records.position(log, partition)
  const next = before?.next ?? 0
  // Where it begins before the position, it is to be known first what became of those that were passed over.
  const isPassedOver = next >= end || (slice.requests[0]?.offset ?? next) < next
  if (isPassedOver || next < notBefore) {
    return { answer: { next, decided: [] }, changes: undefined, again: () => undefined }
  }
  const { decided, verdicts, changes, onlyAccepts, restsOnRows } = decideAll(slice, slice.requests, records, unfit)
  const position: Puts["position"] = [{ before, after: { log, partition, next: end }, guard: "exact" }]
  return {
    answer: { next: end, decided },
    changes: withVerdicts(changes, verdicts, position),
    onlyAccepts,
    restsOnRows,
    // A refusal stands beside the position that its commit moves: where anything in between was not as it was read, all of
    // it is decided again, so none is left to be decided for itself.
    again: () => undefined,
  }
}

/** The records that {@link decideMissed} looks at. */
export const keysOfMissed = (slice: Slice): Keys =>
  keysOf((add) => {
    addKeys(slice, add)
    for (const request of slice.requests) add("verdict", [idOf(slice, request)])
  })

/**
 * Decides what of a slice was passed over and has no verdict. A topic that was made anew under its name begins at offset 0 again,
 * where the position says that all is decided. A verdict is written once, in the commit of its tickets, so two who
 * find none cannot both write one.
 */
export const decideMissed = (slice: Slice, records: Records): Decided<SliceAnswer> => {
  const next = records.position(slice.log, slice.partition)?.next ?? 0
  const open = slice.requests.filter((request) => records.verdict(idOf(slice, request)) === undefined)
  if (open.length === 0) return { answer: { next, decided: [] }, changes: undefined, again: () => undefined }
  const { decided, verdicts, changes, restsOnRows } = decideAll(slice, open, records)
  return {
    answer: { next, decided },
    changes: withVerdicts(changes, verdicts, []),
    restsOnRows,
    again: () => undefined,
  }
}

const idOf = ({ log, partition }: Slice, { offset, claim }: Slice["requests"][number]) =>
  requestIdOf({ log, partition, offset }, claim.commandId)

const decideAll = (slice: Slice, open: Slice["requests"], records: Records, unfit?: string) => {
  const commands = open.map(({ claim }) => commandOf(claim))
  const folded = unfit === undefined ? fold(commands, records, 0) : undefined
  const decided = commands.map(
    (command, index) => [command, folded?.answer[index] ?? refusedAs(unfit ?? "It was not decided.")] as const,
  )
  const verdicts = open.map((request, index): Verdict => {
    const [, decision = refusedAs("It was not decided.")] = decided[index] ?? []
    return { requestId: idOf(slice, request), outcome: outcomeOf(decision) }
  })
  const { changes, onlyAccepts, restsOnRows } = folded ?? {}
  return { decided, verdicts, changes, onlyAccepts, restsOnRows }
}

const withVerdicts = (
  changes: ChangeSet | undefined,
  verdicts: ReadonlyArray<Verdict>,
  position: Puts["position"],
): ChangeSet => ({
  puts: {
    ...(changes?.puts ?? mapKinds<PutsOfKind>(() => [])),
    position,
    verdict: verdicts.map((verdict: RecordOf["verdict"]) => ({ before: undefined, after: verdict, guard: "exact" })),
  },
  appends: changes?.appends ?? { entry: [], movement: [], event: [] },
})

/** The command of a claim: the same one, whoever decides it and how often. */
const commandOf = ({ campaignId, accountId, at, commandId, scope, key }: Claim): Command =>
  erased({
    operation: issueCall,
    id: commandId,
    at,
    // It was accepted, and will be decided whenever that is.
    deadline: Number.MAX_SAFE_INTEGER,
    scope,
    key,
    fingerprint: fingerprintOf(issueCall.intention({ campaignId, accountId })),
    request: { campaignId, accountId },
  })

const outcomeOf = (decision: Decision): VerdictOutcome => {
  switch (decision._tag) {
    case "Accepted":
    case "Repeated":
      return { state: "issued", coupon: ticketOf(decision.answer) }
    case "Recalled":
      return { state: "issued", coupon: ticketOf(decision.receipt.answer) }
    case "Refused":
      return { state: "refused", refusal: storedRefusal(decision.refusal) }
    case "Defective":
      return refused("It could not be decided.")
    case "Expired":
      return refused("It was not decided in time.")
  }
}

// biome-ignore lint/plugin/casts: what `coupons.issue` answers and what its receipts keep is this
const ticketOf = (answer: unknown): IssuedTicket => answer as IssueAnswer

const refused = (message: string): VerdictOutcome => ({ state: "refused", refusal: storedRefusal(unfitness(message)) })

const refusedAs = (message: string): Decision => ({ _tag: "Refused", refusal: unfitness(message) })

const unfitness = (message: string): Refusal => ({ _tag: "InvalidInput", issues: [{ pointer: "", message }] })
