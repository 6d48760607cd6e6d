/**
 * Leaving a sick Redis alone, while callers leave before it has answered.
 */
import { expect, it } from "@effect/vitest"
import { leftBehind, operationsBefore } from "@holdfast/test-services/leaving"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import { connectionOver } from "../../src/redis/Connection.ts"

/** A Redis that answers, is away, or is frozen. */
class FakeRedis {
  state: "answers" | "away" | "frozen" = "answers"
  sent = 0

  readonly send = (): Promise<unknown> => {
    this.sent++
    switch (this.state) {
      case "answers":
        return Promise.resolve("OK")
      case "away":
        return Promise.reject(new Error("away"))
      case "frozen":
        return new Promise(() => {})
    }
  }
}

const faultsThatOpen = 5
const openMillis = 1_000
const timeoutMillis = 100
/** Lets promises be answered. */
const turns = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe("the circuit of a Redis", () => {
  it.effect("lets the next caller find out, whenever the one who would have leaves", () =>
    Effect.gen(function* () {
      const leftAlone: Array<number> = []
      for (const operations of operationsBefore) {
        const redis = new FakeRedis()
        const connection = yield* connectionOver(redis.send, timeoutMillis)
        const ask = connection.command("k", ["GET", "k"])
        redis.state = "away"
        for (let fault = 0; fault < faultsThatOpen; fault++) yield* Effect.exit(ask)
        expect(connection.isLeftAlone()).toBe(true)
        redis.state = "answers"
        yield* TestClock.adjust(openMillis)
        yield* leftBehind(operations, ask)
        yield* TestClock.adjust(openMillis)
        yield* Effect.exit(ask)
        if (connection.isLeftAlone()) leftAlone.push(operations)
      }
      expect(leftAlone).toEqual([])
    }),
  )

  it.effect("takes no caller's leaving for a fault of Redis, and counts what Redis does after it", () =>
    Effect.gen(function* () {
      const redis = new FakeRedis()
      const connection = yield* connectionOver(redis.send, timeoutMillis)
      const leave = leftBehind(0, connection.command("k", ["GET", "k"]))
      const callers = 2 * faultsThatOpen
      for (let caller = 0; caller < callers; caller++) yield* leave
      expect([redis.sent, connection.isLeftAlone()]).toEqual([callers, false])
      redis.state = "frozen"
      for (let fault = 0; fault < faultsThatOpen; fault++) yield* leave
      expect(connection.isLeftAlone()).toBe(false)
      // Also where no caller has the patience to wait for the time-out, a frozen Redis is left alone.
      yield* TestClock.adjust(timeoutMillis)
      expect(connection.isLeftAlone()).toBe(true)
      yield* TestClock.adjust(openMillis)
      redis.state = "answers"
      yield* leave
      yield* turns
      expect(connection.isLeftAlone()).toBe(false)
    }),
  )
})
