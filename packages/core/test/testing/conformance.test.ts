import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { breachOf, simulate } from "../../src/testing/conformance/Adapter.ts"
import { replayOf, tokenOf } from "../../src/testing/conformance/token.ts"
import {
  conformance,
  defineLaw,
  laws,
  reportJson,
  reportJUnit,
  reportTable,
  Sim,
  Zoo,
} from "../../src/testing/index.ts"
import { describeAdapterConformance } from "../../src/testing/vitest.ts"
import { duels } from "../../src/testing/workloads/pairs.ts"

const [memory] = Zoo.controls
if (memory === undefined) throw new Error("there is no memory store")
const lostUpdate = Zoo.mutants.find(({ name }) => name === "lost update on stock")?.adapter ?? memory

/** More rounds than it takes to find a lost update. */
const brief = { profile: "quick", rounds: 2 } as const

for (const adapter of Zoo.controls) describeAdapterConformance(adapter, { profile: "quick" })
describeAdapterConformance({ ...memory, name: "memory, live", runs: "live" }, { profile: "quick", rounds: 2 })

describe("conformance", () => {
  it("finds what is broken, shrinks it, and replays the token 100 of 100 times", async () => {
    const options = { ...brief, laws: "STK-01" } as const
    const report = await Effect.runPromise(conformance(lostUpdate, options))
    const failure = report.failures.find(({ law }) => law === "STK-01")
    expect(report.ok).toBe(false)
    expect(failure?.size).toBeLessThanOrEqual(8)
    const trial = replayOf(failure?.token ?? "")
    expect(trial).toBeDefined()
    if (trial === undefined || failure === undefined) return
    for (let again = 0; again < 100; again++) {
      const attempt = simulate(lostUpdate, trial.plan, Sim.replay(trial.tape), trial.seed)
      const breach = breachOf(
        attempt,
        laws.filter(({ id }) => id === "STK-01"),
      )
      expect(breach?.violation.message).toBe(failure.message)
      expect(tokenOf({ law: "STK-01", plan: attempt.plan, tape: trial.tape, seed: attempt.seed })).toBe(failure.token)
    }
  })

  it("runs one token alone, and known failures first", async () => {
    const found = await Effect.runPromise(conformance(lostUpdate, { ...brief, laws: "STK-01" }))
    const token = found.failures[0]?.token ?? ""
    const replayed = await Effect.runPromise(conformance(lostUpdate, { replay: token, laws: "STK-01" }))
    expect(replayed.trials).toBe(1)
    expect(replayed.failures.map(({ law }) => law)).toEqual(["STK-01"])
    const healthy = await Effect.runPromise(conformance(memory, { replay: token }))
    expect(healthy).toMatchObject({ ok: true, trials: 1 })
  })

  it("refuses what is no token", async () => {
    const report = await Effect.runPromise(conformance(memory, { replay: "STK-01.nonsense" }))
    expect(report.ok).toBe(false)
    expect(report.disclaims[0]).toContain("no replay token")
  })

  it("counts a law as vacuous that never met its case", async () => {
    const never = defineLaw({
      id: "OUR-01",
      level: "MUST",
      title: "A law of a team's own, about what no plan brings about",
      why: "It holds, and says nothing.",
      workload: duels,
      check: () => undefined,
      sometimes: { "pigs fly": () => false },
    })
    const report = await Effect.runPromise(conformance(memory, { laws: "OUR-01", extraLaws: [never], rounds: 1 }))
    expect(report).toMatchObject({ ok: false, laws: [{ verdict: "vacuous" }] })
  })

  it("reports as table, JSON and JUnit, and says first what is disclaimed", async () => {
    const report = await Effect.runPromise(conformance(lostUpdate, { ...brief, laws: "STK-01,PTS-01,DUR-01" }))
    expect(reportTable(report)).toMatch(/^! keeps nothing/)
    expect(reportTable(report)).toContain("client 0")
    expect(JSON.parse(reportJson(report)).failures).toHaveLength(1)
    expect(reportJUnit(report)).toContain('<failure message="')
    expect(report.failures[0]?.html).toContain("<svg")
    expect(report.failures[0]?.html).not.toMatch(/src=|href=/)
  })
})

describe("the laws", () => {
  // That each of them catches a mutant is for the step that writes docs/laws.md, which plays them all anyway.
  it("have ids of their own", () => {
    expect(new Set(laws.map(({ id }) => id)).size).toBe(laws.length)
  })

  it("know what every mutant is called", () => {
    expect(new Set(Zoo.mutants.map(({ name }) => name)).size).toBe(Zoo.mutants.length)
    expect(Zoo.mutants.length).toBeGreaterThanOrEqual(20)
  })
})
