/**
 * A coupon request: a claim that was accepted into a log, to be decided later in the order of that log.
 *
 * Pure records. How a slice of a log is decided stands in `decision/slice.ts`.
 */
import { Option, Schema } from "effect"
import { AccountId, CampaignId, type CommandId, IdempotencyKey, type RequestId, Scope } from "../values.ts"
import type { Discount } from "./Discount.ts"

/** What a log keeps of a request: all that the command is made of again, whoever decides it. */
export interface Claim {
  readonly campaignId: CampaignId
  readonly accountId: AccountId
  /** When it was accepted, milliseconds since 1970. The campaign's window is judged by this moment. */
  readonly at: number
  readonly commandId: CommandId
  readonly scope: Scope
  readonly key: IdempotencyKey
}

const storedClaim = Schema.decodeUnknownOption(
  Schema.Struct({
    campaignId: CampaignId,
    accountId: AccountId,
    at: Schema.Number.check(Schema.isInt()),
    commandId: Schema.String.check(Schema.isPattern(/^[^.]{1,64}$/)),
    scope: Scope,
    key: IdempotencyKey,
  }),
)

/** The claim in what a log has kept as JSON; undefined where it is none. */
export const claimFrom = (stored: unknown): Claim | undefined => {
  const claim = Option.getOrUndefined(storedClaim(stored))
  // biome-ignore lint/plugin/casts: whoever wrote the claim has made the command's id
  return claim && { ...claim, commandId: claim.commandId as CommandId }
}

/** Where a request stands: partitions of a log are decided independently of each other. */
export interface Place {
  /** The log itself and not its name: a topic or a table that was made anew is another log. */
  readonly log: string
  readonly partition: number
  /** From 0, growing. */
  readonly offset: number
}

/** How far a partition of a log is decided. Every field is compared with what was read before it may move. */
export interface Position {
  readonly log: string
  readonly partition: number
  /** The first offset that is not decided. */
  readonly next: number
}

/** What became of a request. It is written once, in the commit that decided it. */
export interface Verdict {
  readonly requestId: RequestId
  readonly outcome: VerdictOutcome
}

export type VerdictOutcome =
  | { readonly state: "issued"; readonly coupon: IssuedTicket }
  /** The refusal as JSON: `refusalFrom` of `decision/storedRefusal.ts` reads it. */
  | { readonly state: "refused"; readonly refusal: string }

/** A coupon as it was issued. Times are milliseconds since 1970. */
export interface IssuedTicket {
  readonly campaignId: CampaignId
  readonly accountId: AccountId
  readonly ticket: number
  readonly discount: Discount
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * The id of the request at a place. A place alone could be guessed. The command's id cannot, but by who made a request in the
 * same millisecond: so an id is no proof of whose the request is.
 */
export const requestIdOf = ({ log, partition, offset }: Place, commandId: CommandId): RequestId =>
  // biome-ignore lint/plugin/casts: this is the one place where ids of requests are made
  `${log}.${partition}.${offset}.${commandId}` as RequestId

/** The place that an id names; undefined where it names none. */
export const placeOf = (requestId: RequestId): (Place & { readonly commandId: string }) | undefined => {
  const [, log, partition, offset, commandId] = /^(.+)\.(\d{1,10})\.(\d{1,16})\.([^.]+)$/.exec(requestId) ?? []
  if (log === undefined || commandId === undefined) return undefined
  return { log, partition: Number(partition), offset: Number(offset), commandId }
}
