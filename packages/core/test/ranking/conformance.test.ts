import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { memoryRanking } from "../../src/memory/index.ts"
import { rankingConformance } from "../../src/testing/ranking/rankingConformance.ts"
import { rankingLaws } from "../../src/testing/ranking/rankingLaws.ts"
import { rankingMutants } from "../../src/testing/ranking/rankingMutants.ts"
import { describeRankingConformance } from "../../src/testing/vitest.ts"

describeRankingConformance({ name: "memory", layer: memoryRanking({ days: [1, 2] }).layer })

describe("the laws of the ranking can fail", () => {
  it.each(rankingMutants.map((mutant) => [mutant.name, mutant] as const))("%s is caught", async (_, mutant) => {
    const { laws } = await Effect.runPromise(rankingConformance(mutant, { trials: 4 }))
    expect(laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)).toContain(mutant.diesBy)
  })

  it("each by a mutant of its own", () => {
    expect(new Set(rankingMutants.map(({ diesBy }) => diesBy))).toEqual(new Set(rankingLaws.map(({ id }) => id)))
  })
})
