/**
 * The kits of the smaller ports on adapters that hang, also where they heed no interruption: each run ends, and says what hung.
 */
import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { makeMemoryCache } from "../../src/memory/MemoryCache.ts"
import { makeMemoryRanking } from "../../src/memory/MemoryRanking.ts"
import { type CacheFault, Ranking, SharedCache } from "../../src/ports/index.ts"
import { cacheConformance } from "../../src/testing/cache/cacheConformance.ts"
import { rankingConformance } from "../../src/testing/ranking/rankingConformance.ts"
import { run } from "../../src/testing/sim/Sim.ts"

/** As a commit that is not to be cut off. */
const never = Effect.uninterruptible(Effect.never)
const closesNever = Layer.effectDiscard(Effect.addFinalizer(() => never))

const messagesOf = (
  kit: Effect.Effect<{ readonly laws: ReadonlyArray<{ readonly message?: string | undefined }> }>,
) => {
  const { exit, stuck } = run(kit)
  if (exit?._tag !== "Success") throw new Error(stuck?.message ?? "The kit failed.")
  return exit.value.laws.map(({ message }) => message)
}

const rankings: ReadonlyArray<readonly [how: string, layer: Layer.Layer<Ranking>, message: string]> = [
  ["opens", Layer.effect(Ranking, never), "It had not opened after 30000 ms."],
  ["closes", Layer.merge(Layer.effect(Ranking, makeMemoryRanking()), closesNever), "It had not closed after 30000 ms."],
  [
    "answers",
    Layer.effect(
      Ranking,
      Effect.map(makeMemoryRanking(), (ranking) => ({ ...ranking, top: () => never })),
    ),
    "A call took far longer than the 100 ms that it is allowed.",
  ],
]

const caches: ReadonlyArray<readonly [how: string, layer: Layer.Layer<SharedCache>, message: string]> = [
  ["opens", Layer.effect(SharedCache, never), "It had not opened after 30000 ms."],
  [
    "closes",
    Layer.merge(Layer.effect(SharedCache, makeMemoryCache()), closesNever),
    "It had not closed after 30000 ms.",
  ],
  [
    "answers",
    Layer.effect(
      SharedCache,
      Effect.map(makeMemoryCache(), (cache) => ({
        ...cache,
        get: (): Effect.Effect<never, CacheFault> => never,
      })),
    ),
    "A call took far longer than the 100 ms that it is allowed.",
  ],
]

describe("given an adapter that never", () => {
  it.each(rankings)("%s → the kit of rankings ends, and says so", (_how, layer, message) => {
    expect(messagesOf(rankingConformance({ name: "hanging", layer }, { trials: 1 }))).toContain(message)
  })

  it.each(caches)("%s → the kit of caches ends, and says so", (_how, layer, message) => {
    expect(messagesOf(cacheConformance({ name: "hanging", layer }, { trials: 1 }))).toContain(message)
  })
})
