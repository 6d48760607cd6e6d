import { describe, expect, it } from "vitest"
import { HoldfastError, Options } from "../src/index.ts"

interface Chosen {
  readonly retries?: number | undefined
  readonly onEnd: () => void
}

const checks: Options.Checks<Chosen> = { retries: Options.wholeNumber(0, 10), onEnd: Options.aFunction }
const onEnd = () => {}

describe("the check of options", () => {
  it.each([null, undefined, 5, "x", true, onEnd, [], [{ onEnd }]])("refuses %o, which is no object", (options) => {
    expect(Options.issuesOf(options, checks, "/at")).toEqual([{ pointer: "/at", message: "must be an object" }])
  })

  it("names what is unknown, what is not as it must be, and what is needed and not given", () => {
    expect(Options.issuesOf({ retris: 1, retries: "1" }, checks, "/at", ["onEnd"])).toEqual([
      { pointer: "/at/retris", message: 'is not an option; did you mean "retries"?' },
      { pointer: "/at/retries", message: "must be a whole number from 0 to 10" },
      { pointer: "/at/onEnd", message: "must be given" },
    ])
    expect(() => Options.check({ onEnd: undefined }, checks, ["onEnd"])).toThrow(HoldfastError)
    expect(() => Options.check({ onEnd, retries: undefined }, checks, ["onEnd"])).not.toThrow()
    expect(() => Options.check({ onEnd: undefined }, checks)).not.toThrow()
  })

  it("takes the first part of a name for that name, before others that are no longer to write", () => {
    const ages = { maxAgeMillis: Options.wholeNumber(0, 10), onAge: Options.aFunction }
    expect(Options.issuesOf({ maxAge: 5, MAXAGE: 5, onage: 5 }, ages)).toEqual([
      { pointer: "/maxAge", message: 'is not an option; did you mean "maxAgeMillis"?' },
      { pointer: "/MAXAGE", message: 'is not an option; did you mean "maxAgeMillis"?' },
      { pointer: "/onage", message: 'is not an option; did you mean "onAge"?' },
    ])
  })

  it("looks at what is inherited, and takes no name of every object for an option", () => {
    expect(Options.issuesOf(Object.create({ retries: "1" }), checks)).toMatchObject([{ pointer: "/retries" }])
    expect(Options.issuesOf(Object.create({ onEnd }), checks, "", ["onEnd"])).toEqual([])
    expect(Options.issuesOf({ toString: 1 }, checks)).toMatchObject([{ pointer: "/toString" }])
  })
})
