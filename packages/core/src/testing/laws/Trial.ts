/**
 * What a trial leaves behind, and what every law looks at: who called what and was answered what, and everything that the
 * store held when all had ended.
 */
import type { AuditReport } from "../../audit/AuditReport.ts"
import type { KindName, LogName, RecordOf, RowOf } from "../../decision/kinds.ts"
import type { Event } from "../../events/Event.ts"
import type { Refusal } from "../../refusals.ts"
import type { Plan, PlannedCall } from "./Plan.ts"

/** How a call ended for its caller. */
export type Reply =
  /** It happened, now or when the same command's first answer was lost. `answer` as the operation answers it. */
  | { readonly _tag: "Accepted"; readonly answer: object }
  /** It had happened before, under the same key or because it was so already. */
  | { readonly _tag: "Replayed"; readonly answer: object }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  | { readonly _tag: "Unavailable"; readonly what: string; readonly outcome: "nothing-happened" | "unknown" }
  /** The caller left. `taken` where it had already been handed to the store by then. */
  | { readonly _tag: "Left"; readonly taken: boolean }
  /** The caller's process ended. */
  | { readonly _tag: "Crashed" }
  | { readonly _tag: "Defect"; readonly message: string }

/** One call of a client. Positions in the trial's one order of events; closed intervals. */
export interface Op {
  readonly client: number
  readonly planned: PlannedCall
  readonly commandId: string
  /** The idempotency key: the caller's, or the command's id. */
  readonly key: string
  readonly fingerprint: string
  readonly at: number
  readonly deadline: number
  /** Whether it is a call made again after its caller's process ended, under the same key. */
  readonly again: boolean
  readonly start: number
  readonly end: number
  readonly reply: Reply
}

/** One read of a client. */
export interface ReadOp {
  readonly client: number
  readonly what: "account" | "product" | "campaign"
  readonly id: string
  readonly start: number
  readonly end: number
  /** The position that was seen (seq, revision, issued) and the counter there; undefined where nothing was found. */
  readonly seen: { readonly position: number; readonly counter: number } | undefined
}

/** One event as a subscriber got it. */
export interface Delivery {
  readonly event: Event
  readonly owner: string
  /** When the claim that brought it began and ended. */
  readonly start: number
  readonly end: number
}

/** Every record and row of the trial. */
export interface Snapshot {
  readonly records: { readonly [K in KindName]: ReadonlyArray<RecordOf[K]> }
  readonly rows: { readonly [L in Exclude<LogName, "event">]: ReadonlyArray<RowOf[L]> }
}

export interface TrialRecord {
  readonly plan: Plan
  readonly ops: ReadonlyArray<Op>
  readonly reads: ReadonlyArray<ReadOp>
  readonly deliveries: ReadonlyArray<Delivery>
  /** Events that an owner without the lease was given or could settle. */
  readonly intrusions: ReadonlyArray<string>
  readonly snapshot: Snapshot
  readonly audit: AuditReport
  /** What the popular list answered in the end, and a recount of the orders by the same definition. */
  readonly top: { readonly listed: ReadonlyArray<string>; readonly recounted: ReadonlyArray<string> }
  /** When each accepted command was last decided, milliseconds since 1970, by command id. */
  readonly decidedAt: ReadonlyMap<string, number>
  /** Which faults found something to disturb. */
  readonly faultsMet: ReadonlyArray<string>
}

/** What was seen of a trial while it ran: all there is of one that came to no end. */
export interface Glimpse {
  readonly ops: Array<Op>
  readonly reads: Array<ReadOp>
  /** Calls that are under way, by client. */
  readonly asked: Map<number, { readonly start: number; readonly calls: ReadonlyArray<PlannedCall> }>
}

export const newGlimpse = (): Glimpse => ({ ops: [], reads: [], asked: new Map() })
