/**
 * Live trials: bounded whatever the store does, disturbed like simulated ones, and reported with their history. They run in
 * simulated time here, so that bounds and races are the same on every machine; `conformance.test.ts` has one in real time.
 */
import { Effect, type Scope } from "effect"
import { describe, expect, it } from "vitest"
import { breachOf } from "../../src/testing/conformance/Adapter.ts"
import { makeLiveStore } from "../../src/testing/conformance/live.ts"
import { conformance, laws, reportTable, Sim, Zoo } from "../../src/testing/index.ts"
import type { Fault, Plan } from "../../src/testing/trial/Plan.ts"
import { charge, one, open, register, restock } from "../../src/testing/workloads/plans.ts"
import { around } from "./support/adapters.ts"

const planWith = (faults: ReadonlyArray<Fault>, more: Partial<Plan> = {}): Plan => ({
  setup: [open("ada"), register("pen", 3, 9)],
  clients: [
    [one(charge("ada", 1, "c1")), one(charge("ada", 2, "c2"))],
    [one(restock("pen", 1)), one(charge("ada", 3, "c3"))],
  ],
  faults,
  way: "store",
  ...more,
})

/** Runs something that waits for nothing but the clock. */
const run = <A>(program: Effect.Effect<A, never, Scope.Scope>): A => {
  const options = { strategy: Sim.random(1), preempt: "yields", maxSteps: Number.POSITIVE_INFINITY } as const
  const { exit } = Sim.run(program, options)
  if (exit?._tag !== "Success") throw new Error("it came to no end")
  return exit.value
}

const attemptOf = (plan: Plan) =>
  run(Effect.flatMap(makeLiveStore(around("memory", "live", (store) => store)), ({ attempt }) => attempt(plan, 1)))

describe("a live trial", () => {
  const faults: ReadonlyArray<Fault> = [
    { fault: "lose-request", at: 2 },
    { fault: "lose-reply", at: 2 },
    { fault: "crash-before", at: 2 },
    { fault: "crash-after", at: 2 },
    { fault: "slow", at: 2, millis: 20 },
    { fault: "busy", at: 2, millis: 20 },
    { fault: "reject", at: 2 },
    { fault: "clock-jump", at: 2, millis: 3_600_000 },
  ]
  for (const fault of faults) {
    it(`is disturbed by ${fault.fault}, and breaks no law on a store that is whole`, () => {
      const attempt = attemptOf(planWith([fault]))
      expect(attempt.record?.faultsMet).toContain(fault.fault)
      expect(breachOf(attempt, laws)).toBeUndefined()
    })
  }

  it("loses acknowledgements, and what was not acknowledged comes again", () => {
    const plan = planWith([{ fault: "lose-acknowledgement", at: 1 }])
    const attempt = attemptOf({ ...plan, clients: [...plan.clients, [{ do: "consume", limit: 3 }]] })
    expect(attempt.record?.faultsMet).toContain("lose-acknowledgement")
    expect(breachOf(attempt, laws)).toBeUndefined()
  })

  it("has a clock of its own: a jump moves the time of later calls, and of nobody else", () => {
    const hour = 3_600_000
    const attempt = attemptOf(planWith([{ fault: "clock-jump", at: 1, millis: hour }]))
    const times = attempt.record?.ops.filter(({ client }) => client >= 0).map(({ at }) => at) ?? []
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(hour / 2)
  })
})

describe("a live run", () => {
  it("ends although calls hang for ever, shows them, and opens the store anew after each", () => {
    let opened = 0
    let closed = 0
    const hanging = around("hanging", "live", (store) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          opened++
          let calls = 0
          return {
            ...store,
            transact: (keys, decide) =>
              ++calls < 9 ? store.transact(keys, decide) : Effect.uninterruptible(Effect.never),
          } satisfies typeof store
        }),
        () => Effect.sync(() => closed++),
      ),
    )
    const report = run(conformance(hanging, { profile: "quick", trialMillis: 250 }))
    expect(report.ok).toBe(false)
    expect(report.failures.map(({ law }) => law)).toContain("STK-07")
    const failure = report.failures.find(({ law }) => law === "STK-07")
    expect(failure?.timeline).toContain("→ never")
    expect(failure?.html).toContain("never answered")
    expect(failure?.shrinking).toContain("not shrunk")
    expect(report.disclaims[0]).toContain("3 trials came to no end")
    expect([opened, closed]).toEqual([3, 3])
  })

  it("says so where a store does not open or does not close, and ends", () => {
    const plan = planWith([])
    const shut = around("shut", "live", () => Effect.never)
    const stuck = around("stuck", "live", (store) => Effect.acquireRelease(Effect.succeed(store), () => Effect.never))
    const troubleOf = (adapter: typeof shut) => {
      let trouble: () => string | undefined = () => undefined
      const trial = Effect.flatMap(makeLiveStore(adapter), (live) => {
        trouble = live.trouble
        return live.attempt(plan, 1)
      })
      return { attempt: run(Effect.scoped(trial)), trouble: trouble() }
    }
    const unopened = troubleOf(shut)
    expect(unopened.attempt.record).toBeUndefined()
    expect(unopened.trouble).toContain("had not opened")
    const unclosed = troubleOf(stuck)
    expect(unclosed.attempt.record).toBeDefined()
    expect(unclosed.trouble).toContain("had not closed")
  })

  it("accuses no law where a store does not open, so that no token of it is kept", () => {
    const shut = around("shut", "live", () => Effect.die(new Error("connect ECONNREFUSED")))
    const { ok, failures, disclaims, laws: judged } = run(conformance(shut, { profile: "quick" }))
    expect([ok, failures]).toEqual([false, []])
    expect(disclaims[0]).toContain("The store could not be built: Error: connect ECONNREFUSED")
    expect(judged.filter(({ level }) => level !== "UNTESTED").map(({ verdict }) => verdict)).not.toContain("holds")
  })

  it("reports what a broken store did with its history, shrunk where it breaks again", () => {
    const lostUpdate = Zoo.mutants.find(({ name }) => name === "lost update on stock")?.adapter
    if (lostUpdate === undefined) throw new Error("there is no such mutant")
    const report = run(conformance({ ...lostUpdate, runs: "live" }, { profile: "quick", laws: "STK-01" }))
    const [failure] = report.failures
    expect(failure?.shrinking).toMatch(/^shrunk from \d+ to \d+ in \d+ live runs$/)
    expect(failure?.size).toBeLessThan(failure?.sizeFound ?? 0)
    expect(failure?.timeline).toContain("client 0")
    expect(reportTable(report)).toMatch(/! run live: schedules are not chosen/)
    // Its token is run again several times, since there is no schedule to play.
    const again = run(conformance({ ...lostUpdate, runs: "live" }, { replay: failure?.token, laws: "STK-01" }))
    expect(again.trials).toBe(10)
  })
})
