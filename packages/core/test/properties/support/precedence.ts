/**
 * What the tests of precedence share: situations are built from independent switches, and the table of refusals says which
 * of all that is wrong is the answer.
 */
import fc from "fast-check"
import { type RefusalTag, refusals } from "../../../src/refusals.ts"

/** The end that comes first in precedence, of all that apply. A replay comes right after a reused key. */
export const first = (ends: ReadonlyArray<RefusalTag | "replayed">): string => {
  const ranks: ReadonlyArray<string> = Object.keys(refusals).toSpliced(2, 0, "replayed")
  return [...ends].sort((left, right) => ranks.indexOf(left) - ranks.indexOf(right))[0] ?? "accepted"
}

export const nameOf = (end: unknown): string => {
  if (typeof end !== "object" || end === null) return String(end)
  if ("_tag" in end) return String(end._tag)
  return "replayed" in end && end.replayed === true ? "replayed" : "accepted"
}

export const when = <T>(holds: boolean, end: T): ReadonlyArray<T> => (holds ? [end] : [])
// Most switches are off most of the time, so that late refusals are reached too.
export const seldom = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 5)
export const mostly = <T>(usual: T, ...others: ReadonlyArray<T>) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))
export const key = mostly("fresh", "replay", "reuse")
