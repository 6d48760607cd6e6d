/**
 * What a trial leaves behind, and what every law looks at: who called what and was answered what, and everything that the
 * store held when all had ended.
 */
import type { AuditReport } from "../../audit/AuditReport.ts"
import type { KindName, LedgerName, RecordOf, RowOf } from "../../decision/kinds.ts"
import type { Event } from "../../events/Event.ts"
import type { Refusal } from "../../refusals.ts"
import type { Moment } from "./Moment.ts"
import type { Plan, PlannedCall, Question } from "./Plan.ts"

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
  /** When its time was over, by the clock that only runs forward. */
  readonly endsAt: number
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

/** What a service told. */
export type Told =
  | {
      readonly _tag: "Outcome"
      readonly status: "accepted" | "pending" | "not-found"
      /** Pending because a call may still be on its way, and not because one is. */
      readonly open: boolean
      readonly answer: object | undefined
    }
  /** `paid` undefined where the order was not found. */
  | { readonly _tag: "Order"; readonly orderId: string; readonly paid: number | undefined }
  /** Positions or ids, each with its balance, count or amount paid, in the order of the pages. */
  | { readonly _tag: "Listed"; readonly rows: ReadonlyArray<readonly [position: string, value: number]> }

/** One question of a client that was answered. */
export interface AnsweredQuestion {
  readonly client: number
  readonly question: Question
  readonly start: number
  readonly end: number
  readonly told: Told
}

/** One event as a subscriber got it. */
export interface Delivery {
  readonly event: Event
  readonly owner: string
  /** When the claim that brought it began and ended. */
  readonly start: number
  readonly end: number
}

/** A durable name that was registered while clients were calling. */
export interface LateName {
  readonly start: number
  /** When the store had answered. */
  readonly end: number
  /** What waited for it when everything had ended. */
  readonly eventIds: ReadonlySet<string>
}

/** One try of a handler. */
export interface Handling {
  readonly name: string
  readonly owner: string
  readonly eventId: string
  /** The event's key as it was committed. */
  readonly key: string
  /** Of the lease, as the handler was told it. */
  readonly fence: number
  readonly start: number
  /** When it began, as a clock that only runs forward has it. */
  readonly startMillis: number
  /** Undefined where it was interrupted, or its process ended. */
  end: number | undefined
  ended: "handled" | "failed" | undefined
}

/** An event that a loop reported to the outbox: acknowledged, or parked with a reason. */
export interface Settlement {
  readonly name: string
  readonly owner: string
  readonly fence: number
  readonly eventId: string
  readonly reason: string | undefined
  readonly start: number
  /** When the store said that it is done; undefined where it did not. */
  end: number | undefined
}

/** A batch on its way to the bus. */
export interface Publication {
  readonly eventIds: ReadonlyArray<string>
  readonly start: number
  readonly end: number
  /** Whether the bus answered that it took them. */
  readonly taken: boolean
}

/** A lease as its holder heard of it. Milliseconds are those of a clock that only runs forward. */
export interface Holding {
  readonly name: string
  readonly owner: string
  readonly fence: number
  /** False where it was held before and renewed. */
  readonly fresh: boolean
  readonly askedAt: number
  readonly at: number
  readonly atMillis: number
  /** It holds at least until then, and may until then. */
  readonly certainUntil: number
  readonly until: number
}

/** What the subscriptions of a trial did. */
export interface DeliveryRecord {
  /** Every registered name, and which of them is the relay's. */
  readonly names: ReadonlyArray<string>
  readonly relay: string | undefined
  /** How often an event is tried before it is parked. */
  readonly attempts: number
  readonly handlings: ReadonlyArray<Handling>
  readonly settlements: ReadonlyArray<Settlement>
  /** Leases that were granted and renewed. */
  readonly leases: ReadonlyArray<Holding>
  /** Leases that were given up, by when that was asked. */
  readonly releases: ReadonlyArray<{ readonly name: string; readonly fence: number; readonly at: number }>
  /** Claimed events by the end of their claim. */
  readonly claims: ReadonlyArray<{
    readonly name: string
    readonly owner: string
    readonly at: number
    readonly eventId: string
  }>
  readonly publications: ReadonlyArray<Publication>
  /** What was parked when all had settled, before it was delivered again. */
  readonly parked: ReadonlyArray<{ readonly name: string; readonly eventId: string; readonly reason: string }>
  /** When parked events were asked for again. */
  readonly redeliveredAt: number | undefined
  /** Events that still waited, by name, when nothing moved any more. */
  readonly waiting: ReadonlyMap<string, number>
  /** Units sold by product, as a consumer of the bus counted them. */
  readonly counted: ReadonlyMap<string, number>
}

/** Every record and row of the trial. */
export interface Snapshot {
  readonly records: { readonly [K in KindName]: ReadonlyArray<RecordOf[K]> }
  readonly rows: { readonly [L in LedgerName]: ReadonlyArray<RowOf[L]> }
}

export interface TrialRecord {
  readonly plan: Plan
  readonly ops: ReadonlyArray<Op>
  readonly reads: ReadonlyArray<ReadOp>
  readonly asked: ReadonlyArray<AnsweredQuestion>
  readonly deliveries: ReadonlyArray<Delivery>
  /** Events that an owner without the lease was given or could settle. */
  readonly intrusions: ReadonlyArray<string>
  readonly lateNames: ReadonlyArray<LateName>
  /** Whether the store was ended as by a crash and opened again before the snapshot was read. */
  readonly reopened: boolean
  /** Where the plan has subscriptions. */
  readonly delivery: DeliveryRecord | undefined
  readonly snapshot: Snapshot
  readonly audit: AuditReport
  /**
   * What the popular list answered in the end for several windows, a recount of the orders by the same definition, and
   * the sums of the hourly buckets.
   */
  readonly top: {
    readonly listed: ReadonlyArray<string>
    readonly recounted: ReadonlyArray<string>
    readonly summed: ReadonlyArray<string>
  }
  /** When each accepted command was last decided, by command id. */
  readonly decidedAt: ReadonlyMap<string, Moment>
  /** Commands of which the store said each time that nothing happened, by id. */
  readonly denied: ReadonlySet<string>
  /** Calls whose requests went on without their callers, by operation and key. */
  readonly outlived: ReadonlySet<string>
  /** Which faults found something to disturb. */
  readonly faultsMet: ReadonlyArray<string>
}

/** What was seen of a trial while it ran: all there is of one that came to no end. */
export interface Glimpse {
  readonly ops: Array<Op>
  readonly reads: Array<ReadOp>
  /** Calls that are under way, by client. */
  readonly asked: Map<number, { readonly start: number; readonly calls: ReadonlyArray<PlannedCall> }>
  /** How much has happened: the next position in the trial's one order of events. */
  position: number
}

export const newGlimpse = (): Glimpse => ({ ops: [], reads: [], asked: new Map(), position: 0 })
