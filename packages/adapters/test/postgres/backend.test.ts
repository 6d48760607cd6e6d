import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Backend, settleOn } from "../../src/postgres/connect/Backend.ts"
import { Connection } from "../../src/postgres/session/Connection.ts"
import type { Reply, Wire } from "../../src/postgres/session/wire.ts"

const backend = new Backend({ pid: 1, startedAt: "2", serverStartedAt: "3" })
const reply = (value: string): Reply => ({ values: [value], failed: undefined })
const settled = (open: Effect.Effect<Wire, { code: undefined; message: string; cause: undefined }>) =>
  Effect.gen(function* () {
    const connection = yield* Connection.make(open)
    const fiber = yield* Effect.forkChild(Effect.result(settleOn(connection)(backend)))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })
const telling = (value: string) => settled(Effect.succeed({ run: () => Effect.succeed(reply(value)) }))

describe("the end of a server's process", () => {
  it.effect("is waited for while it is there, and not for ever", () =>
    Effect.gen(function* () {
      expect(yield* telling("[[false,[true]]]")).toMatchObject({ success: false })
    }),
  )

  it.effect("has come where it is not there any more", () =>
    Effect.gen(function* () {
      expect(yield* telling("[[false,null]]")).toMatchObject({ success: true })
    }),
  )

  it.effect("is nothing that a standby knows of", () =>
    Effect.gen(function* () {
      expect(yield* telling("[[true,null]]")).toMatchObject({ success: false })
    }),
  )

  it.effect("is not given up because the server cannot be asked for a while", () =>
    Effect.gen(function* () {
      const failure = { code: undefined, message: "nobody answers", cause: undefined }
      const open = Effect.andThen(Effect.sleep("20 seconds"), Effect.fail(failure))
      expect(yield* settled(open)).toMatchObject({ failure: { _tag: "Lost" } })
    }),
  )
})
