/**
 * What the cases of the suites expect, in the words of the usual test runners and without one: `expect(found).toEqual(…)`.
 *
 * Only what the suites need. Values are compared as the runners' `toEqual` does: by their fields, of which one that is
 * undefined counts as absent.
 */
import { differenceOf } from "../sim/difference.ts"

/** Something else was found than was expected. Test runners show `expected` and `actual` side by side. */
export class Unexpected extends Error {
  override readonly name = "Unexpected"
  readonly expected: unknown
  readonly actual: unknown

  constructor(message: string, expected: unknown, actual: unknown) {
    super(message)
    this.expected = expected
    this.actual = actual
  }
}

interface Expectation {
  /** The same value. */
  readonly toBe: (expected: unknown) => void
  /** The same fields. */
  readonly toEqual: (expected: unknown) => void
  /** At least these fields. */
  readonly toMatchObject: (expected: object) => void
  /** Each of these elements, in whatever order and among others. */
  readonly toContainAll: (expected: ReadonlyArray<unknown>) => void
  readonly toBeUndefined: () => void
  readonly toBeGreaterThan: (limit: number) => void
  readonly toBeGreaterThanOrEqual: (limit: number) => void
  readonly toBeLessThan: (limit: number) => void
  readonly toBeLessThanOrEqual: (limit: number) => void
}

export const expect = (actual: unknown): Expectation => {
  const compared = (symbol: string, holds: (found: number, limit: number) => boolean) => (limit: number) => {
    if (typeof actual !== "number" || !holds(actual, limit)) {
      throw new Unexpected(`expected a number ${symbol} ${limit}, found ${String(actual)}`, limit, actual)
    }
  }
  const toBe = (expected: unknown) => {
    if (!Object.is(actual, expected)) throw unequal(expected, actual)
  }
  return {
    toBe,
    toEqual: (expected) => mustEqual(expected, actual),
    toMatchObject: (expected) => mustEqual(expected, partOf(actual, expected)),
    toContainAll: (expected) => {
      const missing = Array.isArray(actual)
        ? expected.filter((each) => actual.every((found) => differs(each, found)))
        : expected
      if (missing.length > 0) throw new Unexpected(`missing: ${JSON.stringify(missing)}`, expected, actual)
    },
    toBeUndefined: () => toBe(undefined),
    toBeGreaterThan: compared(">", (found, limit) => found > limit),
    toBeGreaterThanOrEqual: compared(">=", (found, limit) => found >= limit),
    toBeLessThan: compared("<", (found, limit) => found < limit),
    toBeLessThanOrEqual: compared("<=", (found, limit) => found <= limit),
  }
}

const differs = (expected: unknown, actual: unknown): boolean =>
  differenceOf(present(expected), present(actual)) !== undefined

const mustEqual = (expected: unknown, actual: unknown): void => {
  if (differs(expected, actual)) throw unequal(present(expected), present(actual))
}

const unequal = (expected: unknown, actual: unknown): Unexpected =>
  new Unexpected(
    differenceOf(expected, actual, (left, right) => `expected ${left}, found ${right}`) ??
      "expected the very same object",
    expected,
    actual,
  )

/** A value without the fields that are undefined. */
const present = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(present)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, present(field)]])),
  )
}

/** As much of a value as an expectation speaks of. */
const partOf = (value: unknown, expected: unknown): unknown => {
  if (Array.isArray(value) && Array.isArray(expected)) return value.map((item, index) => partOf(item, expected[index]))
  if (!isFields(value) || !isFields(expected)) return value
  return Object.fromEntries(
    Object.entries(expected).map(([name, field]) => [name, partOf(Reflect.get(value, name), field)]),
  )
}

/** An object of fields, of whatever class: no list, date, map or the like. */
const isFields = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !(
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Date ||
    value instanceof Error
  )
