/**
 * The fields that requests and answers are made of.
 *
 * They say what JSON may look like and what the document shows. Which ids exist and what a shop refuses is the core's
 * business, and nothing of it is repeated here.
 */
import { maxAmount, maxIdBytes, maxOrderQuantity, maxPrice } from "@holdfast/core"
import { Schema, SchemaGetter } from "effect"
import { wholeNumber } from "../problems/inputIssues.ts"

/**
 * "." and ".." are steps in an address and never arrive as a part of one, however they are encoded: browsers and proxies walk
 * them. A thing of such a name could be bought and never be asked for.
 */
const IdText = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(maxIdBytes),
  Schema.isPattern(/^([^.]|\.[^.]|\.\.[\s\S])/u),
)

const idDescription = `1 to ${maxIdBytes} bytes of text without control characters or surrounding space, other than "." and "..", or a whole number that a double holds exactly, which means the same as its digits.`

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

// A named number that is described anew at its field would become a second one of that name in the document.
export const amount = (description: string) => whole(0, maxAmount).annotate({ description })
export const price = (description: string) => whole(0, maxPrice).annotate({ description })
export const count = (description: string) => whole(0, maxAmount).annotate({ description })

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

// `Date` also reads "1" and, as the server's own time, moments that do not say of which zone they are.
const moment = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/** The moment of a text; an invalid date where it says none. `Date` makes 2 March of 30 February. */
const momentOf = (text: string): Date => {
  const day = new Date(moment.exec(text)?.[1] ?? Number.NaN)
  const isDay = !Number.isNaN(day.getTime()) && text.startsWith(day.toISOString().slice(0, 10))
  return new Date(isDay ? text : Number.NaN)
}

/** A moment: RFC 3339 with milliseconds, in UTC. */
export const Time = Schema.String.annotate({
  identifier: "Time",
  format: "date-time",
  description: "A moment: RFC 3339, in UTC.",
}).pipe(
  Schema.decodeTo(Schema.Date, {
    decode: SchemaGetter.transform(momentOf),
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

const flatSchema = Schema.Struct({
  /** An amount off. */
  type: Schema.Literal("flat"),
  /** The amount off an order, at most its total. */
  amount: PositiveAmount,
  /** Only for orders whose total is at least this. */
  minTotal: Schema.optionalKey(Amount),
})
const rateSchema = Schema.Struct({
  /** A percentage off. */
  type: Schema.Literal("rate"),
  /** Whole percent of the order's total, rounded down once. */
  percent: whole(1, 100),
  /** The most that is taken off. */
  max: Schema.optionalKey(PositiveAmount),
  /** Only for orders whose total is at least this. */
  minTotal: Schema.optionalKey(Amount),
})
interface Flat extends Schema.Schema.Type<typeof flatSchema> {}
interface Rate extends Schema.Schema.Type<typeof rateSchema> {}
export type Discount = Flat | Rate
export const Discount: Schema.Codec<Discount> = Schema.Union([flatSchema, rateSchema]).annotate({
  identifier: "Discount",
  description: "A flat amount, or a whole percent of the order's total.",
})

/** A whole number in a query, where everything is text. */
export const queryNumber = (minimum: number, maximum: number) =>
  Schema.String.check(Schema.isPattern(wholeNumber)).pipe(
    Schema.decodeTo(Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))),
  )

/** One page of a list: pass `nextCursor` as `cursor` for the next one; null means that this was the last. */
export interface PageOf<Item> {
  /** The items of this page, in the list's order. */
  readonly items: ReadonlyArray<Item>
  /** What to pass as `cursor` for the next page; null where this was the last one. */
  readonly nextCursor: string | null
}

export const pageOf = <Item, Encoded>(item: Schema.Codec<Item, Encoded>): Schema.Codec<PageOf<Item>, PageOf<Encoded>> =>
  Schema.Struct({ items: Schema.Array(item), nextCursor: Schema.NullOr(Schema.String) })
