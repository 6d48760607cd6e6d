import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { makeEngine } from "../../src/engine/Engine.ts"
import { InterleavingStore } from "../../src/memory/index.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { broken } from "../../src/testing/suites/contents.ts"
import { failureOf, runSeeded } from "../memory/world.ts"
import { controlledStore } from "../support/controlledStore.ts"
import { ask, endOf, tally } from "../support/submitting.ts"
import { charge, furnish, issue, names, place } from "./commands.ts"

const schedules = Array.from({ length: 150 }, (_, seed) => seed)

/** Far from now, so that no deadline is near whatever the machine does. */
const options = { at: testAt, deadline: Number.MAX_SAFE_INTEGER }

describe("under any schedule", () => {
  it("a lane that is about to wait is woken by the command that comes just then", () => {
    for (const seed of Array.from({ length: 400 }, (_, index) => index)) {
      const exit = runSeeded(
        Effect.scoped(
          Effect.gen(function* () {
            const { shape } = yield* controlledStore({ lanes: 1 })
            yield* furnish(shape, { accounts: ["ada"], products: ["tea"] })
            const engine = yield* makeEngine(shape, { queueLimit: 10 })
            for (let turn = 0; turn < 8; turn++) {
              expect(endOf(yield* ask(engine, place("ada", "tea", 1, options)))).toBe("Accepted")
            }
          }),
        ),
        seed,
      )
      expect(Exit.isSuccess(exit), `seed ${seed}: ${failureOf(exit)}`).toBe(true)
    }
  })

  it.each([
    ["", false],
    [", where batches of a lane overlap", true],
  ])("no command is slept through: callers who come one by one, and all at once, are answered%s", (_, passesTurns) => {
    for (const seed of schedules) {
      const exit = runSeeded(
        Effect.scoped(
          Effect.gen(function* () {
            const store = yield* InterleavingStore.make()
            yield* furnish(store, { accounts: names(8), products: ["tea", "cup"], campaigns: ["spring"] })
            const passing: StoreShape = {
              ...store,
              passesTurns,
              transact: (keys, decide, turn) => {
                turn?.pass()
                return store.transact(keys, decide)
              },
            }
            const engine = yield* makeEngine(passing, { queueLimit: 1_000 })
            for (const account of names(4)) {
              expect(endOf(yield* ask(engine, place(account, "tea", 1, options)))).toBe("Accepted")
            }
            const together = names(8).flatMap((account) => [
              charge(account, 1, options),
              charge("a0", 1, options),
              place(account, "cup", 1, options),
              issue("spring", account, options),
            ])
            const outcomes = yield* Effect.forEach(together, (command) => ask(engine, command), {
              concurrency: "unbounded",
            })
            expect(tally(outcomes)).toEqual({ Accepted: 32 })
            expect(yield* broken(store)).toEqual([])
          }),
        ),
        seed,
      )
      expect(Exit.isSuccess(exit), `seed ${seed}: ${failureOf(exit)}`).toBe(true)
    }
  })
})
