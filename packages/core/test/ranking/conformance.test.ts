import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { memoryRanking } from "../../src/memory/index.ts"
import { rankingConformance } from "../../src/testing/ranking/rankingConformance.ts"
import { rankingLaws } from "../../src/testing/ranking/rankingLaws.ts"
import { rankingMutants } from "../../src/testing/ranking/rankingMutants.ts"
import { run } from "../../src/testing/sim/Sim.ts"
import { describeRankingConformance } from "../../src/testing/vitest.ts"

describeRankingConformance({ name: "memory", layer: memoryRanking({ days: [1, 2] }).layer })

it("the ranking in memory answers nothing that is too old", () => {
  const kit = rankingConformance(
    { name: "memory", layer: memoryRanking().layer },
    { trials: 1, mostWaitMillis: 60_000 },
  )
  const { exit } = run(kit)
  if (exit?._tag !== "Success") throw new Error("The kit failed.")
  expect(exit.value.laws.find(({ id }) => id === "RANK-05")).toMatchObject({ verdict: "holds" })
})

it("what there is no time to wait for is untested, and says what it takes", async () => {
  const kit = rankingConformance({ name: "memory", layer: memoryRanking().layer }, { trials: 1 })
  const { ok, laws } = await Effect.runPromise(kit)
  expect(ok).toBe(true)
  expect(laws.find(({ id }) => id === "RANK-05")).toMatchObject({
    verdict: "untested",
    message: "An answer is good for 60000 ms; pass `mostWaitMillis` to have it waited for.",
  })
})

describe("the laws of the ranking can fail", () => {
  it.each(rankingMutants.map((mutant) => [mutant.name, mutant] as const))("%s is caught", async (_, mutant) => {
    const { laws } = await Effect.runPromise(rankingConformance(mutant, { trials: 4 }))
    expect(laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)).toContain(mutant.diesBy)
  })

  it("each by a mutant of its own", () => {
    expect(new Set(rankingMutants.map(({ diesBy }) => diesBy))).toEqual(new Set(rankingLaws.map(({ id }) => id)))
  })
})
