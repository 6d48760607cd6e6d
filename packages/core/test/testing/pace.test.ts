/**
 * A live run says the same of a store whether it is fast or slow. The runs here are live ones in simulated time, so that
 * stores of every speed take no time at all.
 */
import { Effect, Random } from "effect"
import { describe, expect, it } from "vitest"
import { conformance, type Report, reportTable, Sim } from "../../src/testing/index.ts"
import { around } from "./support/adapters.ts"

/** Every call takes as long as `wait`. */
const late = <A extends object>(calls: A, wait: Effect.Effect<unknown>): A =>
  new Proxy(calls, {
    get: (target, name) => {
      const call: unknown = Reflect.get(target, name)
      if (typeof call !== "function") return call
      return (...asked: ReadonlyArray<unknown>) =>
        Effect.andThen(
          wait,
          Effect.suspend(() => Reflect.apply(call, target, asked)),
        )
    },
  })

/** What a live run says of a memory store whose calls take so long, by default the run that everybody's adapter gets. */
const reportOn = (wait: Effect.Effect<unknown>): Report => {
  const adapter = around("slow", "live", (store) => ({
    ...late(store, wait),
    reads: late(store.reads, wait),
    outbox: late(store.outbox, wait),
  }))
  const options = { strategy: Sim.random(1), preempt: "yields", maxSteps: Number.POSITIVE_INFINITY } as const
  const { exit } = Sim.run(conformance(adapter), options)
  if (exit?._tag !== "Success") throw new Error("the run came to no end")
  return exit.value
}

/** Mostly quick, and now and then away for twenty times as long. */
const moody = Effect.flatMap(Random.next, (mood) => Effect.sleep(mood < 0.05 ? 400 : 20 * mood))

describe("a live run", () => {
  it.each([
    ["at once", Effect.void],
    ["in 20 ms", Effect.sleep(20)],
    ["in 100 ms, where a lease of the plan is gone before it is taken", Effect.sleep(100)],
    ["sometimes at once and sometimes in 400 ms", moody],
  ])("given a store that answers %s → every law holds, and none for want of its case", (_, wait) => {
    const report = reportOn(wait)
    expect(report.ok, reportTable(report)).toBe(true)
    expect(report.laws.filter(({ verdict }) => verdict !== "holds" && verdict !== "untested")).toEqual([])
  })

  it("given a store that answers in a second → ends, accuses no law, and says first which it could not show", () => {
    const report = reportOn(Effect.sleep(1_000))
    expect(report.failures).toEqual([])
    expect(report.laws.filter(({ verdict }) => verdict === "cut short").length).toBeGreaterThan(0)
    expect(report.disclaims[0]).toMatch(/^its time was over after \d+ of 40 rounds, before these met their case: /)
    expect(report.ok).toBe(true)
  })
})
