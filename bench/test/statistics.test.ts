import { describe, expect, test } from "vitest"
import { median, percentile, quotientsOf, significant, spreadText } from "../src/statistics.ts"

describe("median", () => {
  test.each([
    [[7], 7],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
    [[2, 2, 2, 9], 2],
  ])("of %j is %d", (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  test("of nothing is not a number", () => {
    expect(median([])).toBeNaN()
  })

  test("sorts by value and leaves its argument as it is", () => {
    const values = [100, 9, 10]
    expect(median(values)).toBe(10)
    expect(values).toEqual([100, 9, 10])
  })
})

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)

  test.each([
    [50, 50],
    [99, 99],
    [100, 100],
    [0, 1],
    [0.5, 1],
    [50.1, 51],
  ])("%d %% of 1 … 100 is %d", (percent, expected) => {
    expect(percentile(hundred, percent)).toBe(expected)
  })

  test("of one value is that value", () => {
    expect([1, 50, 99].map((percent) => percentile([42], percent))).toEqual([42, 42, 42])
  })

  test("of nothing is not a number", () => {
    expect(percentile([], 50)).toBeNaN()
  })
})

describe("quotients of turns", () => {
  test("are not moved by a turn in which the whole machine was slow", () => {
    expect(quotientsOf([80, 8, 80], [100, 10, 100])).toEqual([0.8, 0.8, 0.8])
  })

  test("are not a number where a turn is missing", () => {
    expect(quotientsOf([1], [])).toEqual([Number.NaN])
  })

  test("are told with how far they are apart", () => {
    expect(spreadText([0.9, 0.70001, 0.8])).toBe("0.7 … 0.8 … 0.9")
    expect(spreadText([12_345, 1_000, 99_999])).toBe("1,000 … 12,300 … 100,000")
  })
})

test("significant digits", () => {
  expect([significant(123_456, 4), significant(0.123456, 3), significant(7, 4)]).toEqual([123_500, 0.123, 7])
})
