import { describe, expect, it } from "vitest"
import { readExactly } from "../src/surface/exactJson.ts"

describe("numbers of a body", () => {
  it.each([
    ["0.0", 0],
    ["-0", -0],
    ["1.50", 1.5],
    ["10e-1", 1],
    ["10e2", 1_000],
    ["0.10000000000000000000", 0.1],
    ["100000000000000000000", 1e20],
  ])("given %s, are kept", (source, value) => {
    expect(readExactly(`[${source}]`)).toEqual({ value: [value], changed: [] })
  })

  it.each(["9007199254740993", "1.00000000000000001", "100000000000000000000.1", "1e400"])(
    "given %s, are told to have changed",
    (source) => {
      expect(readExactly(`[${source}]`).changed).toEqual(["/0"])
    },
  )

  // Work that grows with the square of the length would take a million million steps here.
  it("are read in steps as many as their digits, however many zeros are in them", () => {
    const zeros = "0".repeat(1_000_000)
    expect(readExactly(`{"amount":1.${zeros}1}`).changed).toEqual(["/amount"])
    expect(readExactly(`{"amount":1.5${zeros}}`)).toEqual({ value: { amount: 1.5 }, changed: [] })
    expect(readExactly(`{"amount":0.${zeros}}`)).toEqual({ value: { amount: 0 }, changed: [] })
  })
})
