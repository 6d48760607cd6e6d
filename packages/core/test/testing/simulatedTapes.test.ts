/** Tapes on the simulated server: several shops under every order of their frames, without any database. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { holds, rebase } from "../../src/memory/guards.ts"
import { Sim, Tapes } from "../../src/testing/index.ts"
import { type ServerRules, usualRules } from "../../src/testing/server/SimulatedServer.ts"
import { usualSetting } from "../../src/testing/server/simulatedStore.ts"
import { stagesOf } from "../../src/testing/tapes/simulatedStages.ts"

const { charges } = Tapes.plans
const play = (
  plan: Tapes.TapePlan,
  options: Tapes.TapesOptions = {},
  open = Tapes.simulatedStages({ shops: plan.engines }),
) => Effect.runPromise(Tapes.play(plan, open, options))

/** It compares no counters: every guard is one of terms. */
const withoutExactGuards: ServerRules = {
  ...usualRules,
  holds: (kind, put, current) => holds(kind, { ...put, guard: "relative" }, current),
  move: (kind, put, current) => rebase(kind, { ...put, guard: "relative" }, current),
}

describe("tapes on the simulated server", () => {
  it("keep every law in every order of two shops' frames", async () => {
    const report = await play({ ...charges, replies: "at once" })
    expect(report).toMatchObject({ failures: [], complete: true })
    expect(report.waited).toBeGreaterThan(0)
  })

  it("are the same again, with replies that are late or lost and waits that are given up", async () => {
    for (const plan of Object.values(Tapes.plans)) {
      const report = await play({ ...plan, cuts: 2 }, { strategy: Sim.random(3), runs: 4, twice: true })
      expect(report).toMatchObject({ failures: [], divergences: [] })
    }
  })

  it("find a server that does not look at what others have moved, and play it again from the token", async () => {
    const careless = stagesOf(charges.engines, { ...usualSetting, standby: "none", rules: withoutExactGuards })
    const plan: Tapes.TapePlan = { ...charges, replies: "at once" }
    const { failures } = await play(plan, {}, careless)
    const [failure] = failures
    if (failure === undefined) return expect.fail("nothing was noticed")
    const again = await Effect.runPromise(Tapes.replay(failure.token, careless))
    expect(again).toMatchObject({ trace: failure.trace, failure: { law: failure.law } })
  })

  it("tell two servers apart that work differently, and say where", async () => {
    const careless = stagesOf(charges.engines, { ...usualSetting, standby: "none", rules: withoutExactGuards })
    const { divergences } = await play({ ...charges, replies: "at once" }, { beside: { open: careless } })
    expect(divergences[0]).toMatchObject({ first: expect.any(String), second: expect.any(String) })
  })

  it("cut no connection where the plan does not say so", async () => {
    const options: Tapes.TapesOptions = { strategy: Sim.random(2), runs: 20 }
    expect(await play(charges, options)).toMatchObject({ cuts: 0, failures: [] })
    const { cuts, failures } = await play({ ...charges, cuts: 1 }, options)
    expect(failures).toEqual([])
    expect(cuts).toBeGreaterThan(0)
    expect(cuts).toBeLessThanOrEqual(20)
  })
})
