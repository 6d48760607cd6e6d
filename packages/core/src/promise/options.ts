/**
 * The options of `createHoldfast`, checked before anything happens.
 */
import type { Layer } from "effect"
import { decoderOf, isInvalid } from "../engine/admission.ts"
import type { Store, StoreFault } from "../ports/Store.ts"
import type { InvalidInput } from "../refusals.ts"
import type { HoldfastOptions } from "../services/stamps.ts"
import { Scope } from "../values.ts"
import { HoldfastError } from "./HoldfastError.ts"

/** A store as hosts pass it: what `memory()`, `postgres({ … })` and `pglite({ … })` answer. */
export interface StoreOption {
  readonly name: string
  readonly layer: Layer.Layer<Store, StoreFault>
}

export type LogLevel = "debug" | "info" | "warn" | "error"

export interface CreateOptions extends HoldfastOptions {
  /** Where everything is kept. Default: in memory, which must be named where NODE_ENV is "production". */
  readonly store?: StoreOption | undefined
  /** The time, as a Date or as milliseconds since 1970. Default: the system's. Waiting always takes real time. */
  readonly clock?: (() => Date | number) | undefined
  /** Numbers from 0 up to but not including 1, for ids and pauses. Default: the runtime's. */
  readonly random?: (() => number) | undefined
  /** Gets what the shop has to say. Default: warnings and errors go where Effect logs. */
  readonly logger?: ((level: LogLevel, message: string) => void) | undefined
}

type Check = readonly [holds: (value: unknown) => boolean, must: string]

const wholeNumber = (minimum: number, maximum: number): Check => [
  (value) => typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum,
  `must be a whole number from ${minimum} to ${maximum}`,
]
const aFunction: Check = [(value) => typeof value === "function", "must be a function"]
const decodeScope = decoderOf(Scope)

const checks: { readonly [Name in keyof Required<CreateOptions>]: Check } = {
  store: [
    (value) => typeof value === "object" && value !== null && "layer" in value && "name" in value,
    "must be a store, such as memory() or postgres({ url })",
  ],
  accounts: [
    (value) => value === "opened-on-purpose" || value === "open-on-first-charge",
    'must be "opened-on-purpose" or "open-on-first-charge"',
  ],
  scope: [(value) => !isInvalid(decodeScope(value)), "must be 1 to 255 bytes of well-formed text"],
  queueLimit: wholeNumber(1, 1_000_000),
  batchLimit: wholeNumber(1, 1_024),
  deadlineMillis: wholeNumber(1, 600_000),
  workers: [(value) => typeof value === "boolean", "must be true or false"],
  clock: aFunction,
  random: aFunction,
  logger: aFunction,
  onEventError: aFunction,
}

/** Throws a HoldfastError that names every option that is unknown or not as it must be. */
export const checkOptions = (options: unknown): void => {
  const issues = issuesOf(options)
  if (issues.length > 0) throw new HoldfastError({ _tag: "InvalidInput", issues })
}

const issuesOf = (options: unknown): InvalidInput["issues"] => {
  if (typeof options !== "object" || options === null) return [{ pointer: "", message: "must be an object" }]
  const known = new Map<string, Check>(Object.entries(checks))
  return Object.entries(options).flatMap(([name, value]) => {
    const check = known.get(name)
    if (check === undefined) return [{ pointer: `/${name}`, message: unknownOption(name, Array.from(known.keys())) }]
    const [holds, must] = check
    return value === undefined || holds(value) ? [] : [{ pointer: `/${name}`, message: must }]
  })
}

const unknownOption = (name: string, known: ReadonlyArray<string>): string => {
  const [closest] = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  return closest !== undefined && closest.distance <= Math.max(2, Math.floor(name.length / 2))
    ? `is not an option; did you mean "${closest.candidate}"?`
    : `is not an option; there are ${known.join(", ")}`
}

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
