import { expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Random, Scope } from "effect"
import { describe } from "vitest"
import type { Event } from "../../src/events/Event.ts"
import type { Outbox } from "../../src/ports/index.ts"
import { event, events, failing, makeShop, name, numbersOf, pass, runOn, Seen, subscriptionsOf } from "./support.ts"

describe("the lease of a name", () => {
  it.effect("a process that crashes within a handler leaves the event to the next owner, after the lease", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const crashed = yield* Scope.make()
      // A crash acknowledges nothing and gives no lease back.
      const silent: Outbox = { ...shop.outbox, acknowledge: () => Effect.never, release: () => Effect.never }
      const dying = yield* Scope.provide(subscriptionsOf({ ...shop, outbox: silent }, { owner: "dying" }), crashed)
      const [before, after] = [new Seen(), new Seen()]
      yield* dying.subscribe(name, (one) =>
        Effect.andThen(before.record(one), one.key === "key-0" ? Effect.never : Effect.void),
      )
      yield* shop.commit(events(6, 2))
      yield* runOn
      expect(before.numbers).toEqual([1, 2, 4, 6])
      yield* Effect.forkChild(Scope.close(crashed, Exit.void))
      const next = yield* subscriptionsOf(shop, { owner: "next" })
      yield* next.subscribe(name, after.record)
      yield* pass(9_000)
      expect(after.numbers).toEqual([])
      yield* pass(2_000)
      expect(after.ofKey("key-0")).toEqual([1, 3, 5])
      expect(after.ofKey("key-1")).toEqual([2, 4, 6])
    }),
  )

  it.effect("serves one owner at a time, and the other as soon as the first one stops", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const scopes = { one: yield* Scope.make(), other: yield* Scope.make() }
      const seen = { one: new Seen(), other: new Seen() }
      for (const owner of ["one", "other"] as const) {
        const subscriptions = yield* Scope.provide(subscriptionsOf(shop, { owner, pollMillis: 500 }), scopes[owner])
        yield* subscriptions.subscribe(name, seen[owner].record)
        yield* runOn
      }
      yield* shop.commit(events(10, 2))
      // Longer than a lease: the owner renews it while it is idle, because others look for it.
      yield* pass("2 minutes")
      yield* shop.commit(events(10, 2))
      yield* pass("2 minutes")
      expect(seen.one.all.length).toBe(20)
      expect(seen.other.all.length).toBe(0)
      yield* Scope.close(scopes.one, Exit.void)
      yield* shop.commit([event(11, "key-0")])
      yield* pass(500)
      expect(seen.other.numbers).toEqual([11])
      yield* Scope.close(scopes.other, Exit.void)
    }),
  )

  it.effect("is renewed while a handler works for longer than it holds", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const [one, other] = [new Seen(), new Seen()]
      const working = yield* subscriptionsOf(shop, { owner: "one" })
      yield* working.subscribe(name, (some) => Effect.andThen(Effect.sleep(95_000), one.record(some)), {
        handlerTimeoutMillis: 100_000,
      })
      yield* shop.commit(events(1, 1))
      yield* runOn
      const waiting = yield* subscriptionsOf(shop, { owner: "other" })
      yield* waiting.subscribe(name, other.record)
      yield* pass("2 minutes")
      expect(one.numbers).toEqual([1])
      expect(other.numbers).toEqual([])
    }),
  )

  for (const how of ["fails", "hangs"] as const) {
    it.effect(`is lost where the store ${how}: what is in hand is dropped before another owner may take it`, () =>
      Effect.gen(function* () {
        const shop = makeShop()
        let cutOff = false
        const outbox: Outbox = {
          ...shop.outbox,
          renew: (...input) =>
            Effect.suspend((): ReturnType<Outbox["renew"]> => {
              if (!cutOff) return shop.outbox.renew(...input)
              return how === "hangs" ? Effect.never : Effect.fail({ _tag: "Lost", reason: "cut off" })
            }),
        }
        const working = yield* subscriptionsOf({ ...shop, outbox }, { owner: "cut off" })
        const interruptedAt: Array<number> = []
        const slow = Effect.onInterrupt(Effect.sleep("1 hour"), () =>
          Effect.map(Clock.currentTimeMillis, (at) => interruptedAt.push(at)),
        )
        yield* working.subscribe(name, () => slow, { handlerTimeoutMillis: 7_200_000 })
        yield* shop.commit(events(1, 1))
        yield* runOn
        cutOff = true
        yield* pass(9_999)
        expect(interruptedAt).toEqual([])
        yield* pass(1)
        expect(interruptedAt).toEqual([10_000])
        const other = yield* subscriptionsOf(shop, { owner: "other" })
        const seen = new Seen()
        yield* other.subscribe(name, seen.record)
        yield* pass(1)
        expect(seen.numbers).toEqual([1])
      }),
    )
  }

  it.effect("is told to handlers by its fence, which grows with every lease", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const fences: Array<number> = []
      for (const owner of ["one", "other", "one"]) {
        const scope = yield* Scope.make()
        const subscriptions = yield* Scope.provide(subscriptionsOf(shop, { owner }), scope)
        yield* subscriptions.subscribe(name, (_, { fence }) => Effect.sync(() => fences.push(fence)))
        yield* shop.commit(events(2, 2))
        yield* runOn
        yield* Scope.close(scope, Exit.void)
      }
      const [first = 0, , second = 0, , third = 0] = fences
      expect(fences).toEqual([first, first, second, second, third, third])
      expect(second).toBeGreaterThan(first)
      expect(third).toBeGreaterThan(second)
    }),
  )

  it.effect("given that the store says it is lost → drops what is in hand, and begins anew", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const working = yield* subscriptionsOf(shop, { owner: "one", pollMillis: 100 })
      const ended: Array<string> = []
      const handler = (one: Event) =>
        one.key === "quick"
          ? Effect.void
          : Effect.onExit(Effect.sleep(8_000), (exit) => Effect.sync(() => ended.push(exit._tag)))
      yield* working.subscribe(name, handler)
      yield* shop.commit([event(1, "slow"), event(2, "slow")])
      yield* runOn
      // The store gives the name to another owner, and then back: the first one is told at its next acknowledgement.
      const before = yield* shop.outbox.depth(name)
      yield* shop.stealLease(name)
      yield* shop.commit([event(3, "quick")])
      yield* runOn
      expect(ended).toEqual(["Failure"])
      expect(yield* shop.outbox.depth(name)).toEqual({ ...before, waiting: 3 })
      yield* pass("20 seconds")
      expect(ended).toEqual(["Failure", "Success", "Success"])
      expect((yield* shop.outbox.depth(name)).waiting).toBe(0)
    }),
  )

  it.effect("given that the process was frozen until it was over → begins no other event when it wakes up", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let frozenMillis = 0n
      const clock = yield* Clock.Clock
      // Time passes, and nobody who sleeps is woken: what a process sees that did not run for a while.
      const waking: Clock.Clock = {
        ...clock,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + frozenMillis * 1_000_000n,
        monotonicTimeNanos: Effect.map(clock.monotonicTimeNanos, (nanos) => nanos + frozenMillis * 1_000_000n),
      }
      const first = Deferred.makeUnsafe<void>()
      const begun: Array<unknown> = []
      const subscribing = Effect.gen(function* () {
        const subscriptions = yield* subscriptionsOf(shop, { owner: "frozen" })
        yield* subscriptions.subscribe(
          name,
          (one) =>
            Effect.suspend(() => {
              begun.push(one.data.n)
              return Deferred.await(first)
            }),
          { concurrency: 1 },
        )
      })
      yield* Effect.provideService(subscribing, Clock.Clock, waking)
      yield* shop.commit(events(4, 2))
      yield* runOn
      expect(begun).toEqual([1])
      frozenMillis = 11_000n
      Deferred.doneUnsafe(first, Effect.void)
      yield* runOn
      // The first one was handled all the same; nobody else has the name, so it is acknowledged, and served anew.
      expect(begun).toEqual([1])
      yield* pass("1 second")
      expect(begun).toEqual([1, 2, 3, 4])
    }),
  )

  it.effect("moves between owners that stop and fail at random: one at a time, nothing lost, each key in order", () =>
    Effect.gen(function* () {
      let renewalsFailed = 0
      for (let seed = 0; seed < 8; seed++) {
        const run = Effect.gen(function* () {
          const shop = makeShop()
          yield* shop.outbox.register(name)
          const all = events(120, 6)
          yield* shop.commit(all)
          const handled: Array<number> = []
          const handling: Array<string> = []
          const together: Array<ReadonlyArray<string>> = []
          const handle = Effect.fnUntraced(function* (owner: string, one: Event) {
            handling.push(owner)
            if (handling.some((other) => other !== owner)) together.push([...handling])
            yield* Effect.sleep(yield* Random.nextIntBetween(1, 400))
            if ((yield* Random.next) < 0.2) return yield* Effect.fail("not now")
            return yield* Effect.sync(() => handled.push(Number(one.data.n)))
          })
          for (let round = 0; round < 12; round++) {
            const scope = yield* Scope.make()
            for (const owner of [`${round} a`, `${round} b`]) {
              const which = yield* Random.choice(["lease", "claim", "acknowledge", "release"] as const)
              const left = { times: 0 }
              const outbox = failing(shop.outbox, which, left)
              const subscriptions = yield* Scope.provide(
                subscriptionsOf({ ...shop, outbox }, { owner, pollMillis: 300 }),
                scope,
              )
              yield* subscriptions.subscribe(
                name,
                (one) =>
                  Effect.ensuring(
                    handle(owner, one),
                    Effect.sync(() => handling.splice(handling.indexOf(owner), 1)),
                  ),
                { leaseMillis: 2_000, limit: 7, maxInFlight: 20, attempts: 1_000 },
              )
              yield* pass(yield* Random.nextIntBetween(0, 500))
              left.times = yield* Random.nextIntBetween(0, 8)
              if (which === "lease") renewalsFailed += left.times
            }
            yield* pass(yield* Random.nextIntBetween(100, 6_000))
            yield* Scope.close(scope, Exit.void)
            expect(handling, `seed ${seed}`).toEqual([])
          }
          const last = yield* subscriptionsOf(shop, { owner: "last" })
          yield* last.subscribe(name, (one) => Effect.sync(() => handled.push(Number(one.data.n))))
          yield* pass("1 minute")
          expect(together, `seed ${seed}`).toEqual([])
          expect((yield* last.depth(name)).waiting, `seed ${seed}`).toBe(0)
          for (let key = 0; key < 6; key++) {
            const expected = numbersOf(all, `key-${key}`)
            // The first time that each event was handled: an old one may come again, a new one never before an old one.
            const first = [...new Set(handled.filter((n) => expected.includes(n)))]
            expect(first, `seed ${seed}`).toEqual(expected)
          }
        })
        yield* Effect.scoped(run).pipe(Random.withSeed(`owners ${seed}`))
      }
      expect(renewalsFailed).toBeGreaterThan(0)
    }),
  )

  it.effect("claims from the beginning whenever nothing is in hand", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let hidden = true
      const outbox: Outbox = {
        ...shop.outbox,
        claim: (...input) =>
          Effect.map(shop.outbox.claim(...input), (claimed) =>
            claimed.filter((one) => !hidden || one.event.key !== "late"),
          ),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox }, { pollMillis: 100 })
      const seen = new Seen()
      yield* subscriptions.subscribe(name, seen.record)
      yield* shop.commit([event(4, "late"), event(5, "quick")])
      yield* pass(1_000)
      hidden = false
      yield* shop.commit([event(6, "quick")])
      yield* pass(1_000)
      expect(seen.numbers).toEqual([5, 4, 6])
    }),
  )

  it.effect("is given up with everything acknowledged that was handled, also while the store recovers", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const outbox = failing(shop.outbox, "acknowledge", { times: 1 })
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      const seen = new Seen()
      const subscription = yield* subscriptions.subscribe(name, seen.record)
      yield* shop.commit(events(5, 5))
      yield* runOn
      expect(seen.all.length).toBe(5)
      expect((yield* subscriptions.depth(name)).waiting).toBe(5)
      yield* subscription.close
      expect((yield* subscriptions.depth(name)).waiting).toBe(0)
    }),
  )
})
