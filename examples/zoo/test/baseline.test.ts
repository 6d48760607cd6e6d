import { Zoo } from "@holdfast/core/testing"
import { describe, expect, it } from "vitest"
import { lostTeeth, readBaseline } from "../src/baseline.ts"

const fared = (meanRuns: number, caught = 20) => [{ name: "lost update", caught, of: 20, meanRuns }]
const usually = (meanRuns: number) => ({ "lost update": { meanRuns, workloads: ["wallets"] } })

describe("the baseline of the zoo", () => {
  it("accepts what is no slower than three times the usual", () => {
    expect(lostTeeth(fared(60), usually(20))).toEqual([])
  })

  it("fails a mutant that takes more than three times its usual trials, or escapes", () => {
    expect(lostTeeth(fared(60.1), usually(20))).toEqual(["lost update took 60.1 trials on average; the baseline is 20"])
    expect(lostTeeth(fared(1, 19), usually(20))).toEqual(["lost update escaped 1 of 20 times"])
  })

  it("takes a few trials more of a quick catch for noise", () => {
    expect(lostTeeth(fared(30), usually(1))).toEqual([])
    expect(lostTeeth(fared(31), usually(1))).toHaveLength(1)
  })

  it("knows every mutant and no other", () => {
    const all = [...Zoo.mutants, ...Zoo.requestMutants]
    expect(Object.keys(readBaseline()).sort()).toEqual(all.map(({ name }) => name).sort())
  })

  it("still describes how soon a few mutants are caught", () => {
    const seeds = [1, 2, 3, 4, 5, 6]
    const some = ["lost update on stock", "receipt written after the effect", "relay acknowledges before publish"]
    const hunted = Zoo.mutants.filter(({ name }) => some.includes(name)).map((mutant) => Zoo.hunt(mutant, seeds))
    const usual = Object.fromEntries(Object.entries(readBaseline()).filter(([name]) => some.includes(name)))
    expect(hunted).toHaveLength(some.length)
    expect(lostTeeth(hunted, usual)).toEqual([])
  })
})
