/**
 * The refusal of a request as text, for its verdict: the numbers that it was refused with, also after they have changed.
 */
import { Schema } from "effect"
import { type Refusal, type RefusalTag, refusals } from "../refusals.ts"

/** What a coupon request may be refused with when it is decided. */
export type RequestRefusal = Refusal<RequestRefusalTag>

type RequestRefusalTag = (typeof tags)[number]

const tags = [
  "InvalidInput",
  "IdempotencyKeyReused",
  "AccountNotFound",
  "AccountNotOpen",
  "CampaignNotFound",
  "CouponAlreadyIssued",
  "CampaignNotOpen",
  "OutsideIssueWindow",
  "CouponsSoldOut",
] as const satisfies ReadonlyArray<RefusalTag>

const tagged = <const Tag extends RequestRefusalTag>(tag: Tag) =>
  Schema.Struct({ _tag: Schema.tag(tag), ...refusals[tag].fields })

const codec = Schema.fromJsonString(
  Schema.toCodecJson(
    Schema.Union([
      tagged("InvalidInput"),
      tagged("IdempotencyKeyReused"),
      tagged("AccountNotFound"),
      tagged("AccountNotOpen"),
      tagged("CampaignNotFound"),
      tagged("CouponAlreadyIssued"),
      tagged("CampaignNotOpen"),
      tagged("OutsideIssueWindow"),
      tagged("CouponsSoldOut"),
    ]),
  ),
)

const encode = Schema.encodeUnknownSync(codec)

/** Any refusal as text. Throws for one that no claim can be refused with: that would be our bug. */
export const storedRefusal = (refusal: Refusal): string => encode(refusal)

const decode = Schema.decodeUnknownSync(codec)

/** The refusal that was stored. */
export const refusalFrom = (stored: string): RequestRefusal =>
  // biome-ignore lint/plugin/casts: each tag is decoded with the fields of its own row, which the union's type has mixed
  decode(stored) as RequestRefusal
