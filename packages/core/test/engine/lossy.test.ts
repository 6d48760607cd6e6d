import { Effect } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { runAudit } from "../../src/audit/runAudit.ts"
import type { Command } from "../../src/decision/Command.ts"
import { makeEngine } from "../../src/engine/Engine.ts"
import { InterleavingStore } from "../../src/memory/index.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { broken } from "../../src/testing/suites/contents.ts"
import { busy, losing, rejecting } from "../support/controlledStore.ts"
import { allOf, inSimulatedTime, submit, tally } from "../support/submitting.ts"
import { charge, furnish, issue, names, place, restock } from "./commands.ts"
import "../support/random.ts"

/** What becomes of one call of the store. */
type Fate = "goes well" | "is lost before" | "is lost after" | "is busy" | "is rejected where it is large"

const fates = fc.array(
  fc.constantFrom<Fate>("goes well", "is lost before", "is lost after", "is busy", "is rejected where it is large"),
  { maxLength: 8 },
)

/** The store in front of which the first calls meet their fates; all others go well. It may pass every turn at once. */
const fateful = (store: StoreShape, ahead: ReadonlyArray<Fate>, passesTurns: boolean): StoreShape => {
  const left = [...ahead]
  return {
    ...store,
    passesTurns,
    // Nothing of what is lost here is done later.
    settle: () => Effect.succeed(true),
    transact: (keys, decide, turn) =>
      Effect.suspend(() => {
        turn?.pass()
        const run = store.transact(keys, decide)
        switch (left.shift()) {
          case "is lost before":
            return losing
          case "is lost after":
            return Effect.andThen(run, losing)
          case "is busy":
            return busy("product", "tea")
          case "is rejected where it is large":
            return keys.of("receipt").length > 4 ? rejecting("too large") : run
          default:
            return run
        }
      }),
  }
}

const account = fc.constantFrom(...names(4))
const key = fc.option(fc.constantFrom("k1", "k2"), { freq: 4, nil: undefined })
const keyed = (shared: string | undefined) => (shared === undefined ? {} : { key: shared })
const commands: fc.Arbitrary<ReadonlyArray<() => Command>> = fc.array(
  fc.oneof(
    fc.tuple(account, fc.nat(9), key).map(
      ([id, by, k]) =>
        () =>
          charge(id, by + 1, keyed(k)),
    ),
    fc.tuple(account, fc.constantFrom("tea", "cup"), fc.nat(60), key).map(
      ([id, p, n, k]) =>
        () =>
          place(id, p, n + 1, keyed(k)),
    ),
    fc.tuple(account, key).map(
      ([id, k]) =>
        () =>
          issue("spring", id, keyed(k)),
    ),
    fc.tuple(fc.constantFrom("tea", "cup"), key).map(
      ([p, k]) =>
        () =>
          restock(p, 5, keyed(k)),
    ),
  ),
  { minLength: 5, maxLength: 60, size: "max" },
)

describe("whatever the store does to whole batches", () => {
  it("each command is there once or not at all, answered once, and every promise is kept", async () => {
    let lostReplies = 0
    await fc.assert(
      fc.asyncProperty(commands, fates, fc.boolean(), fc.boolean(), (made, ahead, optimistic, passesTurns) => {
        const run = Effect.gen(function* () {
          const store = yield* InterleavingStore.make({ optimistic })
          yield* furnish(store, { accounts: names(4), products: ["tea", "cup"], campaigns: ["spring"] })
          const engine = yield* makeEngine(fateful(store, ahead, passesTurns), { queueLimit: 1_000 })
          const submitted = made.map((make) => make()).map((command) => ({ command, ...submit(engine, command) }))
          const outcomes = yield* inSimulatedTime(allOf(submitted), 20_000)
          lostReplies += engine.metrics().lostReplies
          expect(submitted.every(({ answers }) => answers() === 1)).toBe(true)
          const ends = tally(outcomes)
          expect(Object.keys(ends)).not.toContain("StoreUnavailable")
          expect(Object.keys(ends)).not.toContain("Defective")
          expect(yield* broken(store)).toEqual([])
          const { checks } = yield* runAudit(store, { asOf: Number.MAX_SAFE_INTEGER })
          expect(checks.flatMap(({ id, examples }) => examples.map((example) => [id, example]))).toEqual([])
          // Every acceptance left its receipt, and every receipt belongs to one acceptance.
          const ours = new Set<string>(submitted.map(({ command }) => command.id))
          const receipts = yield* store.scan("receipt", undefined, 10_000)
          const written = receipts.filter(({ commandId }) => ours.has(commandId)).length
          expect(written).toBe((ends.Accepted ?? 0) + (ends["Recalled (own)"] ?? 0))
        })
        return Effect.runPromise(Effect.provide(Effect.scoped(run), TestClock.layer()))
      }),
      { numRuns: 60 },
    )
    expect(lostReplies).toBeGreaterThan(0)
  })
})
