/**
 * Subscribers who leave while they subscribe or close.
 */
import { expect, it } from "@effect/vitest"
import { behind, leftBehind, operationsBefore, soon } from "@holdfast/test-services/leaving"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { describe } from "vitest"
import { makeInProcessBus } from "../../src/delivery/InProcessBus.ts"
import { event, makeShop, name, runOn, Seen, subscriptionsOf } from "./support.ts"

describe("a subscriber who leaves", () => {
  it.effect("leaves no name behind that nobody serves", () =>
    Effect.gen(function* () {
      const unserved: Array<number> = []
      for (const operations of operationsBefore) {
        const shop = makeShop()
        const subscriptions = yield* subscriptionsOf(shop)
        const seen = new Seen()
        const subscribe = subscriptions.subscribe(name, seen.record)
        yield* leftBehind(operations, subscribe)
        yield* soon(subscribe)
        yield* shop.commit([event(1, "key")])
        yield* runOn
        if (seen.all.length === 0) unserved.push(operations)
      }
      expect(unserved).toEqual([])
    }),
  )

  it.effect("frees the name all the same when it was being closed", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      const end = Deferred.makeUnsafe<void>()
      const subscription = yield* subscriptions.subscribe(name, () => Effect.uninterruptible(Deferred.await(end)))
      yield* shop.commit([event(1, "key")])
      yield* runOn
      yield* leftBehind(0, subscription.close)
      const seen = new Seen()
      const again = subscriptions.subscribe(name, seen.record)
      // Not before its handlers have ended.
      expect(yield* soon(Effect.flip(again))).toEqual(Exit.succeed({ _tag: "AlreadySubscribed", name }))
      yield* Deferred.succeed(end, undefined)
      yield* runOn
      yield* again
    }),
  )
})

it.effect("of two who subscribe to a bus under one name at once, one is told that the other has it", () =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const both: Array<number> = []
    for (const operations of operationsBefore) {
      const bus = yield* makeInProcessBus()
      const serve = Effect.scoped(
        Effect.andThen(
          bus.subscribe(name, () => Effect.void),
          Effect.never,
        ),
      )
      const first = Effect.runForkWith(context)(behind(operations, serve))
      const second = Effect.runForkWith(context)(serve)
      for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
      const serving = [first, second].filter((fiber) => fiber.pollUnsafe() === undefined)
      if (serving.length !== 1) both.push(operations)
      yield* Fiber.interruptAll(serving)
    }
    expect(both).toEqual([])
  }),
)
