/**
 * Slices that are decided in parts, of which one is sent behind the other: on the simulated server, under many schedules.
 */
import { Clock, Effect, Exit } from "effect"
import { expect, it } from "vitest"
import { type Claim, placeOf } from "../../src/coupons/Request.ts"
import type { Slice } from "../../src/decision/slice.ts"
import { sliceDecider } from "../../src/delivery/decideRequests.ts"
import type { StoreFault, StoreShape } from "../../src/ports/index.ts"
import { makeSimulatedStore, processesOf, usualSetting } from "../../src/testing/server/simulatedStore.ts"
import { defaultStart, SimClock } from "../../src/testing/sim/SimClock.ts"
import { testAt, transact } from "../../src/testing/suites/commands.ts"
import { broken } from "../../src/testing/suites/contents.ts"
import { furnish, issue } from "../../src/testing/suites/shop.ts"
import { AccountId, CampaignId, type CommandId, IdempotencyKey, Scope } from "../../src/values.ts"
import { failureOf, runSeeded } from "../memory/world.ts"

const count = 24
const limit = 20
const accounts = Array.from({ length: count }, (_, index) => `a${index}`)
const campaignId = CampaignId.make("spring")

const claims = accounts.map(
  (account, index): Claim => ({
    campaignId,
    accountId: AccountId.make(account),
    at: testAt,
    commandId: `c${index}` as CommandId,
    scope: Scope.make("public"),
    key: IdempotencyKey.make(`c${index}`),
  }),
)

const sliceOf = (from: number, end: number): Slice => ({
  log: "log",
  partition: 0,
  requests: claims.map((claim, offset) => ({ offset, claim })).slice(from, end),
  end,
})

/** Loses replies of which some belong to commits that were made, and rejects some parts before anything is done. */
const faulty = (store: StoreShape, seed: number): StoreShape => {
  let calls = 0
  return {
    ...store,
    transact: (keys, decide, turn) =>
      Effect.suspend(() => {
        const kind = (seed + ++calls) % 11
        const lost = Effect.fail<StoreFault>({ _tag: "Lost", reason: "cut off" })
        if (kind === 0) return Effect.andThen(store.transact(keys, decide, turn), lost)
        if (kind === 5) return lost
        return store.transact(keys, decide, turn)
      }),
  }
}

it("are decided once and in the order of their log, though parts overlap, fail, and others decide them too", () => {
  let overlapped = 0
  const shares = new Set<string>()
  for (let seed = 0; seed < 150; seed++) {
    const exit = runSeeded(
      Effect.gen(function* () {
        const store = yield* makeSimulatedStore(usualSetting)
        const processes = processesOf(store)
        if (processes === undefined) throw new Error("no processes")
        yield* furnish(store, { accounts: [...accounts, "walk-in-1", "walk-in-2"], campaigns: { spring: limit } })
        const counts = [0, 0]
        const decided = [3, 5].map((size, worker) =>
          Effect.gen(function* () {
            const own = (yield* processes.connect).store
            const decide = sliceDecider(
              watching(seed % 3 === 0 ? faulty(own, seed) : own, () => overlapped++),
              (found) => {
                counts[worker] = (counts[worker] ?? 0) + found.length
              },
              size,
            )
            // The second one comes later: it finds some decided, some on their way, and some that wait.
            if (worker === 1) for (let step = 0; step < seed; step++) yield* Effect.yieldNow
            for (let from = 0; from < count; from += 12) {
              expect((yield* decide(sliceOf(from, from + 12))).next).toBeGreaterThanOrEqual(from + 12)
            }
          }),
        )
        // Beside the lanes, as a caller whose campaign is busy is told so.
        const others = ["walk-in-1", "walk-in-2"].map((account) => Effect.ignore(transact(store, [issue(account)])))
        yield* Effect.all([...decided, ...others], { concurrency: "unbounded" })
        shares.add(counts.join())
        const verdicts = yield* store.scan("verdict", undefined, 100)
        expect(verdicts.length).toBe(count)
        const inOrder = verdicts
          .map(({ requestId, outcome }) => ({ offset: placeOf(requestId)?.offset ?? -1, outcome }))
          .sort((left, right) => left.offset - right.offset)
        const tickets = inOrder.flatMap(({ outcome }) => (outcome.state === "issued" ? [outcome.coupon.ticket] : []))
        expect(tickets).toEqual(tickets.toSorted((left, right) => left - right))
        expect(inOrder.findIndex(({ outcome }) => outcome.state === "refused")).toBe(tickets.length)
        expect(yield* store.scan("position", undefined, 10)).toEqual([{ log: "log", partition: 0, next: count }])
        const issued = (yield* store.scan("campaign", undefined, 10)).map((campaign) => campaign.issued)
        expect(issued).toEqual([limit])
        expect(yield* broken(store)).toEqual([])
      }).pipe(Effect.provideService(Clock.Clock, new HastyClock(defaultStart))),
      seed,
    )
    expect(Exit.isSuccess(exit), `seed ${seed}: ${failureOf(exit)}`).toBe(true)
  }
  // The schedules did meet: parts overlapped, and both processes decided some.
  expect(overlapped).toBeGreaterThan(100)
  expect(shares.size).toBeGreaterThan(5)
})

/** A pause before a part is tried again is over when the schedule says so. */
class HastyClock extends SimClock {
  override sleep(): Effect.Effect<void> {
    return Effect.yieldNow
  }
}

/** Tells when a part begins while another one is on its way. */
const watching = (store: StoreShape, overlaps: () => void): StoreShape => {
  let underWay = 0
  return {
    ...store,
    transact: (keys, decide, turn) =>
      Effect.suspend(() => {
        if (turn !== undefined && underWay++ > 0) overlaps()
        return Effect.ensuring(
          store.transact(keys, decide, turn),
          Effect.sync(() => {
            if (turn !== undefined) underWay--
          }),
        )
      }),
  }
}
