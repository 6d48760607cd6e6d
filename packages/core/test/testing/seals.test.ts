import { describe, expect, it } from "vitest"
import { breachOf, simulate } from "../../src/testing/conformance/Adapter.ts"
import { trialAt } from "../../src/testing/conformance/trials.ts"
import { sealLaws } from "../../src/testing/laws/seals.ts"
import { floods } from "../../src/testing/workloads/floods.ts"
import { sealMutants } from "../../src/testing/zoo/sealMutants.ts"
import { controls } from "../../src/testing/zoo/zoo.ts"

type Adapter = (typeof controls)[number]

/** The trials of one adapter in which a campaign refuses a crowd. */
function* attempts(adapter: Adapter, rounds: number) {
  for (let round = 0; round < rounds; round++) {
    const { plan, strategy } = trialAt(1, round, 0, floods)
    yield simulate(adapter, plan, strategy, 1)
  }
}

describe("the laws of seals", () => {
  it("hold of stores that say rightly how a campaign stands, and each meets its case", () => {
    const unmet = new Set(
      sealLaws.flatMap(({ id, sometimes }) => Object.keys(sometimes).map((goal) => `${id}: ${goal}`)),
    )
    for (const adapter of controls.slice(0, 3)) {
      for (const attempt of attempts(adapter, 25)) {
        expect(breachOf(attempt, sealLaws)?.violation.message, adapter.name).toBeUndefined()
        for (const { id, sometimes } of sealLaws) {
          for (const [goal, isMet] of Object.entries(sometimes)) {
            if (attempt.record !== undefined && isMet(attempt.record)) unmet.delete(`${id}: ${goal}`)
          }
        }
      }
    }
    expect([...unmet]).toEqual([])
  })

  it.each([
    ["sold-out flag for good", "SEAL-02"],
    ["campaign read before the call", "SEAL-02"],
    ["owners without the last page", "SEAL-03"],
    ["limit taken for what is issued", "SEAL-04"],
    ["seal that looks up no account", "SEAL-05"],
    ["seal that looks up no key", "SEAL-05"],
  ])("catch a %s", (name, id) => {
    const adapter = sealMutants.find((each) => each.name === name)?.adapter
    const law = sealLaws.find((each) => each.id === id)
    if (adapter === undefined || law === undefined) return expect.unreachable()
    for (const attempt of attempts(adapter, 400)) if (breachOf(attempt, [law]) !== undefined) return
    expect.unreachable(`${name} was not caught`)
  })
})
