import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { makeIds } from "../../src/engine/ids.ts"
import { compareBytes } from "../../src/values.ts"
import "../support/random.ts"

/** A source of numbers that replays from its seed. */
const seeded = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

const increasing = (ids: ReadonlyArray<string>): boolean =>
  ids.every((id, index) => index === 0 || compareBytes(ids[index - 1] ?? "", id) < 0)

describe("ids", () => {
  it("are 26 characters of Crockford's base 32, and start with their time", () => {
    const next = makeIds(seeded(1))
    const id = next(1_700_000_000_000)
    expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(id.slice(0, 10)).toBe("01HF7YAT00")
  })

  it("are unique and increasing while the clock moves on, stands still and steps back", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 300 }), (seed, steps) => {
        const next = makeIds(seeded(seed))
        let now = 1_700_000_000_000
        const ids = steps.map((step) => {
          now += step
          return next(now)
        })
        expect(new Set(ids).size).toBe(ids.length)
        expect(increasing(ids)).toBe(true)
      }),
    )
  })

  it("are unique and increasing 100,000 times within one millisecond", () => {
    const next = makeIds(seeded(7))
    const ids = Array.from({ length: 100_000 }, () => next(1_700_000_000_000))
    expect(increasing(ids)).toBe(true)
    expect(ids.every((id) => id.length === 26)).toBe(true)
  })

  it("are increasing where the randomness leaves no room to count", () => {
    const next = makeIds(() => 1 - Number.EPSILON)
    expect(increasing(Array.from({ length: 1_000 }, () => next(0)))).toBe(true)
  })

  it("of two sources with other randomness differ", () => {
    const [left, right] = [makeIds(seeded(1)), makeIds(seeded(2))]
    const ids = Array.from({ length: 1_000 }, (_, at) => [left(at), right(at)]).flat()
    expect(new Set(ids).size).toBe(2_000)
  })

  it("are as random as ever where the clock stands before 1970, or tells no time", () => {
    for (const at of [-1, -1e12, Number.NaN]) {
      const [left, right] = [makeIds(seeded(1)), makeIds(seeded(2))]
      const ids = Array.from({ length: 100 }, () => [left(at), right(at)]).flat()
      expect(new Set(ids).size).toBe(200)
      for (const id of ids) expect(id).toMatch(/^0{10}[0-9A-HJKMNP-TV-Z]{16}$/)
    }
  })

  it("sort by time, whoever made them", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 40 }), (at, later) => {
        expect(compareBytes(makeIds(seeded(1))(at), makeIds(seeded(2))(at + later))).toBeLessThan(0)
      }),
    )
  })
})
