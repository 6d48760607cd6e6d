import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import type { Claim } from "../../src/coupons/Request.ts"
import { decideSlice, keysOfSlice, type Slice, type SliceAnswer } from "../../src/decision/slice.ts"
import { sliceDecider } from "../../src/delivery/decideRequests.ts"
import { InterleavingStore, MemoryStore } from "../../src/memory/index.ts"
import type { StoreFault, StoreShape } from "../../src/ports/index.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { broken } from "../../src/testing/suites/contents.ts"
import { furnish } from "../../src/testing/suites/shop.ts"
import { AccountId, CampaignId, type CommandId, IdempotencyKey, Scope } from "../../src/values.ts"
import { failureOf, runSeeded } from "../memory/world.ts"

const accounts = Array.from({ length: 10 }, (_, index) => `a${index}`)
const campaignId = CampaignId.make("spring")

const claimOf = (account: string, index: number): Claim => ({
  campaignId,
  accountId: AccountId.make(account),
  at: testAt,
  commandId: `c${index}` as CommandId,
  scope: Scope.make("public"),
  key: IdempotencyKey.make(`c${index}`),
})

/** The requests from one offset to before another one; of another log by that name, whose claims are others. */
const sliceOf = (from: number, end: number, first = 0): Slice => ({
  log: "log",
  partition: 0,
  requests: accounts.map((account, offset) => ({ offset, claim: claimOf(account, first + offset) })).slice(from, end),
  end,
})

/** What a store holds of requests, and the owners of the campaign in the order of their tickets. */
const held = (store: StoreShape) =>
  Effect.gen(function* () {
    const page = { after: undefined, limit: 100, newestFirst: false } as const
    return {
      positions: yield* store.scan("position", undefined, 10),
      verdicts: yield* store.scan("verdict", undefined, 100),
      owners: (yield* store.reads.couponsOfCampaign(campaignId, page)).map(({ accountId }) => accountId),
    }
  })

const decide = (store: StoreShape, slice: Slice): Effect.Effect<SliceAnswer, StoreFault> =>
  store.transact(keysOfSlice(slice), (records) => decideSlice(slice, records))

const seeds = Array.from({ length: 150 }, (_, seed) => seed)

describe("a slice of requests", () => {
  it.each([true, false])(
    "is decided once, in the order of its log, however many decide it under whatever schedule (optimistic: %s)",
    (optimistic) => {
      const shares = new Set<string>()
      for (const seed of seeds) {
        const exit = runSeeded(
          Effect.gen(function* () {
            const store = yield* InterleavingStore.make({ optimistic })
            yield* furnish(store, { accounts, campaigns: { spring: 4 } })
            const counts = [0, 0, 0]
            // Each cuts the log in slices of its own, and knows nothing of the others.
            const workers = [1, 2, 3].map((size, worker) => {
              const decider = sliceDecider(store, (decided) => {
                counts[worker] = (counts[worker] ?? 0) + decided.length
              })
              return Effect.gen(function* () {
                for (let next = 0; next < accounts.length; ) {
                  next = (yield* decider(sliceOf(next, Math.min(next + size, accounts.length)))).next
                }
              })
            })
            yield* Effect.all(workers, { concurrency: "unbounded" })
            shares.add(counts.join())
            expect(counts.reduce((sum, count) => sum + count)).toBe(accounts.length)
            const { positions, verdicts, owners } = yield* held(store)
            expect(positions).toEqual([{ log: "log", partition: 0, next: 10 }])
            expect(owners).toEqual(accounts.slice(0, 4))
            expect(verdicts.map(({ outcome }) => outcome.state)).toEqual([
              ...Array.from({ length: 4 }, () => "issued"),
              ...Array.from({ length: 6 }, () => "refused"),
            ])
            expect(yield* broken(store)).toEqual([])
          }),
          seed,
        )
        expect(Exit.isSuccess(exit), `seed ${seed}: ${failureOf(exit)}`).toBe(true)
      }
      // The schedules did meet: several of them decided some.
      expect(shares.size).toBeGreaterThan(2)
    },
  )

  it.effect(
    "of which a process was stopped at any step is whole or not there, and its successor's is the only one",
    () =>
      Effect.gen(function* () {
        for (let steps = 0; steps < 80; steps++) {
          const store = yield* InterleavingStore.make()
          yield* furnish(store, { accounts, campaigns: { spring: 4 } })
          const cut = yield* Effect.forkChild(decide(store, sliceOf(0, 6)), { startImmediately: true })
          for (let step = 0; step < steps; step++) yield* Effect.yieldNow
          yield* Fiber.interrupt(cut)
          const { positions, verdicts, owners } = yield* held(store)
          expect([positions.length, verdicts.length, owners.length]).toEqual(
            positions.length === 0 ? [0, 0, 0] : [1, 6, 4],
          )
          yield* decide(store, sliceOf(0, 10))
          expect((yield* held(store)).owners).toEqual(accounts.slice(0, 4))
          expect(yield* broken(store)).toEqual([])
        }
      }),
  )

  it.effect("of a zombie changes nothing: not the tickets, not a verdict, not the position", () =>
    Effect.gen(function* () {
      const store = yield* MemoryStore.make
      yield* furnish(store, { accounts, campaigns: { spring: 4 } })
      yield* decide(store, sliceOf(0, 5))
      const before = yield* held(store)
      // It wakes up with the slices that it held, and with one that reaches beyond what is decided.
      expect(yield* decide(store, sliceOf(0, 3))).toEqual({ next: 5, decided: [] })
      expect(yield* decide(store, sliceOf(2, 5))).toEqual({ next: 5, decided: [] })
      expect(yield* held(store)).toEqual(before)
      expect(yield* decide(store, sliceOf(3, 7))).toEqual({ next: 5, decided: [] })
      expect(yield* held(store)).toEqual(before)
      let count = 0
      const decider = sliceDecider(store, (decided) => {
        count += decided.length
      })
      expect(yield* decider(sliceOf(3, 7))).toEqual({ next: 7, isLate: false })
      expect(count).toBe(2)
    }),
  )

  it("of a log that was made anew under its name is decided, once, although all of its places had been", () => {
    for (const seed of seeds.slice(0, 50)) {
      const exit = runSeeded(
        Effect.gen(function* () {
          const store = yield* InterleavingStore.make()
          yield* furnish(store, { accounts, campaigns: { spring: 20 } })
          yield* sliceDecider(store, () => {})(sliceOf(0, 3))
          let count = 0
          const decider = sliceDecider(store, (decided) => {
            count += decided.length
          })
          // Two members at once, each with slices of its own, of which one reaches beyond what had been decided.
          const worker = (size: number) =>
            Effect.gen(function* () {
              for (let from = 0; from < 10; from += size) yield* decider(sliceOf(from, Math.min(from + size, 10), 100))
            })
          yield* Effect.all([worker(2), worker(5)], { concurrency: "unbounded" })
          const { positions, verdicts, owners } = yield* held(store)
          expect(positions).toEqual([{ log: "log", partition: 0, next: 10 }])
          expect([verdicts.length, count, owners.length]).toEqual([13, 10, 10])
          expect(yield* broken(store)).toEqual([])
          // It is warned of each time, which would fill the log of this test.
        }).pipe(Effect.provide(Logger.layer([]))),
        seed,
      )
      expect(Exit.isSuccess(exit), `seed ${seed}: ${failureOf(exit)}`).toBe(true)
    }
  })

  it.effect("is decided again after a reply that was lost, whether or not its commit was", () =>
    Effect.gen(function* () {
      for (const happened of [true, false]) {
        const store = yield* MemoryStore.make
        yield* furnish(store, { accounts, campaigns: { spring: 4 } })
        let losses = 2
        const lossy: StoreShape = {
          ...store,
          transact: (keys, decision) => {
            if (losses-- <= 0) return store.transact(keys, decision)
            const lost = Effect.fail<StoreFault>({ _tag: "Lost", reason: "cut off" })
            return happened ? Effect.andThen(store.transact(keys, decision), lost) : lost
          },
        }
        const decided = yield* Effect.forkChild(sliceDecider(lossy, () => {})(sliceOf(0, 6)))
        yield* Effect.yieldNow
        yield* TestClock.adjust("1 minute")
        expect(yield* Fiber.join(decided)).toEqual({ next: 6, isLate: happened })
        expect((yield* held(store)).verdicts).toHaveLength(6)
        expect((yield* held(store)).owners).toEqual(accounts.slice(0, 4))
      }
    }),
  )

  it.effect("that holds one request which the store rejects is decided around it, and that one is refused", () =>
    Effect.gen(function* () {
      const store = yield* MemoryStore.make
      yield* furnish(store, { accounts, campaigns: { spring: 10 } })
      const odd = AccountId.make("a3")
      const picky: StoreShape = {
        ...store,
        transact: (keys, decision) => {
          let rejects = false
          const looked = store.transact(keys, (records) => {
            const decided = decision(records)
            rejects = decided.changes?.puts.coupon.some(({ after }) => after.accountId === odd) ?? false
            return rejects ? { ...decided, changes: undefined } : decided
          })
          return Effect.flatMap(looked, (answer) =>
            rejects ? Effect.fail<StoreFault>({ _tag: "Rejected", reason: "odd" }) : Effect.succeed(answer),
          )
        },
      }
      const deciding = yield* Effect.forkChild(sliceDecider(picky, () => {})(sliceOf(0, 6)))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(deciding)).toEqual({ next: 6, isLate: false })
      const { verdicts, owners } = yield* held(store)
      expect(owners).toEqual(["a0", "a1", "a2", "a4", "a5"])
      expect(verdicts[3]?.outcome).toMatchObject({ state: "refused", refusal: expect.stringContaining("odd") })
    }),
  )

  it.effect.each(["1 second", "5 minutes"] as const)(
    "is decided when a store that rejects everything for %s takes changes again, and none of it is refused",
    (howLong) =>
      Effect.gen(function* () {
        const store = yield* MemoryStore.make
        yield* furnish(store, { accounts, campaigns: { spring: 10 } })
        let rejects = true
        const closed: StoreShape = {
          ...store,
          transact: (...input) =>
            Effect.suspend(() =>
              rejects
                ? Effect.fail<StoreFault>({ _tag: "Rejected", reason: "permission denied" })
                : store.transact(...input),
            ),
        }
        const deciding = yield* Effect.forkChild(sliceDecider(closed, () => {})(sliceOf(0, 4)))
        yield* TestClock.adjust(howLong)
        rejects = false
        yield* TestClock.adjust("1 minute")
        expect(yield* Fiber.join(deciding)).toEqual({ next: 4, isLate: false })
        expect((yield* held(store)).owners).toEqual(["a0", "a1", "a2", "a3"])
      }),
  )
})
