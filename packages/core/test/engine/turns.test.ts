/**
 * Turns: where the store passes them, the batches of a lane's own counters overlap, two at a time.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { CampaignId } from "../../src/values.ts"
import { type Behaviour, controlledStore, gate, lose } from "../support/controlledStore.ts"
import { allOf, engineOn, inSimulatedTime, runOn, type Submitted, submitAll } from "../support/submitting.ts"
import { furnish, issue, names, place } from "./commands.ts"

/** Passes the turn as soon as it has it. */
const passing =
  (behave: Behaviour): Behaviour =>
  (transact, run) => {
    transact.turn?.pass()
    return behave(transact, run)
  }

const oneLane = Effect.gen(function* () {
  const store = yield* controlledStore({ lanes: 1 }, true)
  yield* furnish(store.shape, { accounts: names(400), products: names(10, "p"), campaigns: ["c0"] })
  const engine = yield* engineOn(store)
  store.transacts.length = 0
  return { store, engine, held: gate() }
})

const claims = (count: number, from = 0) => Array.from({ length: count }, (_, index) => issue("c0", `a${from + index}`))

describe("a lane whose store passes turns", () => {
  it.effect("gives no turn to batches that any lane could take", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* oneLane
      store.behave = passing(held.behave)
      submitAll(engine, [place("a0", "p0", 1), ...claims(3, 1)])
      yield* runOn
      submitAll(engine, claims(3, 4))
      yield* runOn
      expect(store.transacts.map(({ turn }) => turn)).toEqual([undefined])
      held.letOne()
      yield* runOn
      expect(store.transacts.map(({ turn }) => turn?.lane)).toEqual([undefined, 0])
    }),
  )

  it.effect("answers everybody once where overlapping batches lose their replies", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* oneLane
      store.behave = passing(lose("after the commit", 3))
      const rounds = Array.from({ length: 8 }, (_, round) => round)
      const submitted: Array<Submitted> = []
      for (const round of rounds) {
        submitted.push(...submitAll(engine, claims(40, round * 40)))
        yield* runOn
      }
      const outcomes = yield* inSimulatedTime(allOf(submitted))
      expect(new Set(outcomes.map(({ _tag }) => _tag))).toEqual(new Set(["Accepted", "Recalled"]))
      expect(submitted.map(({ answers }) => answers())).toEqual(submitted.map(() => 1))
      const campaign = yield* store.shape.reads.campaign(CampaignId.make("c0"))
      expect(campaign?.issued).toBe(320)
    }),
  )

  it.effect("is busy for as long as it has a batch in hand, however many overlap", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* oneLane
      store.behave = passing(held.behave)
      const busy = () => engine.metrics().laneBusyMillis
      const before = busy()
      for (const [round, millis] of [1_000, 400].entries()) {
        submitAll(engine, claims(2, round * 2))
        yield* runOn
        yield* TestClock.adjust(millis)
      }
      expect(held.waiting).toBe(2)
      held.open()
      yield* runOn
      expect(busy() - before).toBe(1_400)
      yield* TestClock.adjust(5_000)
      submitAll(engine, claims(2, 4))
      yield* runOn
      expect(busy() - before).toBe(1_400)
    }),
  )

  it.effect("passes a turn once, however often the store says so", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* oneLane
      store.behave = (transact, run) => {
        for (let times = 0; times < 3; times++) transact.turn?.pass()
        return Effect.ensuring(
          held.behave(transact, run),
          Effect.sync(() => transact.turn?.pass()),
        )
      }
      for (const round of [0, 1, 2, 3]) {
        submitAll(engine, claims(2, round * 2))
        yield* runOn
      }
      expect(store.batchSizes).toEqual([2, 2])
      held.letOne()
      yield* runOn
      expect(held.waiting).toBe(2)
    }),
  )
})
