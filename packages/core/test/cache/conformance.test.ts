import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { memoryCache } from "../../src/memory/index.ts"
import { cacheConformance } from "../../src/testing/cache/cacheConformance.ts"
import { cacheLaws } from "../../src/testing/cache/cacheLaws.ts"
import { cacheMutants } from "../../src/testing/cache/cacheMutants.ts"
import { describeCacheConformance } from "../../src/testing/vitest.ts"

describeCacheConformance({ name: "memory", layer: memoryCache().layer })

describe("the laws of the cache can fail", () => {
  it.each(cacheMutants.map((mutant) => [mutant.name, mutant] as const))("%s is caught", async (_, mutant) => {
    const { laws } = await Effect.runPromise(cacheConformance(mutant, { trials: 2 }))
    expect(laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)).toContain(mutant.diesBy)
  })

  it("each by a mutant of its own", () => {
    expect(new Set(cacheMutants.map(({ diesBy }) => diesBy))).toEqual(new Set(cacheLaws.map(({ id }) => id)))
  })
})
