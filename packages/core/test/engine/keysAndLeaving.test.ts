import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { controlledStore, gate, lose } from "../support/controlledStore.ts"
import {
  allOf,
  ask,
  endOf,
  engineOn,
  inSimulatedTime,
  pass,
  runOn,
  submit,
  submitAll,
  tally,
} from "../support/submitting.ts"
import { balanceOf, charge, furnish, names, onHandOf, place } from "./commands.ts"

const shop = Effect.gen(function* () {
  const store = yield* controlledStore({ lanes: 2 })
  yield* furnish(store.shape, { accounts: names(10), products: ["tea"] })
  const engine = yield* engineOn(store)
  store.transacts.length = 0
  const held = gate()
  return { store, engine, held }
})

describe("commands of one idempotency key", () => {
  it.effect("are in flight one at a time: the second waits and is answered with the first one's receipt", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const twins = submitAll(
        engine,
        [1, 2, 3].map(() => place("a0", "tea", 1, { key: "cart" })),
      )
      yield* runOn
      expect(store.transacts.map(({ commands }) => commands)).toEqual([["cart"]])
      held.open()
      expect((yield* inSimulatedTime(allOf(twins))).map(endOf)).toEqual(["Accepted", "Recalled", "Recalled"])
      expect(yield* onHandOf(store.shape, "tea")).toBe(999)
    }),
  )

  it.effect("with another intention are refused, even while the first is on its way", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const both = submitAll(engine, [place("a0", "tea", 1, { key: "cart" }), place("a0", "tea", 2, { key: "cart" })])
      held.open()
      expect((yield* inSimulatedTime(allOf(both))).map(endOf)).toEqual(["Accepted", "IdempotencyKeyReused"])
    }),
  )

  it.effect("do not wait for each other where the operation or the scope differs", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const theirs = { ...charge("a2", 1, { key: "same" }), scope: "theirs" } as ReturnType<typeof charge>
      submitAll(engine, [charge("a0", 1, { key: "same" }), place("a1", "tea", 1, { key: "same" }), theirs])
      yield* runOn
      expect(store.transacts.flatMap(({ commands }) => commands)).toEqual(["same", "same", "same"])
    }),
  )

  it.effect("take over when the first is refused, or leaves before it was taken", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      const [tooMuch, small] = submitAll(engine, [
        place("a0", "tea", 999, { key: "one" }),
        place("a0", "tea", 1, { key: "one" }),
      ])
      expect((yield* inSimulatedTime(allOf([tooMuch, small].filter((each) => each !== undefined)))).map(endOf)).toEqual(
        ["PointsNotEnough", "Accepted"],
      )
      store.behave = held.behave
      submitAll(engine, [charge("a1", 1), charge("a2", 1), place("a3", "tea", 1), place("a4", "tea", 1)])
      yield* runOn
      const [left, stayed] = submitAll(engine, [charge("a0", 1, { key: "two" }), charge("a0", 1, { key: "two" })])
      if (left !== undefined) engine.withdraw(left.pending)
      held.open()
      yield* pass(100)
      expect([left?.outcome(), endOf(stayed?.outcome())]).toEqual([undefined, "Accepted"])
    }),
  )

  it.effect("are known as pending until they are answered", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const command = charge("a0", 1, { key: "pending" })
      submit(engine, command)
      yield* runOn
      expect(engine.isPending(command)).toBe(true)
      held.open()
      yield* runOn
      expect(engine.isPending(command)).toBe(false)
    }),
  )

  it.effect("do not start a second one while the first may still be committing, deadline or not", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const first = submit(engine, place("a0", "tea", 1, { key: "cart", deadline: 200 }))
      yield* pass(300)
      expect(endOf(first.outcome())).toBe("StoreUnavailable")
      const second = submit(engine, place("a0", "tea", 1, { key: "cart", at: 300 }))
      yield* runOn
      expect(store.transacts.length).toBe(1)
      held.open()
      expect(endOf(yield* inSimulatedTime(second.done))).toBe("Accepted")
      expect(yield* onHandOf(store.shape, "tea")).toBe(999)
    }),
  )
})

describe("a caller who leaves", () => {
  it.effect("before a lane has taken the command: nothing happens, and the store never hears of it", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      submitAll(engine, [charge("a1", 1), charge("a2", 1)])
      yield* runOn
      const left = submit(engine, place("a0", "tea", 1, { key: "left" }))
      engine.withdraw(left.pending)
      held.open()
      yield* inSimulatedTime(ask(engine, charge("a3", 1)))
      expect(store.transacts.flatMap(({ commands }) => commands)).not.toContain("left")
      expect(left.answers()).toBe(0)
      expect(yield* onHandOf(store.shape, "tea")).toBe(1_000)
    }),
  )

  it.effect("after it was taken: it finishes, and the same key finds its answer", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      store.behave = held.behave
      const left = submit(engine, place("a0", "tea", 1, { key: "left" }))
      yield* runOn
      engine.withdraw(left.pending)
      held.open()
      yield* pass(50)
      expect(left.answers()).toBe(0)
      expect(yield* onHandOf(store.shape, "tea")).toBe(999)
      expect(endOf(yield* inSimulatedTime(ask(engine, place("a0", "tea", 1, { key: "left" }))))).toBe("Recalled")
    }),
  )

  it.effect("after it was taken, while the reply is lost: it is still carried to its end", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      store.behave = lose("before the commit", 3)
      const left = submit(engine, charge("a0", 1))
      yield* runOn
      engine.withdraw(left.pending)
      yield* pass(1_000)
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_001)
    }),
  )

  it.effect("twice, or after the answer, changes nothing", () =>
    Effect.gen(function* () {
      const { engine } = yield* shop
      const submitted = submit(engine, charge("a0", 1))
      yield* runOn
      engine.withdraw(submitted.pending)
      engine.withdraw(submitted.pending)
      expect(tally([submitted.outcome()])).toEqual({ Accepted: 1 })
      expect(engine.metrics()).toMatchObject({ queueDepth: 0, inFlight: 0 })
    }),
  )
})

describe("a command that nobody waits for", () => {
  it.effect("keeps nothing of its caller, who was answered or has left", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* shop
      const caller = (): void => {}
      const answered = engine.submit(charge("a0", 1), caller)
      yield* runOn
      store.behave = held.behave
      const [taken, waiting] = [engine.submit(charge("a0", 1), caller), engine.submit(charge("a0", 1), caller)]
      yield* runOn
      expect([answered, taken, waiting].map(({ resolve }) => resolve === caller)).toEqual([false, true, true])
      engine.withdraw(taken)
      engine.withdraw(waiting)
      expect([taken, waiting].map(({ resolve }) => resolve === caller)).toEqual([false, false])
      held.open()
    }),
  )
})
