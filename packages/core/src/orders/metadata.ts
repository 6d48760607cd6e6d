/**
 * The host's notes on an order: JSON, and kept as it was given.
 *
 * `JSON.stringify` makes null of NaN, `{}` of a Map and text of a Date, and leaves out what is undefined, all without a word.
 * What would come back as something else is refused where it stands. Order.ts says what an order does with its notes.
 */

import { utf8Length } from "../values.ts"

/** As text in UTF-8. */
const maxMetadataBytes = 4_096

/** The most places that one refusal names. */
const maxNamed = 10

export interface MetadataFault {
  readonly path: ReadonlyArray<string>
  readonly issue: string
}

/** What keeps a value from being kept as metadata; nothing where it may be. */
export const metadataFaults = (metadata: object): ReadonlyArray<MetadataFault> => {
  const faults: Array<MetadataFault> = []
  const parts: Array<MetadataPart> = [{ value: metadata, path: undefined }]
  for (const part of parts) {
    // Each part takes a byte at least, so that a cycle ends here, and what is left is no deeper than the limit.
    if (parts.length + sizeOf(part.value) > maxMetadataBytes) return [tooLarge]
    const kind = changedKind(part.value)
    if (kind !== undefined) faults.push({ path: pathOf(part), issue: `must be JSON, which has no ${kind}` })
    else if (typeof part.value === "object" && part.value !== null) {
      for (const [name, value] of Object.entries(part.value)) parts.push({ value, path: { name, above: part } })
    }
    if (faults.length === maxNamed) return faults
  }
  return faults.length > 0 || utf8Length(JSON.stringify(metadata)) <= maxMetadataBytes ? faults : [tooLarge]
}

/** How many parts a list has: known before they are looked at, however many there are. */
const sizeOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

const tooLarge: MetadataFault = { path: [], issue: `must be JSON of at most ${maxMetadataBytes} bytes` }

interface MetadataPart {
  readonly value: unknown
  /** Undefined for the whole. */
  readonly path: { readonly name: string; readonly above: MetadataPart } | undefined
}

const pathOf = (part: MetadataPart): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (let { path } = part; path !== undefined; path = path.above.path) names.push(path.name)
  return names.reverse()
}

/** The kind of a value that JSON would make another one of; undefined where JSON keeps it. */
const changedKind = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : String(value)
    case "object":
      return value === null ? undefined : changedObject(value)
    default:
      return typeof value
  }
}

const changedObject = (value: object): string | undefined => {
  const names = Object.keys(value)
  if (Array.isArray(value)) {
    const isDense = names.length === value.length && names.every((name, index) => name === String(index))
    return isDense ? undefined : "holes or names in a list"
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // Another realm, such as a test runner's, has a root of its own.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  if (!isPlain) return `${value.constructor?.name || "class"} objects`
  return Reflect.ownKeys(value).length === names.length ? undefined : "symbols or hidden fields"
}
