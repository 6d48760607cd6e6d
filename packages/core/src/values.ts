/**
 * Ids, amounts and keys: the values that every other module trusts.
 *
 * They are branded where input is decoded, so that code further in can neither mix two kinds of id nor see a negative
 * or fractional amount. Nothing here knows what an account or an order is.
 */
import { Schema } from "effect"

/** The largest amount, quantity on hand or position: the largest integer that a JavaScript number holds exactly. */
export const maxAmount: number = Number.MAX_SAFE_INTEGER
/** The highest price of one unit, in the smallest currency unit. */
export const maxPrice = 1_000_000_000_000
/** The most units that one order may ask for of one product, lines of the same product added up. */
export const maxOrderQuantity = 1_000_000
/** The most lines in one order. */
export const maxOrderLines = 100
/** The longest id or key, in bytes of UTF-8. */
export const maxIdBytes = 128
/** The longest idempotency key, in bytes of UTF-8. HTTP headers allow 255. */
export const maxKeyBytes = 255

/** The bytes of a text in UTF-8. */
export const utf8Length = (text: string): number => {
  let bytes = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    // Both halves of a surrogate pair add two bytes each: four for the code point.
    else if (unit >= 0xd800 && unit <= 0xdfff) bytes += 2
    else bytes += 3
  }
  return bytes
}

const isPlainText = (text: string, maxBytes: number): boolean => {
  if (text.length === 0 || text.length > maxBytes) return false
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // Nearly every id is printable ASCII without spaces and needs no second look.
    if (unit <= 0x20 || unit >= 0x7f) return isPlainUnicodeText(text, maxBytes)
  }
  return true
}

const controlCharacter = /\p{Cc}/u

const isPlainUnicodeText = (text: string, maxBytes: number): boolean =>
  text.isWellFormed() && !controlCharacter.test(text) && text.trim() === text && utf8Length(text) <= maxBytes

const textOf = (maxBytes: number) =>
  Schema.String.check(
    Schema.makeFilter((text: string) =>
      isPlainText(text, maxBytes)
        ? undefined
        : `must be 1 to ${maxBytes} bytes of well-formed text without control characters or surrounding space`,
    ),
  )

const idText = textOf(maxIdBytes)

/** Names an account. Chosen by the host: 1–128 bytes of UTF-8, no control characters, no surrounding space. */
export const AccountId = idText.pipe(Schema.brand("AccountId"))
export type AccountId = typeof AccountId.Type
/** Names a product. Same form as {@link AccountId}. */
export const ProductId = idText.pipe(Schema.brand("ProductId"))
export type ProductId = typeof ProductId.Type
/** Names a campaign. Same form as {@link AccountId}. */
export const CampaignId = idText.pipe(Schema.brand("CampaignId"))
export type CampaignId = typeof CampaignId.Type
/** Names an order. Made by the engine from the command's time and randomness: 26 characters that sort by time. */
export const OrderId = idText.pipe(Schema.brand("OrderId"))
export type OrderId = typeof OrderId.Type
/** Names a coupon request: where it stands in its log, and the command that it will be. Made by the engine: 1–255 bytes. */
export const RequestId = textOf(maxKeyBytes).pipe(Schema.brand("RequestId"))
export type RequestId = typeof RequestId.Type
/** Names one command, and the one event that it makes when it is accepted. Made by the engine, sorts by time. */
export type CommandId = string & { readonly CommandId: unique symbol }
/** Names a durable subscription. Same form as {@link AccountId}. */
export const SubscriptionName = idText.pipe(Schema.brand("SubscriptionName"))
export type SubscriptionName = typeof SubscriptionName.Type
/** On whose behalf a rule runs: the command's id and the time of its admission, milliseconds since 1970. */
export interface Cause {
  readonly id: CommandId
  readonly at: number
}
/** What a caller gives so that a repeat of the same intention is the same act: 1–255 bytes of UTF-8. */
export const IdempotencyKey = textOf(maxKeyBytes).pipe(Schema.brand("IdempotencyKey"))
export type IdempotencyKey = typeof IdempotencyKey.Type
/** The namespace of idempotency keys: the host's own by default, the caller over HTTP. 1–255 bytes of UTF-8. */
export const Scope = textOf(maxKeyBytes).pipe(Schema.brand("Scope"))
export type Scope = typeof Scope.Type

/** A number without fraction between two bounds, both included. */
export const wholeNumber = (minimum: number, maximum: number) =>
  Schema.Number.check(
    Schema.makeFilter((value: number) =>
      Number.isSafeInteger(value) && value >= minimum && value <= maximum
        ? undefined
        : `must be a whole number from ${minimum} to ${maximum}`,
    ),
  )

/** Points or money in the smallest unit: a safe integer ≥ 0. */
export const Amount = wholeNumber(0, maxAmount).pipe(Schema.brand("Amount"))
export type Amount = typeof Amount.Type
/** An amount of at least 1: what a charge adds. */
export const PositiveAmount = wholeNumber(1, maxAmount).pipe(Schema.brand("Amount"))
/** The price of one unit: 0 to 10^12. */
export const Price = wholeNumber(0, maxPrice).pipe(Schema.brand("Amount"))
/** A count of units or coupons: a safe integer ≥ 0. */
export const Quantity = wholeNumber(0, maxAmount).pipe(Schema.brand("Quantity"))
export type Quantity = typeof Quantity.Type
/** A count of at least 1. */
export const PositiveQuantity = wholeNumber(1, maxAmount).pipe(Schema.brand("Quantity"))
/** The units of one order line: 1 to 1,000,000. */
export const OrderQuantity = wholeNumber(1, maxOrderQuantity).pipe(Schema.brand("Quantity"))
/** A correction up or down: a safe integer other than 0. */
export const Change = Schema.Number.check(
  Schema.makeFilter((value: number) =>
    Number.isSafeInteger(value) && value !== 0 ? undefined : "must be a whole number other than 0",
  ),
)
/** Whole percent of a rate discount: 1 to 100. */
export const Percent = wholeNumber(1, 100)
/** Whole days that a coupon stays valid after its issue: 1 to 36,500. */
export const ValidDays = wholeNumber(1, 36_500)
/** The size of one page: 1 to 1,000. */
export const PageLimit = wholeNumber(1, 1_000)

/** Free text for people, such as a name: 1–200 characters, well-formed, no control characters. */
export const Label = Schema.String.check(
  Schema.makeFilter((text: string) =>
    text.length >= 1 && text.length <= 200 && text.isWellFormed() && !controlCharacter.test(text)
      ? undefined
      : "must be 1 to 200 characters of well-formed text without control characters",
  ),
)

/** The sum of two amounts, or undefined where it would pass 2^53 − 1. */
export const plus = <A extends Amount | Quantity>(left: A, right: number): A | undefined => {
  const sum = left + right
  return sum <= maxAmount ? trusted<A>(sum) : undefined
}

/** The difference of two amounts, or undefined where it would fall below 0. */
export const minus = <A extends Amount | Quantity>(left: A, right: number): A | undefined =>
  right <= left ? trusted<A>(left - right) : undefined

/** A whole number ≥ 0 as an amount; undefined where it is too large to have been computed exactly. */
export const exactAmount = (value: number): Amount | undefined =>
  value <= maxAmount ? trusted<Amount>(value) : undefined

/** Price × quantity as an exact integer: up to 10^18, so beyond what a number holds. */
export const times = (price: Amount, quantity: Quantity): bigint => BigInt(price) * BigInt(quantity)

/** A BigInt that is known to be small enough, as an amount; undefined where it is not. */
export const amountOf = (value: bigint): Amount | undefined =>
  value >= 0n && value <= BigInt(maxAmount) ? trusted<Amount>(Number(value)) : undefined

/** The size of a change, up or down. */
export const magnitude = (change: number): Amount & Quantity => trusted(Math.abs(change))

/** Zero, as an amount and as a quantity. */
export const zero: Amount & Quantity = trusted(0)

/** The order that a command places takes the command's id, so that a retry of the command is the same order. */
export const orderIdOf = (id: CommandId): OrderId => trusted(id)

/** The key of a command whose caller gave none: its own id, so that the engine's retries are exact. */
export const ownKeyOf = (id: CommandId): IdempotencyKey => trusted(id)

/** Brands a value that the caller has just checked or made. Kept in this file, beside the checks. */
function trusted<A>(value: number | string): A {
  // biome-ignore lint/plugin/casts: the callers above have checked the value
  return value as A
}

/**
 * Compares two strings by their UTF-8 bytes, as `COLLATE "C"` does.
 *
 * JavaScript compares UTF-16 units, which differs only where one side has a surrogate pair (U+10000 and above) and the
 * other a unit above the surrogates (U+E000–U+FFFF).
 */
export const compareBytes = (left: string, right: string): number => {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index)
    const b = right.charCodeAt(index)
    if (a !== b) return byteRank(a) - byteRank(b)
  }
  return left.length - right.length
}

// Surrogates stand for code points above every other unit, so they sort last.
const byteRank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

/** The version of a record that was guessed instead of read, which no guard compares. Records that exist begin at 1. */
export const unknownVersion = 0

/** A record's key: one part, or several for things such as a coupon (campaign, account). Never joined into one string. */
export type Key = readonly [string | number, ...ReadonlyArray<string | number>]

/** Compares two keys part by part: text by bytes, numbers by value. */
export const compareKeys = (left: Key, right: Key): number => {
  for (let index = 0; index < left.length && index < right.length; index++) {
    const a = left[index]
    const b = right[index]
    const order = typeof a === "number" && typeof b === "number" ? a - b : compareBytes(String(a), String(b))
    if (order !== 0) return order
  }
  return left.length - right.length
}

/**
 * A text that names a key within its kind, for maps in memory only. Ids hold no control characters, so the separator
 * cannot occur in a part and two keys never share a text.
 */
export const keyText = (key: Key): string => (key.length === 1 ? String(key[0]) : key.join("\u0000"))
