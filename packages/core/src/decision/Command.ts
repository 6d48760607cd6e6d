/**
 * A command: one caller's intention, decoded, stamped with everything that makes deciding it repeatable.
 *
 * A retry of a command, by whatever layer, is the same command: same id, time, key and fingerprint.
 */
import type { Event, EventData, EventType } from "../events/Event.ts"
import type { Refusal } from "../refusals.ts"
import type { AccountId, CampaignId, Cause, CommandId, IdempotencyKey, Key, Scope } from "../values.ts"
import type { Changes } from "./Changes.ts"
import type { KindName } from "./kinds.ts"
import type { Receipt, Stored } from "./Receipt.ts"
import type { Records } from "./Records.ts"

export interface Command<Request = unknown> extends Cause {
  readonly operation: Operation<Request>
  /** Unique, sorts by time. Also the id of the command's event and, for `orders.place`, of the order. */
  readonly id: CommandId
  /** When it was admitted, milliseconds since 1970: the only time that rules see. */
  readonly at: number
  /** It is never decided after this moment, milliseconds since 1970. */
  readonly deadline: number
  readonly scope: Scope
  /** The caller's key, or the command's id where the caller gave none. */
  readonly key: IdempotencyKey
  readonly fingerprint: string
  readonly request: Request
}

/**
 * A command of any operation. Those who move commands look into none of them; each operation gets its own request back.
 */
export const erased = <Request>(command: Command<Request>): Command =>
  // biome-ignore lint/plugin/casts: an operation is only ever called with the request of its own command
  command as unknown as Command

/**
 * What one call of the API means: pure, and all that the fold and the engine know of it.
 *
 * `Request` is the normalised input. `Answer` is what an acceptance is answered with.
 */
export interface Operation<Request = unknown, Answer = unknown, R extends Refusal = Refusal> {
  /** Group and call: `orders.place`. Receipts and metrics are kept under it. */
  readonly name: string
  /** The intention as canonical JSON value: object keys sorted, absent options undefined, no time, no metadata. */
  readonly intention: (request: Request) => Stored
  /** The records that the decision looks at. The receipt's key is added by the fold. */
  readonly keys: (request: Request, add: (kind: KindName, key: Key) => void, at: number) => void
  /** The one hot counter that the command positions itself on: such commands keep to one lane. */
  readonly lane: (request: Request) => string | undefined
  /** What it claims of a campaign, for operations that do. Such a command may be refused by a seal. */
  readonly claim?: (request: Request) => { readonly campaignId: CampaignId; readonly accountId: AccountId }
  /** The host's own commands have a reserved share of the queue, so that a flood cannot lock the operator out. */
  readonly operator: boolean
  readonly decide: (records: Records, request: Request, cause: Cause) => Verdict<Answer, R>
}

/** What an operation decides about a command that has no receipt yet. */
type Verdict<Answer, R extends Refusal> =
  | {
      readonly _tag: "Accept"
      readonly answer: Answer
      /** What the receipt keeps of the answer. */
      readonly stored: Stored
      readonly changes: Changes
      readonly event: EventOf
    }
  /** It is so already: success, and nothing to change. */
  | { readonly _tag: "Repeat"; readonly answer: Answer }
  | R

/** An event without its envelope. */
export interface EventOf {
  readonly type: EventType
  readonly aggregate: { readonly type: "account" | "product" | "campaign" | "order"; readonly id: string }
  readonly key: string
  readonly data: EventData
}

/** How a command ended. */
export type Decision<Answer = unknown, R extends Refusal = Refusal> =
  | {
      readonly _tag: "Accepted"
      readonly answer: Answer
      readonly changes: Changes
      /** The two rows that every accepted command writes. */
      readonly receipt: Receipt
      readonly event: Event
    }
  /** It was so already. */
  | { readonly _tag: "Repeated"; readonly answer: Answer }
  /** The receipt answers. `own` where it is this very command's: its first answer was lost on the way. */
  | { readonly _tag: "Recalled"; readonly receipt: Receipt; readonly own: boolean }
  | { readonly _tag: "Refused"; readonly refusal: R }
  /** Its deadline passed before it was decided. */
  | { readonly _tag: "Expired" }
  /** A rule threw: our bug, and this command's alone. */
  | { readonly _tag: "Defective"; readonly defect: unknown }
