import { expect, it } from "@effect/vitest"
import { Effect, Exit, Random, Scope } from "effect"
import { describe } from "vitest"
import type { Outbox } from "../../src/ports/index.ts"
import { SubscriptionName } from "../../src/values.ts"
import {
  countingSleepers,
  event,
  events,
  makeShop,
  name,
  numbersOf,
  pass,
  runOn,
  Seen,
  subscriptionsOf,
} from "./support.ts"

const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`)

describe("durable subscriptions", () => {
  it.effect("deliver every event to every name, in order per key", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      const [one, other] = [new Seen(), new Seen()]
      const otherName = SubscriptionName.make("other")
      yield* subscriptions.subscribe(name, one.record)
      yield* subscriptions.subscribe(otherName, other.record)
      const all = events(2_500, 10)
      yield* shop.commit(all.slice(0, 2_400))
      yield* subscriptions.settled(name)
      yield* shop.commit(all.slice(2_400))
      yield* subscriptions.settled(name)
      yield* subscriptions.settled(otherName)
      for (const seen of [one, other]) {
        expect(seen.all.length).toBe(2_500)
        for (const key of keys) expect(seen.ofKey(key)).toEqual(numbersOf(all, key))
      }
    }),
  )

  it.effect("keep the order of a key while handlers fail and take their time at random", () =>
    Effect.gen(function* () {
      for (const seed of Array.from({ length: 20 }, (_, index) => `order ${index}`)) {
        const run = Effect.gen(function* () {
          const shop = makeShop()
          const subscriptions = yield* subscriptionsOf(shop)
          const seen = new Seen()
          const failures = new Map<string, number>()
          yield* subscriptions.subscribe(name, (one) =>
            Effect.gen(function* () {
              yield* Effect.sleep(yield* Random.nextIntBetween(0, 50))
              const failed = failures.get(one.id) ?? 0
              if (failed < 4 && (yield* Random.next) < 0.3) {
                failures.set(one.id, failed + 1)
                return yield* Effect.fail("not yet")
              }
              return yield* seen.record(one)
            }),
          )
          const all = events(300, 10)
          for (let at = 0; at < all.length; at += 37) {
            yield* shop.commit(all.slice(at, at + 37))
            yield* pass(20)
          }
          yield* pass("2 minutes")
          expect((yield* subscriptions.depth(name)).waiting, seed).toBe(0)
          for (const key of keys) expect(seen.ofKey(key), seed).toEqual(numbersOf(all, key))
        })
        yield* Effect.scoped(run).pipe(Random.withSeed(seed))
      }
    }),
  )

  it.effect("wait for commits from the first name on, with one fiber for all names", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let waits = 0
      const changed = Effect.suspend(() => {
        waits += 1
        return shop.changed
      })
      const subscriptions = yield* subscriptionsOf(shop, { changed })
      for (const one of events(3, 1)) {
        yield* shop.commit([one])
        yield* runOn
      }
      expect(waits).toBe(0)
      const seen = new Seen()
      yield* subscriptions.subscribe(name, seen.record)
      yield* subscriptions.subscribe(SubscriptionName.make("other"), seen.record)
      yield* runOn
      expect(waits).toBe(1)
      yield* shop.commit([event(4, "key-0")])
      yield* runOn
      expect(waits).toBe(2)
      expect(seen.numbers).toEqual([4, 4])
    }),
  )

  it.effect("do not let a slow handler hold up other keys", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      const seen = new Seen()
      yield* subscriptions.subscribe(name, (one) =>
        Effect.andThen(one.key === "slow" ? Effect.sleep("20 seconds") : Effect.void, seen.record(one)),
      )
      yield* shop.commit([
        ...Array.from({ length: 300 }, (_, index) => event(index + 1, "slow")),
        ...Array.from({ length: 300 }, (_, index) => event(index + 301, `fast-${index % 7}`)),
      ])
      yield* runOn
      expect(seen.all.length).toBe(300)
      yield* pass("20 seconds")
      expect(seen.ofKey("slow")).toEqual([1])
    }),
  )

  it.effect("run at most the given number of handlers, and hold at most the given number of events", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let claimed = 0
      let settled = 0
      let running = 0
      const most = { claimed: 0, running: 0 }
      const outbox = {
        ...shop.outbox,
        claim: (...input: Parameters<typeof shop.outbox.claim>) =>
          Effect.tap(shop.outbox.claim(...input), (some) => {
            claimed += some.length
            most.claimed = Math.max(most.claimed, claimed - settled)
            return Effect.void
          }),
        acknowledge: (...input: Parameters<typeof shop.outbox.acknowledge>) =>
          Effect.tap(shop.outbox.acknowledge(...input), () => {
            settled += input[1].length
            return Effect.void
          }),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      yield* subscriptions.subscribe(
        name,
        () =>
          Effect.gen(function* () {
            running += 1
            most.running = Math.max(most.running, running)
            yield* Effect.sleep(10)
            running -= 1
          }),
        { concurrency: 4, limit: 10, maxInFlight: 25 },
      )
      yield* shop.commit(events(200, 3))
      yield* shop.commit(events(200, 50))
      yield* pass("5 seconds")
      expect((yield* subscriptions.depth(name)).waiting).toBe(0)
      expect(most.running).toBe(4)
      expect(most.claimed).toBeLessThanOrEqual(25)
      // Where every event has a key of its own, more in hand would only be read and wait.
      most.claimed = 0
      yield* shop.commit(Array.from({ length: 200 }, (_, index) => event(index, `own-${index}`)))
      yield* pass("5 seconds")
      expect(most.claimed).toBeLessThan(20)
    }),
  )

  it.effect("hold no more bytes than they may, where events are large", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const inHand = new Set<unknown>()
      const claims: Array<number> = []
      let most = 0
      const outbox: Outbox = {
        ...shop.outbox,
        claim: (lease, after, limit) =>
          Effect.map(shop.outbox.claim(lease, after, { ...limit, events: 7 }), (claimed) => {
            claims.push(limit.bytes)
            for (const { event } of claimed) inHand.add(event.data.n)
            most = Math.max(most, inHand.size)
            return claimed.map((one) => ({ ...one, bytes: 100 }))
          }),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      yield* subscriptions.subscribe(
        name,
        (one) =>
          Effect.andThen(
            Effect.sleep(10),
            Effect.sync(() => inHand.delete(one.data.n)),
          ),
        { limitBytes: 700, maxInFlightBytes: 2_000 },
      )
      yield* shop.commit(events(200, 200))
      yield* pass("30 seconds")
      expect((yield* subscriptions.depth(name)).waiting).toBe(0)
      expect(new Set(claims)).toEqual(new Set([700]))
      expect(most).toBeGreaterThan(7)
      expect(most).toBeLessThanOrEqual(20)
    }),
  )

  it.effect("leave what waits to the next one who subscribes when they are closed", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      const [before, after] = [new Seen(), new Seen()]
      const first = yield* subscriptions.subscribe(name, (one) =>
        one.key === "key-1" ? Effect.never : before.record(one),
      )
      yield* shop.commit(events(4, 2))
      yield* runOn
      yield* first.close
      yield* first.close
      expect(before.numbers).toEqual([1, 3])
      yield* shop.commit([event(5, "key-0")])
      yield* runOn
      expect((yield* subscriptions.depth(name)).waiting).toBe(3)
      yield* subscriptions.subscribe(name, after.record)
      yield* subscriptions.settled(name)
      expect(after.numbers).toEqual([2, 4, 5])
      // Closed long ago: it must not close its successor.
      yield* first.close
      yield* shop.commit([event(6, "key-0")])
      yield* subscriptions.settled(name)
      expect(after.numbers).toEqual([2, 4, 5, 6])
    }),
  )

  it.effect("are refused a second time in the same process", () =>
    Effect.gen(function* () {
      const subscriptions = yield* subscriptionsOf(makeShop())
      yield* subscriptions.subscribe(name, () => Effect.void)
      const refused = yield* Effect.flip(subscriptions.subscribe(name, () => Effect.void))
      expect(refused).toEqual({ _tag: "AlreadySubscribed", name })
    }),
  )

  it.effect("register without serving where another process works", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const idle = yield* subscriptionsOf(shop, { workers: false, owner: "web" })
      yield* idle.subscribe(name, () => Effect.die("served"))
      yield* shop.commit(events(3, 1))
      yield* pass("1 hour")
      expect((yield* idle.depth(name)).waiting).toBe(3)
      const working = yield* subscriptionsOf(shop, { owner: "worker" })
      const seen = new Seen()
      yield* working.subscribe(name, seen.record)
      yield* working.settled(name)
      expect(seen.numbers).toEqual([1, 2, 3])
    }),
  )

  it.effect("forget a name and what waits for it when it is unregistered", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      yield* subscriptions.subscribe(name, () => Effect.never)
      yield* shop.commit(events(3, 1))
      yield* runOn
      yield* subscriptions.unregister(name)
      expect((yield* subscriptions.depth(name)).waiting).toBe(0)
      const seen = new Seen()
      yield* subscriptions.subscribe(name, seen.record)
      yield* shop.commit([event(4, "key-0")])
      yield* subscriptions.settled(name)
      expect(seen.numbers).toEqual([4])
    }),
  )

  it.effect("set no timer while idle, and wake long after their lease has lapsed", () =>
    countingSleepers((sleepers) =>
      Effect.gen(function* () {
        const shop = makeShop()
        const subscriptions = yield* subscriptionsOf(shop)
        const seen = new Seen()
        yield* subscriptions.subscribe(name, seen.record)
        yield* runOn
        expect(sleepers()).toBe(0)
        yield* shop.commit(events(5, 2))
        yield* runOn
        expect(seen.numbers.length).toBe(5)
        expect(sleepers()).toBe(0)
        yield* pass("1 day")
        yield* shop.commit([event(6, "key-0")])
        yield* runOn
        expect(seen.numbers).toContain(6)
        expect(sleepers()).toBe(0)
      }),
    ),
  )

  it.effect("find what another process committed when they poll", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf({ ...shop, changed: Effect.never }, { pollMillis: 200 })
      const seen = new Seen()
      yield* subscriptions.subscribe(name, seen.record)
      yield* runOn
      yield* shop.commit([event(1, "key-0")])
      yield* pass(199)
      expect(seen.numbers).toEqual([])
      yield* pass(1)
      expect(seen.numbers).toEqual([1])
    }),
  )

  it.effect("stop with their scope, acknowledging what was handled", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const scope = yield* Scope.make()
      const subscriptions = yield* Scope.provide(subscriptionsOf(shop), scope)
      yield* subscriptions.subscribe(name, (one) => (one.key === "key-1" ? Effect.never : Effect.void))
      yield* shop.commit(events(4, 2))
      yield* runOn
      yield* Scope.close(scope, Exit.void)
      expect((yield* shop.outbox.depth(name)).waiting).toBe(2)
      // The lease was given up: another owner need not wait for its end.
      expect(yield* shop.outbox.lease(name, "another", 1_000)).toMatchObject({ owner: "another" })
    }),
  )
})
