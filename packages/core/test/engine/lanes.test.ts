import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { controlledStore, gate } from "../support/controlledStore.ts"
import { allOf, ask, engineOn, inSimulatedTime, runOn, submit, submitAll, tally } from "../support/submitting.ts"
import { balanceOf, charge, furnish, issue, names, place } from "./commands.ts"

const twoLanes = Effect.gen(function* () {
  const store = yield* controlledStore({ lanes: 2 })
  yield* furnish(store.shape, { accounts: names(600), products: names(600, "p"), campaigns: names(20, "c") })
  const engine = yield* engineOn(store)
  store.transacts.length = 0
  const held = gate()
  return { store, engine, held }
})

/** Orders of different buyers for different products: any lane may take them. */
const orders = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => place(`a${from + index}`, `p${from + index}`, 1))

describe("the lanes", () => {
  it.effect("serve in one batch whatever came while they were away, up to 128", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* twoLanes
      store.behave = held.behave
      const first = submitAll(engine, orders(2))
      yield* runOn
      const rest = submitAll(engine, orders(500, 2))
      held.open()
      expect(tally(yield* inSimulatedTime(allOf([...first, ...rest])))).toEqual({ Accepted: 502 })
      expect(store.batchSizes.slice(0, 4)).toEqual([1, 1, 128, 128])
      expect(Math.max(...store.batchSizes)).toBe(128)
      expect(engine.metrics().batchedCommands).toBe(502)
    }),
  )

  it.effect("keep the charges of one wallet together, and answer them in the order in which they came", () =>
    Effect.gen(function* () {
      const { store, engine, held } = yield* twoLanes
      store.behave = held.behave
      const submitted = submitAll(
        engine,
        Array.from({ length: 60 }, () => charge("a7", 1)),
      )
      yield* runOn
      expect(store.batchSizes).toEqual([60])
      held.open()
      const outcomes = yield* inSimulatedTime(allOf(submitted))
      const seqs = outcomes.map((outcome) =>
        outcome._tag === "Accepted" ? (outcome.answer as { seq: number }).seq : 0,
      )
      expect(seqs).toEqual(Array.from({ length: 60 }, (_, index) => index + 2))
      expect(yield* balanceOf(store.shape, "a7")).toBe(1_060)
    }),
  )

  it.effect("never hold one hot counter in two batches at once, while other counters use both lanes", () =>
    Effect.gen(function* () {
      const { store, engine } = yield* twoLanes
      const open = new Map<string, number>()
      const both = new Set<number>()
      let running = 0
      store.behave = ({ keys }, run) =>
        Effect.gen(function* () {
          const hot = keys.of("campaign").map(([id]) => String(id))
          running += 1
          both.add(running)
          for (const id of hot) {
            expect(open.get(id) ?? 0).toBe(0)
            open.set(id, 1)
          }
          yield* runOn
          for (const id of hot) open.set(id, 0)
          running -= 1
          return yield* run
        })
      const rounds = Array.from({ length: 5 }, (_, round) => round)
      const submitted: Array<ReturnType<typeof submit>> = []
      for (const round of rounds) {
        submitted.push(
          ...submitAll(
            engine,
            names(20, "c").map((campaign) => issue(campaign, `a${round}`)),
          ),
        )
        yield* Effect.yieldNow
      }
      expect(tally(yield* inSimulatedTime(allOf(submitted)))).toEqual({ Accepted: 100 })
      expect(both.has(2)).toBe(true)
    }),
  )

  it.effect("give tickets in the order of submission", () =>
    Effect.gen(function* () {
      const { engine } = yield* twoLanes
      const outcomes = yield* inSimulatedTime(
        allOf(
          submitAll(
            engine,
            names(300).map((account) => issue("c3", account)),
          ),
        ),
      )
      const tickets = outcomes.map((outcome) =>
        outcome._tag === "Accepted" ? (outcome.answer as { ticket: number }).ticket : 0,
      )
      expect(tickets).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
    }),
  )

  it.effect("take commands in the order of admission, their own and shared ones alike", () =>
    Effect.gen(function* () {
      const store = yield* controlledStore({ lanes: 1 })
      yield* furnish(store.shape, { accounts: names(50), products: names(50, "p") })
      const engine = yield* engineOn(store)
      const held = gate()
      store.behave = held.behave
      submit(engine, charge("a0", 1))
      yield* runOn
      const keys = Array.from({ length: 40 }, (_, index) => `k${index}`)
      const decided: Array<string> = []
      for (const [index, key] of keys.entries()) {
        const command = index % 2 === 0 ? charge(`a${index}`, 1, { key }) : place(`a${index}`, `p${index}`, 1, { key })
        engine.submit(command, () => decided.push(key))
      }
      held.open()
      yield* inSimulatedTime(ask(engine, charge("a0", 1)))
      expect(decided).toEqual(keys)
    }),
  )

  it.effect("tell who listens that something was committed, and not of what was refused", () =>
    Effect.gen(function* () {
      const { engine } = yield* twoLanes
      let told = 0
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            engine.committed,
            Effect.sync(() => {
              told += 1
            }),
          ),
        ),
        { startImmediately: true },
      )
      yield* inSimulatedTime(ask(engine, place("a0", "unknown", 1)))
      yield* runOn
      expect(told).toBe(0)
      yield* inSimulatedTime(ask(engine, charge("a0", 1)))
      yield* runOn
      expect(told).toBe(1)
    }),
  )
})
