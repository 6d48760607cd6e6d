/** Small plans under every schedule with few switches: complete, and certain to find what needs no more. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { Book } from "../../src/testing/conformance/Book.ts"
import { exhaust } from "../../src/testing/conformance/exhaust.ts"
import { laws, Zoo } from "../../src/testing/index.ts"

type Adapter = (typeof Zoo.controls)[number]

const exhausted = async (adapter: Adapter, seed: number, plans: number) => {
  const book = new Book(adapter, laws, (_law, attempt) => Effect.succeed({ attempt, note: "" }))
  const report = () =>
    book.report({ profile: "quick", seed, runs: "simulated", millis: 0, enough: 0, replaying: false })
  const untilFound = Effect.sync(() => report().failures.length === 0)
  await Effect.runPromise(exhaust(adapter, seed, book, untilFound, plans))
  return report()
}

describe("exhaust", () => {
  it("tries every schedule of small plans on a healthy store, and accuses nobody", async () => {
    const [, interleaving] = Zoo.controls
    if (interleaving === undefined) throw new Error("there is no such store")
    const report = await exhausted(interleaving, 1, 2)
    expect(report.failures).toEqual([])
    expect(report.exhausted.plans).toBe(2)
    expect(report.exhausted.schedules).toBeGreaterThan(20)
    expect(report.trials).toBe(report.exhausted.schedules)
  })

  it("finds a lost update, whatever the seed", async () => {
    const lost = Zoo.mutants.find(({ name }) => name === "lost update on stock")
    if (lost === undefined) throw new Error("there is no such mutant")
    for (const seed of [1, 2]) {
      const { failures } = await exhausted(lost.adapter, seed, 12)
      expect(failures.map(({ law }) => law)).toContain("STK-01")
    }
  })
})
