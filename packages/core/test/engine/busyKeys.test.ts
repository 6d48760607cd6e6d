import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type KindName, lockedKeys, type StoreFault } from "../../src/ports/index.ts"
import { type Behaviour, busy, controlledStore, losing } from "../support/controlledStore.ts"
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

/** Somebody else holds these records until `free()`. The store says so at once, as it would after its lock time-out. */
const holding = (kind: KindName, ...ids: ReadonlyArray<string>) => {
  const held = new Set(ids)
  const behave: Behaviour = ({ keys }, run) => {
    const found = keys.of(kind).flatMap(([id]) => (held.has(String(id)) ? [String(id)] : []))
    return found.length === 0 ? run : busy(kind, ...found)
  }
  const free = (...freed: ReadonlyArray<string>) => {
    for (const id of freed) held.delete(id)
  }
  return { behave, free }
}

const shop = (lanes = 1) =>
  Effect.gen(function* () {
    const store = yield* controlledStore({ lanes })
    yield* furnish(store.shape, { accounts: names(300), products: ["hot", "cold"] })
    const engine = yield* engineOn(store)
    store.transacts.length = 0
    return { store, engine }
  })

describe("a key that somebody else holds", () => {
  it.effect("lets its commands through when it is freed, all of them and each once", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      const held = holding("product", "hot")
      store.behave = held.behave
      const submitted = submitAll(
        engine,
        names(200).map((account) => place(account, "hot", 1)),
      )
      yield* pass(3_000)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ "nothing yet": 200 })
      held.free("hot")
      yield* pass(300)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ Accepted: 200 })
      expect(yield* onHandOf(store.shape, "hot")).toBe(800)
    }),
  )

  it.effect("that is never freed answers DeadlineExceeded: it is certain that nothing happened", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      store.behave = holding("product", "hot").behave
      const submitted = submitAll(
        engine,
        names(10).map((account) => place(account, "hot", 1)),
      )
      yield* pass(10_200)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ DeadlineExceeded: 10 })
      yield* pass(500)
      expect(engine.metrics()).toMatchObject({ queueDepth: 0, inFlight: 0 })
      expect(yield* balanceOf(store.shape, "a0")).toBe(1_000)
    }),
  )

  it.effect(
    "that was not given for the second decision of refusals leaves the acceptances, which are committed, answered",
    () =>
      Effect.gen(function* () {
        for (const tag of ["Busy", "Rejected", "Lost"] as const) {
          const { store, engine } = yield* shop()
          let isFirst = true
          store.behave = (_, run) => {
            if (!isFirst) return run
            isFirst = false
            const keys = [{ kind: "product", key: ["hot"] }] as const
            return Effect.flatMap(run, (committed) =>
              Effect.fail<StoreFault>({ _tag: tag, keys, reason: "a row is held", attempt: {}, committed }),
            )
          }
          const [bought, refused] = submitAll(engine, [place("a0", "hot", 1), place("a1", "hot", 1_000)])
          yield* pass(0)
          expect(bought?.outcome(), tag).toMatchObject({ _tag: "Accepted" })
          yield* pass(3_000)
          // What is rejected and stands alone is not decided again.
          expect(refused?.outcome(), tag).toMatchObject({ _tag: tag === "Rejected" ? "Unavailable" : "Refused" })
          expect(yield* onHandOf(store.shape, "hot")).toBe(999)
          expect(engine.metrics()).toMatchObject({ queueDepth: 0, inFlight: 0 })
        }
      }),
  )

  it.effect("does not hide a reply that was lost earlier: then the deadline's answer is unknown", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      const held = holding("product", "hot")
      let first = true
      store.behave = (transact, run) => {
        if (!first) return held.behave(transact, run)
        first = false
        return Effect.andThen(run, losing)
      }
      const { outcome } = submit(engine, place("a0", "hot", 1))
      yield* pass(10_200)
      expect(outcome()).toMatchObject({ unavailable: { _tag: "StoreUnavailable", outcome: "unknown" } })
      expect(yield* onHandOf(store.shape, "hot")).toBe(999)
    }),
  )

  it.effect("goes back to the lanes once it is freed, though its commands never stop coming", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      const held = holding("product", "hot")
      store.behave = held.behave
      submitAll(
        engine,
        names(100).map((account) => place(account, "hot", 1)),
      )
      yield* pass(200)
      held.free("hot")
      // From here on a caller comes every 10 ms, so that something on the hot key is always under way.
      const late: Array<ReturnType<typeof submit>> = []
      for (let round = 0; round < 50; round++) {
        late.push(submit(engine, place(`a${100 + round}`, "hot", 1)))
        yield* pass(10)
      }
      const { outcome } = submit(engine, place("a200", "hot", 1))
      yield* runOn
      expect(endOf(outcome())).toBe("Accepted")
      expect(tally(late.map((each) => each.outcome()))).toEqual({ Accepted: 50 })
    }),
  )

  it.effect("can be left by its callers: what no lane has in hand will not happen", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      const held = holding("product", "hot")
      store.behave = held.behave
      const [left, stayed] = submitAll(engine, [place("a0", "hot", 1), place("a1", "hot", 1)])
      yield* pass(220)
      if (left !== undefined) engine.withdraw(left.pending)
      held.free("hot")
      yield* pass(200)
      expect(endOf(stayed?.outcome())).toBe("Accepted")
      expect(left?.outcome()).toBeUndefined()
      expect(yield* onHandOf(store.shape, "hot")).toBe(999)
    }),
  )

  it.effect("lets go of a command whose caller was answered while the store was still waiting for the key", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      // The store itself waits for the lock, longer than the caller's deadline, and only then gives up.
      store.behave = () => Effect.andThen(Effect.sleep(500), busy("product", "hot"))
      const command = place("a0", "hot", 1, { key: "cart", deadline: 300 })
      const { outcome } = submit(engine, command)
      yield* pass(400)
      expect(endOf(outcome())).toBe("StoreUnavailable")
      yield* inSimulatedTime(engine.settled, 1_000)
      expect(engine.isPending(command)).toBe(false)
    }),
  )

  it.effect("that the store cannot tell from the others of its batch holds up none of these, nor do several", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      const held = new Set(["a0", "a1", "a2", "a3", "a50", "a51"])
      store.behave = ({ keys }, run) =>
        keys.of("account").some(([id]) => held.has(String(id)))
          ? Effect.fail({ _tag: "Busy", keys: lockedKeys(keys), someOf: true })
          : run
      const submitted = submitAll(
        engine,
        names(100).map((account) => place(account, held.has(account) ? "cold" : "hot", 1)),
      )
      yield* pass(1_000)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ Accepted: 94, "nothing yet": 6 })
      expect(engine.metrics()).toMatchObject({ queueDepth: 6, inFlight: 0 })
      held.clear()
      yield* pass(600)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ Accepted: 100 })
      expect(engine.metrics()).toMatchObject({ queueDepth: 0, inFlight: 0, busyKeys: 0 })
    }),
  )

  it.effect("that may be any is looked for no longer where it is all of them", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      let held = true
      store.behave = ({ keys }, run) =>
        held ? Effect.fail({ _tag: "Busy", keys: lockedKeys(keys), someOf: true }) : run
      const submitted = submitAll(
        engine,
        names(100).map((account) => place(account, "hot", 1)),
      )
      yield* runOn
      expect(store.transacts.map(({ commands }) => commands.length)).toEqual([100, 1, 1])
      yield* pass(1_000)
      held = false
      yield* pass(200)
      expect(tally(submitted.map(({ outcome }) => outcome()))).toEqual({ Accepted: 100 })
    }),
  )

  it.effect("that the store cannot name holds up the whole batch, not the lane", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop()
      let held = true
      store.behave = (_, run) => (held ? busy("product") : run)
      const first = submit(engine, place("a0", "hot", 1))
      yield* pass(200)
      expect(first.outcome()).toBeUndefined()
      held = false
      expect(endOf(yield* inSimulatedTime(ask(engine, place("a1", "cold", 1)), 200))).toBe("Accepted")
      yield* pass(200)
      expect(endOf(first.outcome())).toBe("Accepted")
    }),
  )

  it.effect("keeps the wallet's order of charges when several of them had to wait", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop(2)
      const held = holding("account", "a0")
      store.behave = held.behave
      const charges = submitAll(
        engine,
        Array.from({ length: 10 }, () => charge("a0", 1)),
      )
      yield* pass(500)
      held.free("a0")
      const outcomes = yield* inSimulatedTime(allOf(charges))
      const seqs = outcomes.map((outcome) =>
        outcome._tag === "Accepted" ? (outcome.answer as { seq: number }).seq : 0,
      )
      expect(seqs).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    }),
  )
})
