import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { busy, controlledStore, gate } from "../support/controlledStore.ts"
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
import { charge, furnish, issue, names, onHandOf, place, restock } from "./commands.ts"

/** An engine whose one lane is held in the store by a first command, so that all others wait. */
const heldEngine = (queueLimit: number) =>
  Effect.gen(function* () {
    const store = yield* controlledStore({ lanes: 1 })
    yield* furnish(store.shape, { accounts: names(200), products: ["hot", "cold"], campaigns: ["spring"] })
    const engine = yield* engineOn(store, queueLimit)
    const held = gate()
    store.behave = held.behave
    store.transacts.length = 0
    submit(engine, charge("a199", 1))
    yield* runOn
    return { store, engine, held }
  })

describe("the queue", () => {
  it.effect("that is full answers Overloaded at once, with a hint, and nothing reaches the store", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* heldEngine(100)
      const waiting = submitAll(
        engine,
        names(90).map((account) => charge(account, 1)),
      )
      const refused = submit(engine, charge("a95", 1, { key: "too-many" }))
      expect(refused.outcome()).toMatchObject({
        _tag: "Unavailable",
        unavailable: { _tag: "Overloaded", outcome: "nothing-happened" },
      })
      expect(refused.outcome()).toHaveProperty(
        "unavailable.retryAfterMillis",
        expect.toSatisfy((hint) => hint >= 50),
      )
      expect(store.transacts.length).toBe(1)
      held.open()
      expect(tally(yield* inSimulatedTime(allOf(waiting)))).toEqual({ Accepted: 90 })
      expect(store.transacts.flatMap(({ commands }) => commands)).not.toContain("too-many")
      expect(endOf(yield* inSimulatedTime(ask(engine, charge("a95", 1))))).toBe("Accepted")
    }),
  )

  it.effect("gives one hot key at most half of itself, and lets others in", () =>
    Effect.gen(function* () {
      const { engine, held } = yield* heldEngine(100)
      const hot = submitAll(
        engine,
        names(90).map((account) => place(account, "hot", 1)),
      )
      expect(tally(hot.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 50, Overloaded: 40 })
      const cold = submitAll(
        engine,
        names(40, "a").map((account) => place(account, "cold", 1)),
      )
      expect(tally(cold.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 40 })
      held.open()
      expect(tally(yield* inSimulatedTime(allOf([...hot, ...cold])))).toEqual({ Accepted: 90, Overloaded: 40 })
    }),
  )

  it.effect("gives a hot campaign's flood no more than half either", () =>
    Effect.gen(function* () {
      const { engine } = yield* heldEngine(100)
      const flood = submitAll(
        engine,
        names(150).map((account) => issue("spring", account)),
      )
      expect(tally(flood.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 50, Overloaded: 100 })
      expect(submit(engine, charge("a150", 1)).outcome()).toBeUndefined()
    }),
  )

  it.effect("opens to a hot key again as soon as its commands are taken", () =>
    Effect.gen(function* () {
      const { engine, held } = yield* heldEngine(100)
      submitAll(
        engine,
        names(60).map((account) => place(account, "hot", 1)),
      )
      submitAll(
        engine,
        names(20).map((account) => place(account, "cold", 1)),
      )
      expect(endOf(submit(engine, place("a61", "hot", 1)).outcome())).toBe("Overloaded")
      held.letOne()
      yield* runOn
      expect(submit(engine, place("a61", "hot", 1)).outcome()).toBeUndefined()
    }),
  )

  it.effect("keeps a tenth for the host's own commands, whatever floods it", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* heldEngine(100)
      submitAll(
        engine,
        names(45).map((account) => place(account, "hot", 1)),
      )
      submitAll(
        engine,
        names(100).map((account) => charge(account, 1)),
      )
      expect(endOf(submit(engine, charge("a150", 1)).outcome())).toBe("Overloaded")
      const operators = submitAll(
        engine,
        Array.from({ length: 11 }, () => restock("hot", 1)),
      )
      expect(tally(operators.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 10, Overloaded: 1 })
      held.open()
      yield* inSimulatedTime(allOf(operators))
      expect(yield* onHandOf(store.shape, "hot")).toBe(1_000 - 45 + 10)
    }),
  )

  it.effect("counts what waits for a busy key against the share of that key", () =>
    Effect.gen(function* () {
      const store = yield* controlledStore({ lanes: 1 })
      yield* furnish(store.shape, { accounts: names(200), products: ["hot", "cold"] })
      const engine = yield* engineOn(store, 100)
      store.behave = ({ keys }, run) => (keys.of("product").some(([id]) => id === "hot") ? busy("product", "hot") : run)
      // The lane takes them as they come and sets them aside, so that none of them stays in the queue itself.
      for (const account of names(120)) {
        submit(engine, place(account, "hot", 1))
        yield* runOn
      }
      const cold = submitAll(
        engine,
        names(30).map((account) => place(account, "cold", 1)),
      )
      expect(tally(yield* inSimulatedTime(allOf(cold), 1_000))).toEqual({ Accepted: 30 })
    }),
  )

  it.effect("is empty again once everything was answered or withdrawn", () =>
    Effect.gen(function* () {
      const { engine, held } = yield* heldEngine(100)
      const waiting = submitAll(
        engine,
        names(40).map((account) => charge(account, 1)),
      )
      for (const { pending } of waiting.slice(0, 20)) engine.withdraw(pending)
      held.open()
      yield* pass(100)
      expect(engine.metrics()).toMatchObject({ queueDepth: 0, inFlight: 0 })
    }),
  )

  it.effect("of one place takes one command at a time", () =>
    Effect.gen(function* () {
      const { engine, held } = yield* heldEngine(1)
      const [first, second] = submitAll(engine, [charge("a0", 1), charge("a1", 1)])
      expect([first?.outcome(), endOf(second?.outcome())]).toEqual([undefined, "Overloaded"])
      held.open()
      yield* pass(50)
      expect(endOf(first?.outcome())).toBe("Accepted")
    }),
  )
})
