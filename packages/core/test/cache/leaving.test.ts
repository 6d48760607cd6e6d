/**
 * Reads that a caller began and left at once, and those that come after the end.
 */
import { expect, it } from "@effect/vitest"
import { leftBehind, operationsBefore, soon } from "@holdfast/test-services/leaving"
import { Effect, Exit, Scope } from "effect"
import { makeReadCache } from "../../src/cache/ReadCache.ts"

it.effect("a cached read is answered to everybody else, whenever the caller who began it leaves", () =>
  Effect.gen(function* () {
    const unanswered: Array<number> = []
    for (const operations of operationsBefore) {
      const cache = yield* makeReadCache()
      const read = cache.read({ key: ["product", "tee"], source: Effect.as(Effect.yieldNow, "tee") }, 3_600_000)
      yield* leftBehind(operations, read)
      if ((yield* soon(read)) === undefined) unanswered.push(operations)
    }
    expect(unanswered).toEqual([])
  }),
)

it.effect("a cached read is answered after the shop has stopped, too", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const cache = yield* Scope.provide(makeReadCache(), scope)
    yield* Scope.close(scope, Exit.void)
    const exit = yield* soon(cache.read({ key: ["product", "tee"], source: Effect.succeed("tee") }, 3_600_000))
    expect(exit).toMatchObject({ _tag: "Success", value: { value: "tee" } })
  }),
)
