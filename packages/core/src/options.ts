/**
 * The one way in which options are checked and refused, in every package: before anything happens, all of them at once, each
 * by a JSON pointer, and a name that does not exist with the one that was probably meant.
 *
 * ```ts
 * const checks: Options.Checks<MyOptions> = { retries: Options.wholeNumber(0, 10), onEnd: Options.aFunction }
 * Options.check(options, checks) // throws a HoldfastError with the code INVALID_INPUT
 * Options.check(options, checks, ["onEnd"]) // also where `onEnd` is not given
 * ```
 */
import { HoldfastError } from "./HoldfastError.ts"
import type { InvalidInput } from "./refusals.ts"

/** Answers what an option must be, where it is not, as a sentence that goes on from its name. */
export type Check = (value: unknown) => string | undefined

/** A check of every option that there is. An option that is undefined counts as not given. */
export type Checks<Of> = { readonly [Name in keyof Required<Of>]: Check }

export type Issues = InvalidInput["issues"]

/** Names of options that must be given. */
type Needed<Of> = ReadonlyArray<NoInfer<keyof Of & string>>

/** Throws a HoldfastError that names every option that is unknown, not as it must be, or needed and not given. */
export const check = <Of>(options: unknown, checks: Checks<Of>, needed: Needed<Of> = []): void =>
  refuse(issuesOf(options, checks, "", needed))

/** Throws a HoldfastError where there are issues. */
export const refuse = (issues: Issues): void => {
  if (issues.length > 0) throw new HoldfastError({ _tag: "InvalidInput", issues })
}

/** What is wrong with options, which stand at a pointer: empty for the options themselves, `/limits` for those inside one. */
export const issuesOf = <Of>(options: unknown, checks: Checks<Of>, at = "", needed: Needed<Of> = []): Issues => {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    return [{ pointer: at, message: "must be an object" }]
  }
  const known = new Map<string, Check>(Object.entries(checks))
  const names = Array.from(known.keys())
  const messageOf = (name: string): string | undefined => {
    const holds = known.get(name)
    if (holds === undefined) return unknownOption(name, names)
    const value: unknown = Reflect.get(options, name)
    if (value !== undefined) return holds(value)
    return needed.some((each) => each === name) ? "must be given" : undefined
  }
  // Those that are known are looked at wherever they come from: whoever reads them sees inherited ones too.
  return Array.from(new Set([...Object.keys(options), ...names])).flatMap((name) => {
    const message = messageOf(name)
    return message === undefined ? [] : [{ pointer: `${at}/${escaped(name)}`, message }]
  })
}

/** A check out of a predicate. */
export const must =
  (be: string, holds: (value: unknown) => boolean): Check =>
  (value) =>
    holds(value) ? undefined : `must be ${be}`

export const aFunction: Check = must("a function", (value) => typeof value === "function")

export const trueOrFalse: Check = must("true or false", (value) => typeof value === "boolean")

export const wholeNumber = (minimum: number, maximum: number): Check =>
  must(
    `a whole number from ${minimum} to ${maximum}`,
    (value) => typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum,
  )

export const oneOf = (...values: ReadonlyArray<string | number>): Check =>
  must(values.map((each) => JSON.stringify(each)).join(" or "), (value) => values.some((each) => each === value))

/** As RFC 6901 wants it. */
const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1")

const unknownOption = (name: string, known: ReadonlyArray<string>): string => {
  const [closest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  if (closest === undefined) return "is not an option; there are none"
  return closest.distance <= Math.max(2, Math.floor(name.length / 2))
    ? `is not an option; did you mean "${closest.candidate}"?`
    : `is not an option; there are ${known.join(", ")}`
}

/** What is often left off is the end: the unit of `maxAgeMillis`. So the first three letters or more of a name come closest. */
const distanceOf = (name: string, candidate: string): number =>
  name.length > 2 && name !== candidate && candidate.startsWith(name) ? 1 : editDistance(name, candidate)

/** The number of letters to insert, delete or replace (Levenshtein), for names of options. */
const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
