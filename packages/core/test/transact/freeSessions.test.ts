/**
 * Which session a batch gets.
 */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { FreeSessions } from "../../src/transact/FreeSessions.ts"
import type { SessionSource } from "../../src/transact/Session.ts"

const unused: SessionSource = { use: () => Effect.die("nothing is sent") }

it("one turn in thirty-two is kept, so that the connection comes to rest", () => {
  const sessions = new FreeSessions([unused])
  let passed = 0
  const turn = { lane: 0, pass: () => passed++ }
  for (let n = 0; n < 64; n++) Effect.runSync(sessions.use((_, sent) => Effect.sync(sent), turn))
  expect(passed).toBe(62)
})
