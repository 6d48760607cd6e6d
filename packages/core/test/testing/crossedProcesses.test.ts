/**
 * Faults that were found by reading and by load before there was a simulated server: two processes and one wallet, and a
 * refusal beside a session that lives on. The laws find them by themselves, in the smallest plans and under few switches.
 */
import { describe, expect, it } from "vitest"
import { type Adapter, breachOf, simulate } from "../../src/testing/conformance/Adapter.ts"
import { everySchedule } from "../../src/testing/conformance/exhaust.ts"
import { shrink } from "../../src/testing/conformance/shrink.ts"
import { replayOf, tokenOf } from "../../src/testing/conformance/token.ts"
import { laws, Sim, Zoo } from "../../src/testing/index.ts"
import { crossedBatches, frames } from "../../src/testing/workloads/processes.ts"

const mutant = (name: string): Adapter => {
  const found = Zoo.mutants.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no mutant ${name}`)
  return found.adapter
}
const healthy = Zoo.controls.find(({ name }) => name === "simulated server")
if (healthy === undefined) throw new Error("there is no simulated server")

/** One process with two batches of one command each, of which the second follows the first, and one with one such batch. */
const crossed = crossedBatches(Sim.drawsOf(1), 1)
const small = { ...crossed, clients: crossed.clients.map((steps, client) => steps.slice(0, 2 - client)) }

describe("a wallet whose guards compare a number that is minted", () => {
  const broken = mutant("guard on a number that is minted")

  it("is found by every schedule with few switches, and nothing is where guards compare values", () => {
    let first: string | undefined
    for (const attempt of everySchedule(broken, small, 1, 2)) {
      const breach = attempt === "complete" ? undefined : breachOf(attempt, laws)
      if (breach === undefined) continue
      first = breach.law.id
      break
    }
    expect(first).toBe("PTS-02")
    let schedules = 0
    for (const attempt of everySchedule(healthy, small, 1, 1)) {
      if (attempt === "complete") break
      schedules++
      expect(breachOf(attempt, laws)).toBeUndefined()
    }
    expect(schedules).toBeGreaterThan(30)
  })

  it("replays from its token, and its plan without anything else is whole", () => {
    const attempt = Array.from({ length: 40 }, (_, seed) => simulate(broken, small, Sim.random(seed), 1)).find(
      (each) => breachOf(each, laws) !== undefined,
    )
    if (attempt === undefined) throw new Error("nothing was found")
    const token = tokenOf({ law: "PTS-02", plan: attempt.plan, tape: attempt.tape, seed: attempt.seed })
    const trial = replayOf(token)
    if (trial === undefined) throw new Error("this is no token")
    const again = simulate(broken, trial.plan, Sim.replay(trial.tape), trial.seed, true)
    expect(breachOf(again, laws)?.law.id).toBe("PTS-02")
    expect(again.nondeterminism).toBeUndefined()
    expect(breachOf(simulate(healthy, trial.plan, Sim.replay(trial.tape), trial.seed), laws)).toBeUndefined()
  })
})

describe("a refusal beside a session that lives on", () => {
  it("is found where the session is not ended, in a plan of a few calls", () => {
    const broken = mutant("refused beside a living session")
    for (let seed = 0; seed < 400; seed++) {
      const attempt = simulate(broken, frames.plan(Sim.drawsOf(seed)), Sim.random(seed), 1)
      const breach = breachOf(
        attempt,
        laws.filter(({ id }) => id === "IDM-08"),
      )
      if (breach === undefined) continue
      const { attempt: smallest } = shrink(broken, breach.law, attempt, 300)
      expect(breachOf(smallest, [breach.law])).toBeDefined()
      expect(breachOf(simulate(healthy, smallest.plan, Sim.replay(smallest.tape), 1), laws)).toBeUndefined()
      return
    }
    throw new Error("nothing was found")
  })
})
