/** Adapters that reach around the simulation are reported as such, with what diverged and who asked. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { conformance, reportTable } from "../../src/testing/index.ts"
import { around } from "./support/adapters.ts"

const quick = { profile: "quick", rounds: 1, laws: "STK-01" } as const

/** Dates every receipt itself. */
const stamping = around("stamping", "simulated", (store) => ({
  ...store,
  transact: (keys, decide) =>
    store.transact(keys, (records) => {
      const decided = decide(records)
      const { changes } = decided
      if (changes === undefined) return decided
      const receipt = changes.puts.receipt.map((put) => ({
        ...put,
        after: { ...put.after, at: new Date().getUTCDay() },
      }))
      return { ...decided, changes: { ...changes, puts: { ...changes.puts, receipt } } }
    }),
}))

/** Rests for as long as the real clock says. */
const resting = around("resting", "simulated", (store) => ({
  ...store,
  transact: (keys, decide) =>
    Effect.suspend(() => Effect.andThen(Effect.sleep(1 + new Date().getUTCDay()), store.transact(keys, decide))),
}))

/** Rolls dice whether to let somebody else go first. */
const dicing = around("dicing", "simulated", (store) => ({
  ...store,
  transact: (keys, decide) =>
    Effect.suspend(() => {
      const others = Math.random() < 0.5 ? Effect.yieldNow : Effect.void
      return Effect.andThen(others, store.transact(keys, decide))
    }),
}))

/** Looks at the clock, and does nothing with it. */
const curious = around("curious", "simulated", (store) => ({
  ...store,
  transact: (keys, decide) =>
    Effect.suspend(() => {
      void new Date().getUTCDay()
      return store.transact(keys, decide)
    }),
}))

describe("conformance under simulation", () => {
  it("reports an adapter that dates its records by new Date(), with the record and the place", async () => {
    const report = await Effect.runPromise(conformance(stamping, quick))
    expect(report.ok).toBe(false)
    expect(report.nondeterminism?.message).toMatch(/snapshot\.records\.receipt\[0\]\.at: \d+ the first time, \d+/)
    expect(report.nondeterminism?.strays.join()).toMatch(/new Date\(\).*determinism\.test\.ts/)
    expect(reportTable(report)).toMatch(/^! NOT DETERMINISTIC/)
    // The token shows it again, alone.
    const again = await Effect.runPromise(conformance(stamping, { replay: report.nondeterminism?.token }))
    expect(again.nondeterminism?.message).toContain(".at: ")
    expect(again.trials).toBe(1)
  })

  it("reports an adapter whose waits come from new Date()", async () => {
    const { nondeterminism } = await Effect.runPromise(conformance(resting, quick))
    expect(nondeterminism?.message).toMatch(/virtual time|another choice/)
    expect(nondeterminism?.strays.join()).toContain("new Date()")
  })

  it("reports an adapter whose schedule comes from Math.random", async () => {
    const { nondeterminism } = await Effect.runPromise(conformance(dicing, quick))
    expect(nondeterminism?.message).toContain("when it was run again")
    expect(nondeterminism?.strays.join()).toContain("Math.random")
  })

  it("accuses nobody who only looks at the clock", async () => {
    const report = await Effect.runPromise(conformance(curious, quick))
    expect(report).toMatchObject({ ok: true, nondeterminism: undefined })
    expect(report.repeated).toBeGreaterThan(0)
  })
})
