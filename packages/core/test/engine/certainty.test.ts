import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { JumpingClock } from "../../src/testing/sim/JumpingClock.ts"
import { controlledStore, gate, lose, losing, rejecting } from "../support/controlledStore.ts"
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
  yield* furnish(store.shape, { accounts: names(200), products: ["tea"] })
  store.transacts.length = 0
  return store
})

describe("a lost reply", () => {
  it.effect.each(["before the commit", "after the commit"] as const)(
    "%s is made good by the same command: once, and not as a replay",
    (when) =>
      Effect.gen(function* () {
        const store = yield* shop
        const engine = yield* engineOn(store)
        store.behave = lose(when)
        const outcome = yield* inSimulatedTime(ask(engine, place("a0", "tea", 3, { key: "cart" })))
        expect(endOf(outcome)).toBe(when === "before the commit" ? "Accepted" : "Recalled (own)")
        expect(yield* onHandOf(store.shape, "tea")).toBe(997)
        expect(yield* balanceOf(store.shape, "a0")).toBe(970)
        expect(store.transacts.map(({ commands }) => commands)).toEqual([["cart"], ["cart"]])
        expect(engine.metrics()).toMatchObject({ lostReplies: 1, operations: { "orders.place": { accepted: 1 } } })
      }),
  )

  it.effect("of a whole batch happens exactly once for each of its commands, however often replies are lost", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      let calls = 0
      // The first reply is lost on the way there, the next three on the way back.
      store.behave = (_, run) => {
        calls += 1
        if (calls === 1) return losing
        return calls <= 4 ? Effect.andThen(run, losing) : run
      }
      const submitted = submitAll(
        engine,
        names(100).map((account) => charge(account, 7)),
      )
      const outcomes = yield* inSimulatedTime(allOf(submitted))
      expect(outcomes.every((outcome) => endOf(outcome) === "Accepted" || endOf(outcome) === "Recalled (own)")).toBe(
        true,
      )
      expect(submitted.every(({ answers }) => answers() === 1)).toBe(true)
      for (const account of names(100)) expect(yield* balanceOf(store.shape, account)).toBe(1_007)
    }),
  )

  it.effect("that stays lost is unknown at the deadline, never a refusal, and its receipt tells the truth", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      store.behave = lose("after the commit", Number.POSITIVE_INFINITY)
      const outcome = yield* inSimulatedTime(ask(engine, charge("a0", 5, { key: "top-up" })))
      expect(outcome).toMatchObject({
        _tag: "Unavailable",
        unavailable: { _tag: "StoreUnavailable", outcome: "unknown" },
      })
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_005)
      store.behave = (_, run) => run
      const again = yield* inSimulatedTime(ask(engine, charge("a0", 5, { key: "top-up", at: 20_000 })))
      expect(endOf(again)).toBe("Recalled")
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_005)
    }),
  )

  it.effect("of a command that would be refused now is not answered with that refusal", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      store.behave = lose("after the commit")
      // It spends all there is, so that deciding it afresh would find the wallet empty.
      expect(endOf(yield* inSimulatedTime(ask(engine, place("a0", "tea", 100))))).toBe("Recalled (own)")
      expect(yield* balanceOf(store.shape, "a0")).toBe(0)
    }),
  )
})

describe("a store that fails in its own ways", () => {
  it.effect("and dies counts as a lost reply: it may have come after the commit", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      let died = false
      store.behave = (_, run) => {
        if (died) return run
        died = true
        return Effect.andThen(run, Effect.die(new Error("a bug of the adapter")))
      }
      expect(endOf(yield* inSimulatedTime(ask(engine, charge("a0", 5))))).toBe("Recalled (own)")
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_005)
    }),
  )

  it.effect("and throws where it should answer an effect is answered for all the same", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      let thrown = false
      store.behave = (_, run) => {
        if (thrown) return run
        thrown = true
        throw new Error("a bug of the adapter")
      }
      expect(endOf(yield* inSimulatedTime(ask(engine, charge("a0", 5))))).toBe("Accepted")
    }),
  )

  it.effect("and hangs keeps nobody past the deadline; what it held is unknown, what waited did not happen", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = held.behave
      const inHand = submitAll(engine, [charge("a0", 1), charge("a1", 1)])
      yield* runOn
      const behind = submitAll(engine, [charge("a0", 1), charge("a1", 1)])
      yield* pass(9_900)
      expect(tally([...inHand, ...behind].map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 4 })
      yield* pass(200)
      expect(tally(inHand.map(({ outcome }) => outcome()))).toEqual({ StoreUnavailable: 2 })
      expect(tally(behind.map(({ outcome }) => outcome()))).toEqual({ DeadlineExceeded: 2 })
      held.open()
      yield* pass(100)
      expect([...inHand, ...behind].map(({ answers }) => answers())).toEqual([1, 1, 1, 1])
      // What was decided after its deadline was not accepted, whoever waited for it.
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_000)
      expect(endOf(yield* inSimulatedTime(ask(engine, charge("a0", 1, { at: 20_000 }))))).toBe("Accepted")
    }),
  )

  it.effect("and refuses one odd command of 128 fails that one alone", () =>
    Effect.gen(function* () {
      const store = yield* controlledStore({ lanes: 1 })
      yield* furnish(store.shape, { accounts: names(128) })
      const engine = yield* engineOn(store)
      store.transacts.length = 0
      store.behave = ({ commands }, run) => (commands.includes("odd") ? rejecting("value out of range") : run)
      const submitted = submitAll(
        engine,
        names(128).map((account, index) => charge(account, 1, index === 77 ? { key: "odd" } : {})),
      )
      const outcomes = yield* inSimulatedTime(allOf(submitted))
      expect(tally(outcomes)).toEqual({ Accepted: 127, StoreRejected: 1 })
      const unavailable = { outcome: "nothing-happened", reason: "value out of range" }
      expect(outcomes[77]).toMatchObject({ unavailable })
      // Halving finds it in a number of steps that grows with the logarithm: 128, 64, 32 … 1, and the other halves.
      expect(store.batchSizes[0]).toBe(128)
      expect(store.transacts.length).toBe(15)
      expect(engine.metrics().rejectedBatches).toBe(8)
    }),
  )

  it.effect.each(["before the commit", "after the commit"] as const)(
    "and refuses a command whose reply was lost %s leaves its outcome unknown",
    (when) =>
      Effect.gen(function* () {
        const store = yield* shop
        const engine = yield* engineOn(store)
        const losingOnce = lose(when)
        store.behave = (transact, run) =>
          store.transacts.length > 1 ? rejecting("value out of range") : losingOnce(transact, run)
        const outcome = yield* inSimulatedTime(ask(engine, charge("a0", 5)))
        expect(outcome).toMatchObject({
          _tag: "Unavailable",
          unavailable: { _tag: "StoreUnavailable", outcome: "unknown", reason: "value out of range" },
        })
      }),
  )

  it.effect("and refuses every command answers all of them and goes on", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      store.behave = () => rejecting("read-only")
      const outcomes = yield* inSimulatedTime(
        allOf(
          submitAll(
            engine,
            names(20).map((account) => charge(account, 1)),
          ),
        ),
      )
      expect(tally(outcomes)).toEqual({ StoreRejected: 20 })
      store.behave = (_, run) => run
      expect(endOf(yield* inSimulatedTime(ask(engine, charge("a0", 1))))).toBe("Accepted")
    }),
  )

  it.effect("a rule that throws is its own command's defect, and its neighbours are decided", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      const odd = charge("a1", 1)
      const broken = {
        ...odd.operation,
        decide: () => {
          throw new Error("a bug of the rules")
        },
      }
      const outcomes = yield* inSimulatedTime(
        allOf(submitAll(engine, [charge("a0", 1), { ...odd, operation: broken }, charge("a2", 1)])),
      )
      expect(outcomes.map(endOf)).toEqual(["Accepted", "Defective", "Accepted"])
    }),
  )
})

describe("a deadline", () => {
  it.effect("that passes while a command waits means that nothing happened, and nothing will", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = held.behave
      submitAll(engine, [charge("a0", 1), charge("a1", 1), place("a0", "tea", 1), place("a1", "tea", 1)])
      yield* runOn
      const late = submit(engine, place("a2", "tea", 5, { deadline: 300, key: "late" }))
      yield* pass(400)
      expect(late.outcome()).toMatchObject({
        unavailable: { _tag: "DeadlineExceeded", outcome: "nothing-happened", deadlineMillis: 300 },
      })
      held.open()
      yield* pass(1_000)
      expect(store.transacts.some(({ commands }) => commands.includes("late"))).toBe(false)
      expect(yield* balanceOf(store.shape, "a2")).toBe(1_000)
      expect(late.answers()).toBe(1)
    }),
  )

  it.effect("is looked at once more where the command is decided", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      // Admitted long ago by its stamp, and handed over only now.
      const outcome = yield* inSimulatedTime(
        Effect.andThen(pass(500), ask(engine, charge("a0", 1, { at: 0, deadline: 499 }))),
      )
      expect(endOf(outcome)).toBe("DeadlineExceeded")
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_000)
    }),
  )

  it.effect.each([
    { where: "in a lane's hands", deadline: 300, told: "StoreUnavailable" },
    { where: "while it waits", deadline: 300, told: "DeadlineExceeded" },
  ])("gets no later by a clock that is set back: $where", ({ where, deadline, told }) =>
    Effect.gen(function* () {
      const clock = new JumpingClock(yield* Clock.Clock)
      const store = yield* shop
      const engine = yield* Effect.provideService(engineOn(store), Clock.Clock, clock)
      const held = gate()
      store.behave = held.behave
      if (where === "while it waits") {
        submitAll(engine, [charge("a0", 1), charge("a1", 1), place("a0", "tea", 1), place("a1", "tea", 1)])
      }
      yield* runOn
      const late = submit(engine, place("a2", "tea", 5, { deadline, key: "late" }))
      yield* runOn
      clock.jump(-3_600_000)
      yield* pass(deadline + 100)
      expect(endOf(late.outcome())).toBe(told)
      // Whatever is decided only now is so too late.
      held.open()
      yield* pass(1_000)
      expect(yield* balanceOf(store.shape, "a2")).toBe(1_000)
    }),
  )

  it.effect("is kept within 50 ms of simulated time", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      store.behave = gate().behave
      const submitted = submit(engine, charge("a0", 1, { deadline: 1_000 }))
      yield* pass(1_000)
      expect(submitted.outcome()).toBeUndefined()
      yield* pass(60)
      expect(endOf(submitted.outcome())).toBe("StoreUnavailable")
    }),
  )
})

describe("a call of a key whose earlier call may be done", () => {
  const unknown = { unavailable: { _tag: "StoreUnavailable", outcome: "unknown" } }
  const cart = (deadline: number) => place("a0", "tea", 1, { key: "cart", deadline })

  it.effect("is unknown at its deadline, however it waits behind that one", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = (_, run) => Effect.tap(run, () => held.behave(_, Effect.void))
      const first = submit(engine, cart(200))
      const twin = submit(engine, cart(250))
      yield* pass(400)
      const later = submit(engine, cart(500))
      yield* pass(200)
      for (const { outcome } of [first, twin, later]) expect(outcome()).toMatchObject(unknown)
      expect(yield* onHandOf(store.shape, "tea")).toBe(999)
    }),
  )

  it.effect("is unknown where no lane took it, the store rejected it or the queue is full, once a reply was lost", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store, 10)
      store.behave = lose("after the commit", Number.POSITIVE_INFINITY)
      expect(yield* inSimulatedTime(ask(engine, cart(200)))).toMatchObject(unknown)
      yield* pass(1_000)
      expect(engine.isPending(cart(0))).toBe(false)
      store.behave = () => rejecting("read-only")
      expect(yield* inSimulatedTime(ask(engine, cart(5_000)))).toMatchObject(unknown)
      store.behave = gate().behave
      submitAll(engine, [charge("a1", 1), charge("a2", 1), place("a3", "tea", 1), place("a4", "tea", 1)])
      yield* runOn
      const late = submit(engine, cart(3_000))
      const other = submit(engine, place("a0", "tea", 1, { key: "other", deadline: 3_000 }))
      yield* pass(3_000)
      expect(late.outcome()).toMatchObject(unknown)
      expect(endOf(other.outcome())).toBe("DeadlineExceeded")
      const tooMany = submitAll(
        engine,
        names(10).map((account) => charge(account, 1)),
      )
      expect(endOf(tooMany.at(-1)?.outcome())).toBe("Overloaded")
      expect(submit(engine, cart(9_000)).outcome()).toMatchObject(unknown)
    }),
  )

  it.effect("is unknown where the queue is full and the first one still waits in it", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store, 3)
      store.behave = gate().behave
      submitAll(engine, [charge("a1", 1)])
      yield* runOn
      submitAll(engine, [charge("a1", 1), cart(9_000)])
      expect(submit(engine, cart(9_000)).outcome()).toMatchObject(unknown)
      expect(endOf(submit(engine, place("a0", "tea", 1, { key: "other" })).outcome())).toBe("Overloaded")
    }),
  )

  it.effect("is unknown where no lane takes it, and the first one was done after its caller had left", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = held.behave
      const left = submit(engine, cart(9_000))
      const refused = submit(engine, place("a1", "tea", 2_000, { key: "refused" }))
      yield* runOn
      for (const { pending } of [left, refused]) engine.withdraw(pending)
      held.open()
      yield* pass(50)
      expect(yield* onHandOf(store.shape, "tea")).toBe(999)
      store.behave = gate().behave
      submitAll(engine, [charge("a3", 1), charge("a4", 1), place("a3", "tea", 1), place("a4", "tea", 1)])
      yield* runOn
      const [again, neverDone] = submitAll(engine, [
        cart(3_000),
        place("a1", "tea", 2_000, { key: "refused", deadline: 3_000 }),
      ])
      yield* pass(3_000)
      expect(again?.outcome()).toMatchObject(unknown)
      expect(endOf(neverDone?.outcome())).toBe("DeadlineExceeded")
    }),
  )

  it.effect("is unknown where the engine stops, and from then on", () =>
    Effect.gen(function* () {
      const store = yield* shop
      const engine = yield* engineOn(store)
      store.behave = (_, run) => Effect.andThen(run, Effect.never)
      submit(engine, cart(9_000))
      yield* runOn
      const twin = submit(engine, cart(9_000))
      const left = submit(engine, place("a1", "tea", 1, { key: "left" }))
      yield* runOn
      engine.withdraw(left.pending)
      yield* inSimulatedTime(engine.stop(500))
      expect(twin.outcome()).toMatchObject(unknown)
      expect(submit(engine, cart(9_000)).outcome()).toMatchObject(unknown)
      expect(submit(engine, place("a1", "tea", 1, { key: "left" })).outcome()).toMatchObject(unknown)
      expect(endOf(submit(engine, place("a0", "tea", 1, { key: "other" })).outcome())).toBe("Stopped")
    }),
  )
})
