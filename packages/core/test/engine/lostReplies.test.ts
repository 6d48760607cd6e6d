import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import type { Command } from "../../src/decision/Command.ts"
import type { StoreFault } from "../../src/ports/index.ts"
import { type ControlledStore, controlledStore } from "../support/controlledStore.ts"
import { ask, endOf, engineOn, inSimulatedTime, pass, runOn, submit } from "../support/submitting.ts"
import { balanceOf, charge, furnish, issue, onHandOf, place, restock } from "./commands.ts"

/** What the first try left behind: a session that goes on without its client. */
interface Outliving {
  readonly attempt: object
  /** Does what it was sent, unless it was ended. */
  readonly goOn: Effect.Effect<unknown, StoreFault>
  /** From now on it does nothing any more. */
  readonly end: () => void
}

/** Cuts the connection of the next batch before it has done anything. What it was sent is done when the test says so. */
const outlive = (store: ControlledStore, ...[attempt]: ReadonlyArray<object | undefined>): (() => Outliving) => {
  let cut: Outliving | undefined
  store.behave = (_, run) => {
    if (cut !== undefined) return run
    let ended = false
    cut = {
      attempt: attempt ?? {},
      goOn: Effect.suspend((): Effect.Effect<unknown, StoreFault> => (ended ? Effect.void : run)),
      end: () => {
        ended = true
      },
    }
    return Effect.fail({ _tag: "Lost", reason: "cut off", attempt })
  }
  return () => {
    if (cut === undefined) throw new Error("Nothing was cut off yet.")
    return cut
  }
}

const shop = Effect.gen(function* () {
  const store = yield* controlledStore()
  yield* furnish(store.shape, { accounts: ["ada", "bob"], products: ["tea"], campaigns: ["spring"] })
  const engine = yield* engineOn(store)
  yield* inSimulatedTime(ask(engine, charge("ada", 100_000)))
  yield* inSimulatedTime(ask(engine, place("bob", "tea", 100)))
  return { store, engine }
})

/** More than the 900 that there are, until somebody restocks. */
const tooMuch = (key: string, at = 0): Command => place("ada", "tea", 950, { key, at })

describe("a refusal after a lost reply", () => {
  it.effect("is final where the store has ended the first try before the second is decided", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      const cut = outlive(store, {})
      store.settle = () =>
        Effect.sync(() => {
          cut().end()
          return true
        })
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("OutOfStock")
      expect(store.settled).toEqual([cut().attempt])
      yield* inSimulatedTime(ask(engine, restock("tea", 500)))
      yield* cut().goOn
      expect(yield* onHandOf(store.shape, "tea")).toBe(1_400)
    }),
  )

  it.effect.each([
    ["cannot end what it was sent", (store: ControlledStore) => (store.settle = () => Effect.succeed(false)), {}],
    [
      "has no right to end it",
      (store: ControlledStore) => (store.settle = () => Effect.fail({ _tag: "Rejected", reason: "permission denied" })),
      {},
    ],
    ["cannot say what it was sent", () => {}, undefined],
  ] as const)("is an unknown outcome where the store %s, and it may happen", ([, prepare, attempt]) =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      const cut = outlive(store, attempt)
      prepare(store)
      const outcome = yield* inSimulatedTime(ask(engine, tooMuch("cart")))
      expect(outcome).toMatchObject({ unavailable: { _tag: "StoreUnavailable", outcome: "unknown" } })
      yield* inSimulatedTime(ask(engine, restock("tea", 500)))
      yield* cut().goOn
      expect(yield* onHandOf(store.shape, "tea")).toBe(450)
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("Recalled")
    }),
  )

  it.effect("is read after the first try has ended, so that what that still did is seen", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      const cut = outlive(store, {})
      // It gets there first, as a session may that is told to end in the middle of its commit.
      store.settle = () => Effect.as(cut().goOn, true)
      const outcome = yield* inSimulatedTime(ask(engine, place("ada", "tea", 100)))
      expect(endOf(outcome)).toBe("Recalled (own)")
      expect(yield* balanceOf(store.shape, "ada")).toBe(100_000)
    }),
  )

  it.effect("waits for a store that is away until it can be asked, and is unknown at the deadline", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      const cut = outlive(store, {})
      let away = true
      store.settle = () =>
        away ? Effect.fail({ _tag: "Lost", reason: "no connection", attempt: "nothing" }) : Effect.succeed(true)
      const patient = submit(engine, tooMuch("cart"))
      yield* pass(3_000)
      expect(patient.outcome()).toBeUndefined()
      // Nothing is decided before it is known what became of the first try.
      expect(store.transacts.filter(({ commands }) => commands.includes("cart")).length).toBe(1)
      away = false
      yield* pass(2_000)
      expect(endOf(patient.outcome())).toBe("OutOfStock")
      cut().end()
      outlive(store, {})
      away = true
      expect(yield* inSimulatedTime(ask(engine, tooMuch("other", 6_000)))).toMatchObject({
        unavailable: { _tag: "StoreUnavailable", outcome: "unknown" },
      })
    }),
  )

  it.effect("where nothing was sent is a refusal like any other", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      let away = 1
      store.behave = (_, run) =>
        away-- > 0 ? Effect.fail({ _tag: "Lost", reason: "no connection", attempt: "nothing" }) : run
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("OutOfStock")
      expect(store.settled).toEqual([])
    }),
  )

  it.effect(
    "keeps what is certain all the same: acceptances, receipts, and a key that was used for something else",
    () =>
      Effect.gen(function* () {
        const { store, engine } = yield* shop
        store.settle = () => Effect.succeed(false)
        outlive(store, {})
        expect(endOf(yield* inSimulatedTime(ask(engine, charge("ada", 5, { key: "top-up" }))))).toBe("Accepted")
        outlive(store, {})
        expect(endOf(yield* inSimulatedTime(ask(engine, charge("ada", 5, { key: "top-up" }))))).toBe("Recalled")
        outlive(store, {})
        const reused = yield* inSimulatedTime(ask(engine, charge("ada", 6, { key: "top-up" })))
        expect(endOf(reused)).toBe("IdempotencyKeyReused")
        expect(yield* balanceOf(store.shape, "ada")).toBe(101_005)
      }),
  )

  it.effect("both tries of one command never happen, however late the first one is", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      store.settle = () => Effect.succeed(false)
      const cut = outlive(store, {})
      expect(endOf(yield* inSimulatedTime(ask(engine, issue("spring", "ada"))))).toBe("Accepted")
      yield* cut().goOn
      expect((yield* store.shape.scan("coupon", undefined, 10)).length).toBe(1)
    }),
  )
})

describe("a key whose call ended without a decision", () => {
  const keyed = (key: string) => {
    const { operation, scope, key: itsKey } = tooMuch(key)
    return { operation, scope, key: itsKey }
  }

  it.effect("is not refused for good by the caller's next call, while the first may still be done", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      store.settle = () => Effect.succeed(false)
      const cut = outlive(store, {})
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("StoreUnavailable")
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("StoreUnavailable")
      const other = yield* inSimulatedTime(ask(engine, tooMuch("another cart")))
      expect(endOf(other)).toBe("OutOfStock")
      yield* inSimulatedTime(ask(engine, restock("tea", 500)))
      yield* cut().goOn
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("Recalled")
    }),
  )

  it.effect("is settled for whoever asks for it, as soon as the store can be asked", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      const cut = outlive(store, {})
      let away = true
      store.settle = () =>
        away
          ? Effect.fail({ _tag: "Lost", reason: "no connection", attempt: "nothing" })
          : Effect.sync(() => {
              cut().end()
              return true
            })
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart"))))).toBe("StoreUnavailable")
      // The lane gives it up once it looks at the clock again.
      yield* pass(2_000)
      expect(engine.isPending(keyed("cart"))).toBe(false)
      expect(yield* Effect.flip(engine.lostReply(keyed("cart")))).toMatchObject({ _tag: "Lost" })
      away = false
      expect(yield* engine.lostReply(keyed("cart"))).toEqual({ _tag: "Settled" })
      const asked = store.settled.length
      expect(yield* engine.lostReply(keyed("cart"))).toEqual({ _tag: "Settled" })
      expect(store.settled.length).toBe(asked)
      expect(yield* engine.lostReply(keyed("never called"))).toEqual({ _tag: "None" })
      expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart", 20_000))))).toBe("OutOfStock")
    }),
  )

  it.effect("stays open for as long, however the time of day is corrected meanwhile", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let correction = 0
      const corrected: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + correction,
      }
      yield* Effect.gen(function* () {
        const { store, engine } = yield* shop
        store.settle = () => Effect.succeed(false)
        outlive(store, {})
        yield* inSimulatedTime(ask(engine, tooMuch("cart")))
        for (correction of [600_000, -600_000]) {
          const now = corrected.currentTimeMillisUnsafe()
          const state = yield* engine.lostReply(keyed("cart"))
          expect(state).toMatchObject({ _tag: "Open" })
          expect(state._tag === "Open" && state.until > now).toBe(true)
          expect(endOf(yield* inSimulatedTime(ask(engine, tooMuch("cart", now))))).toBe("StoreUnavailable")
        }
        yield* pass(80_000)
        expect(yield* engine.lostReply(keyed("cart"))).toEqual({ _tag: "None" })
      }).pipe(Effect.provideService(Clock.Clock, corrected))
    }),
  )

  it.effect("is not forgotten for the many whose callers left, and who were answered by the store", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      store.settle = () => Effect.succeed(false)
      outlive(store, {})
      yield* inSimulatedTime(ask(engine, tooMuch("cart")))
      for (let round = 0; round < 200; round++) {
        const calls = Array.from({ length: 100 }, (_, n) =>
          submit(engine, charge("ada", 1, { key: `left-${round}-${n}` })),
        )
        // Their callers leave when a lane has them.
        store.behave = (_, run) =>
          Effect.andThen(
            Effect.sync(() => {
              for (const { pending } of calls) engine.withdraw(pending)
            }),
            run,
          )
        yield* runOn
      }
      expect(yield* balanceOf(store.shape, "ada")).toBe(101_000 + 20_000)
      expect(yield* engine.lostReply(keyed("cart"))).toMatchObject({ _tag: "Open" })
    }),
  )

  it.effect("stays open until a minute after its deadline where the store cannot end it, and no longer", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* shop
      store.settle = () => Effect.succeed(false)
      outlive(store, {})
      const command = tooMuch("cart")
      yield* inSimulatedTime(ask(engine, command))
      const until = command.deadline + 60_000
      expect(yield* engine.lostReply(keyed("cart"))).toEqual({ _tag: "Open", until })
      yield* pass(until)
      expect(yield* engine.lostReply(keyed("cart"))).toEqual({ _tag: "None" })
    }),
  )
})
