/**
 * What stalls holds up its own: a key that is held, a reply that does not come, many processes that ask again.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { busy, controlledStore, gate, losing } from "../support/controlledStore.ts"
import { allOf, ask, endOf, engineOn, inSimulatedTime, submitAll, tally } from "../support/submitting.ts"
import { charge, furnish, names, place } from "./commands.ts"

describe("what stalls", () => {
  it.effect(
    "SB-32: a contended wallet stops its own order only: no time passes for other buyers of a hot product",
    () =>
      Effect.gen(function* () {
        const store = yield* controlledStore({ lanes: 1 })
        yield* furnish(store.shape, { accounts: names(60), products: ["hot"] })
        const engine = yield* engineOn(store)
        store.behave = ({ keys }, run) => (keys.of("account").some(([id]) => id === "a0") ? busy("account", "a0") : run)
        const theirs = submitAll(engine, [charge("a0", 1), place("a0", "hot", 1), charge("a0", 1)])
        const others = submitAll(
          engine,
          names(60)
            .slice(1)
            .map((account) => place(account, "hot", 1)),
        )
        // Simulated time stands still here: whoever slept for somebody else would still be asleep.
        expect(tally(yield* allOf(others))).toEqual({ Accepted: 59 })
        expect(tally(theirs.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 3 })
        store.behave = (_, run) => run
        expect(tally(yield* inSimulatedTime(allOf(theirs)))).toEqual({ Accepted: 3 })
      }),
  )

  it.effect("SB-32: a reply that has to be waited for holds up its own batch, while the other lane goes on", () =>
    Effect.gen(function* () {
      const store = yield* controlledStore({ lanes: 2 })
      yield* furnish(store.shape, { accounts: names(4), products: ["hot"] })
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = (transact, run) => (transact.commands.includes("slow") ? held.behave(transact, run) : run)
      const [slow] = submitAll(engine, [place("a0", "hot", 1, { key: "slow" })])
      yield* Effect.yieldNow
      for (const account of names(4)) expect(endOf(yield* ask(engine, place(account, "hot", 1)))).toBe("Accepted")
      expect(slow?.outcome()).toBeUndefined()
    }),
  )

  it.effect(
    "SB-33: processes that lose a reply at one moment ask again at different moments, and ever more rarely",
    () =>
      Effect.gen(function* () {
        const pauses: Array<ReadonlyArray<number>> = []
        for (let process = 0; process < 24; process++) {
          const store = yield* controlledStore({ lanes: 1 })
          yield* furnish(store.shape, { accounts: ["a0"] })
          const engine = yield* engineOn(store)
          const asked: Array<number> = []
          store.behave = (_, run) =>
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              asked.push(now)
              return asked.length <= 6 ? losing : run
            })
          const at = yield* Clock.currentTimeMillis
          const outcome = yield* inSimulatedTime(ask(engine, charge("a0", 1, { at })))
          expect(endOf(outcome)).toBe("Accepted")
          pauses.push(asked.slice(1).map((time, n) => time - (asked[n] ?? 0)))
        }
        for (let n = 0; n < 6; n++) {
          const nth = pauses.map((each) => each[n] ?? 0).sort((left, right) => left - right)
          const [shortest = 0, longest = 0] = [nth[0], nth.at(-1)]
          const doubled = 10 * 2 ** n
          // Simulated time moves in steps of a few milliseconds.
          expect(shortest).toBeGreaterThanOrEqual(doubled / 2)
          expect(longest).toBeLessThanOrEqual(1.5 * doubled + 10)
          expect(longest - shortest).toBeGreaterThan(doubled / 2)
        }
      }),
  )
})
