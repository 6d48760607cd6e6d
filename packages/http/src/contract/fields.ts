/**
 * The fields that requests and answers are made of.
 *
 * They say what JSON may look like and what the document shows. Which ids exist and what a shop refuses is the core's
 * business, and nothing of it is repeated here.
 */
import { maxAmount, maxIdBytes, maxOrderQuantity, maxPrice } from "@holdfast/core"
import { Schema, SchemaGetter } from "effect"

const IdText = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxIdBytes))

const idDescription = `1 to ${maxIdBytes} bytes of text without control characters or surrounding space, or a whole number that a double holds exactly, which means the same as its digits.`

/**
 * An id in a JSON body: text, or the number that the reference service uses. A number above 2^53 − 1 is refused, since
 * JSON parsers have changed it already and it would name somebody else. Handlers make text of it: a transformation in the
 * schema would cost more than the rest of decoding.
 */
export const Id = Schema.Union([
  IdText,
  Schema.Number.check(
    Schema.isInt(),
    Schema.isBetween({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  ),
]).annotate({ identifier: "Id", description: idDescription })

/** An id in a path or a query, where everything is text. */
export const PathId = IdText

/** An id in an answer: always text. */
export const AnswerId = Schema.String

const whole = (minimum: number, maximum: number) =>
  Schema.Number.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))

/** Points or money in the smallest unit. */
export const Amount = whole(0, maxAmount).annotate({
  identifier: "Amount",
  description: "Points or money in the smallest unit.",
})
export const PositiveAmount = whole(1, maxAmount).annotate({
  identifier: "PositiveAmount",
  description: "Points or money in the smallest unit, at least 1.",
})
export const Price = whole(0, maxPrice).annotate({
  identifier: "Price",
  description: "The price of one unit in the smallest currency unit.",
})
export const Quantity = whole(1, maxOrderQuantity).annotate({
  identifier: "Quantity",
  description: "Units of one product.",
})
export const Count = whole(0, maxAmount).annotate({ identifier: "Count", description: "An exact count." })

/** A change up or down. */
export const Change = whole(-maxAmount, maxAmount)

/** A moment: RFC 3339 with milliseconds, in UTC. */
export const Time = Schema.String.annotate({
  identifier: "Time",
  format: "date-time",
  description: "A moment: RFC 3339, in UTC.",
}).pipe(
  Schema.decodeTo(Schema.Date, {
    decode: SchemaGetter.transform((text: string) => new Date(text)),
    encode: SchemaGetter.transform((date: Date) => date.toISOString()),
  }),
)

/**
 * What a host keeps with an order. What `JSON.parse` made is JSON already: `Schema.Json` would walk through it once more, and
 * keep the whole schema around it from being compiled.
 */
export const Metadata = Schema.Record(
  Schema.String,
  // biome-ignore lint/plugin/casts: bodies come from JSON.parse, and handlers look at what they send
  Schema.Any as Schema.Codec<Schema.Json>,
)

export const Discount = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("flat"),
    amount: PositiveAmount,
    minTotal: Schema.optionalKey(Amount),
  }),
  Schema.Struct({
    type: Schema.Literal("rate"),
    percent: whole(1, 100),
    max: Schema.optionalKey(PositiveAmount),
    minTotal: Schema.optionalKey(Amount),
  }),
]).annotate({ identifier: "Discount", description: "A flat amount, or a whole percent of the order's total." })

/** A whole number in a query, where everything is text. */
export const queryNumber = (minimum: number, maximum: number) =>
  Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))

/** What every list takes. */
export const pageQuery = {
  limit: Schema.optionalKey(queryNumber(1, 1_000)),
  cursor: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128))),
}

/** One page of a list: pass `nextCursor` as `cursor` for the next one; null means that this was the last. */
export const pageOf = <S extends Schema.Constraint>(item: S) =>
  Schema.Struct({ items: Schema.Array(item), nextCursor: Schema.NullOr(Schema.String) })
