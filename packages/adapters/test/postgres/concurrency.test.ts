/**
 * Many callers at once: what is promised for one holds for all of them together.
 */
import { describe, expect, it } from "@effect/vitest"
import type { StoreShape } from "@holdfast/core"
import { Effect, Schedule } from "effect"
import { beforeEach } from "vitest"
import { broken, charge, furnish, issue, place, restock } from "../../../core/test/memory/world.ts"
import { transact as transactOnce } from "../../../core/test/support/commands.ts"
import { storesForFile } from "../support/stores.ts"

const accounts = Array.from({ length: 50 }, (_, index) => `account-${index}`)
const together = { concurrency: "unbounded" } as const

/**
 * Asks again where the store says that its keys were busy and nothing happened, as the engine does: on a loaded machine
 * a hundred callers of one row do wait longer than a lane should.
 */
const transact = (...args: Parameters<typeof transactOnce>): ReturnType<typeof transactOnce> =>
  Effect.retry(transactOnce(...args), {
    times: 200,
    schedule: Schedule.spaced("20 millis"),
    while: (fault) => fault._tag === "Busy",
  })

type Command = Parameters<typeof transact>[1][number]
type Decision = Effect.Success<ReturnType<typeof transact>>[number]

const alone = (store: StoreShape, each: Command) => Effect.map(transact(store, [each]), ([decision]) => decision)

const tagOf = (decision: Decision | undefined): string =>
  decision?._tag === "Refused" ? decision.refusal._tag : (decision?._tag ?? "nothing")

const tally = (decisions: ReadonlyArray<Decision | undefined>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const decision of decisions) counts[tagOf(decision)] = (counts[tagOf(decision)] ?? 0) + 1
  return counts
}

describe.each(storesForFile("concurrency"))("$name", ({ make, skipIfMissing }) => {
  beforeEach(skipIfMissing)

  it.live(
    "sells ten units to ten of fifty buyers, and no more while restocking",
    () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { accounts, points: 1_000, products: { tea: 10, cup: 5 } })
        const decisions = yield* Effect.forEach(
          accounts.map((accountId) => place(accountId, "tea", 1)),
          (each) => alone(store, each),
          together,
        )
        expect(tally(decisions)).toEqual({ Accepted: 10, OutOfStock: 40 })
        const mixed = [
          ...accounts.flatMap((accountId) => [place(accountId, "tea", 2), place(accountId, "cup", 1)]),
          ...Array.from({ length: 5 }, () => restock("tea", 1)),
        ]
        yield* Effect.forEach(mixed, (each) => alone(store, each), together)
        expect(yield* broken(store)).toEqual([])
      }),
    60_000,
  )

  it.live(
    "issues exactly the limit",
    () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { accounts, limit: 7 })
        const asked = [...accounts, ...accounts].map((accountId) => issue(accountId))
        const decisions = yield* Effect.forEach(asked, (each) => alone(store, each), together)
        expect(tally(decisions)).toMatchObject({ Accepted: 7 })
        expect(yield* broken(store)).toEqual([])
      }),
    60_000,
  )

  it.live(
    "keeps one ledger gapless while charges and orders cross",
    () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { accounts: ["ada"], points: 50, products: { tea: 1_000 } })
        const commands = Array.from({ length: 60 }, (_, n) =>
          n % 2 === 0 ? charge("ada", 10) : place("ada", "tea", 1),
        )
        const decisions = yield* Effect.forEach(commands, (each) => alone(store, each), together)
        expect(tally(decisions).Accepted).toBeGreaterThanOrEqual(30)
        expect(yield* broken(store)).toEqual([])
      }),
    60_000,
  )

  it.live(
    "decides whole batches that cross each other without losing one",
    () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { accounts, points: 1_000, products: { tea: 30, cup: 30 }, limit: 5 })
        const batches = Array.from({ length: 24 }, (_, n) =>
          accounts
            .slice(n, n + 6)
            .flatMap((id) => [place(id, n % 2 === 0 ? "tea" : "cup", 2), issue(id), charge(id, 1)]),
        )
        const decisions = yield* Effect.forEach(batches, (batch) => transact(store, batch), together)
        expect(yield* broken(store)).toEqual([])
        const accepted = decisions.flat().filter(({ _tag }) => _tag === "Accepted").length
        expect((yield* store.scan("receipt", undefined, 10_000)).length).toBe(accepted + 2 * accounts.length + 3)
      }),
    60_000,
  )

  it.live(
    "accepts one of several commands that carry the same key",
    () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { accounts: ["ada"], points: 100, products: { tea: 9 } })
        const same = [place("ada", "tea", 1, "same"), place("ada", "tea", 1, "same"), place("ada", "tea", 2, "same")]
        const decisions = yield* Effect.forEach(same, (each) => alone(store, each), together)
        expect(tally(decisions)).toMatchObject({ Accepted: 1 })
        expect((yield* store.reads.products([])).length).toBe(0)
        expect(yield* broken(store)).toEqual([])
      }),
    60_000,
  )
})
