/**
 * Where two values differ first: how a run that went otherwise the second time is explained, and what a case of a suite
 * found against what it expected.
 */
import { digest } from "./digest.ts"

/** The most letters of each side that are shown. */
const longest = 120
/** The most nested levels that are looked at. */
const deepest = 32

/** `ops[3].reply.answer.at: 5 the first time, 7 the second`, or as `said`; undefined where the values are the same. */
export const differenceOf = (
  first: unknown,
  second: unknown,
  said = (left: string, right: string): string => `${left} the first time, ${right} the second`,
): string | undefined => {
  if (digest(first) === digest(second)) return undefined
  const { path, left, right } = narrow("", first, second, 0)
  return `${path === "" ? "" : `${path}: `}${said(shown(left), shown(right))}`
}

interface Place {
  readonly path: string
  readonly left: unknown
  readonly right: unknown
}

/** Goes down to the first part that differs. */
const narrow = (path: string, left: unknown, right: unknown, depth: number): Place => {
  if (depth < deepest && isPlain(left) && isPlain(right)) {
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const parts = [Reflect.get(left, name), Reflect.get(right, name)] as const
      if (digest(parts[0]) === digest(parts[1])) continue
      return narrow(
        Array.isArray(left) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`,
        ...parts,
        depth + 1,
      )
    }
  }
  return { path, left, right }
}

/** Arrays and objects of fields. Maps, sets, dates and errors are compared whole. */
const isPlain = (value: unknown): value is object =>
  Array.isArray(value) ||
  (typeof value === "object" &&
    value !== null &&
    !(value instanceof Map || value instanceof Set || value instanceof Date || value instanceof Error))

const shown = (value: unknown): string => {
  const text = digest(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
