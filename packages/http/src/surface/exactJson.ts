/**
 * Reads JSON without changing it: says where a number is one that JavaScript does not hold.
 *
 * `JSON.parse` makes 9007199254740992 of 9007199254740993 and 1 of 1.00000000000000001, and nothing tells. An id or a price
 * that became another one is worse than a refusal.
 */

export interface Read {
  readonly value: unknown
  /** JSON pointers (RFC 6901) to the numbers that were changed: the first ones, where there are many. */
  readonly changed: ReadonlyArray<string>
}

/** The most places that one answer names. */
const maxNamed = 10

// Up to 15 digits always survive, so that nearly every body is parsed once and looked at no more.
const maybeChanged = /\d[\d.]{15}|\d[eE]/

/** Parses a text; throws where it is no JSON. */
export const readExactly = (text: string): Read => {
  if (!maybeChanged.test(text)) return { value: JSON.parse(text), changed: [] }
  const value: unknown = JSON.parse(text, (_, part: unknown, context?: { readonly source?: string }) =>
    typeof part === "number" && !isKept(part, context?.source) ? new Changed() : part,
  )
  return { value, changed: placesOf(value, (part) => part instanceof Changed) }
}

/** Looks through a value that a parser before us made: what it changed can no longer be told, only suspected. */
export const readParsed = (value: unknown): Read & { readonly wasText: boolean } => ({
  value,
  changed: placesOf(value, (part) => typeof part === "number" && Number.isInteger(part) && !Number.isSafeInteger(part)),
  // The mark that decoders put where bytes were no UTF-8.
  wasText: placesOf(value, (part) => typeof part === "string" && part.includes("\ufffd")).length === 0,
})

/** Stands where a number was that could not be kept. */
class Changed {}

// Where a runtime does not tell the source of a number, every large one is suspected.
const isKept = (value: number, source: string | undefined): boolean =>
  source === undefined
    ? Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
    : Number.isFinite(value) && decimalOf(source) === decimalOf(String(value))

/** One spelling per decimal number: its digits without zeros at either end, and its exponent. */
const decimalOf = (text: string): string => {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = whole + fraction
  let begin = 0
  while (digits[begin] === "0") begin++
  if (begin === digits.length) return "0"
  // Not /0+$/, which begins anew at every zero: a number may be as long as the body that its sender chose.
  let end = digits.length
  while (digits[end - 1] === "0") end--
  return `${sign}${digits.slice(begin, end)}e${Number(exponent) - fraction.length + digits.length - end}`
}

// Without recursion: how deep a body goes is its sender's choice.
const placesOf = (value: unknown, concerns: (part: unknown) => boolean): ReadonlyArray<string> => {
  const found: Array<string> = []
  const waiting: Array<readonly [part: unknown, pointer: string]> = [[value, ""]]
  for (let next = waiting.pop(); next !== undefined && found.length < maxNamed; next = waiting.pop()) {
    const [part, pointer] = next
    if (concerns(part)) found.push(pointer)
    else if (typeof part === "object" && part !== null) {
      for (const [name, inner] of Object.entries(part).reverse()) {
        if (concerns(name)) found.push(pointer)
        waiting.push([inner, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`])
      }
    }
  }
  return found
}
