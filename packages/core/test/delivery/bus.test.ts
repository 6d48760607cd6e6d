import { expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Scope } from "effect"
import { describe } from "vitest"
import { layerInProcess, makeInProcessBus } from "../../src/delivery/InProcessBus.ts"
import { noProgress, relayName } from "../../src/delivery/relay.ts"
import type { Event } from "../../src/events/Event.ts"
import { EventBus, leaseLost } from "../../src/ports/index.ts"
import { SubscriptionName } from "../../src/values.ts"
import { events, makeShop, name, numbersOf, pass, runOn, subscriptionsOf } from "./support.ts"

const other = SubscriptionName.make("other")

describe("the relay", () => {
  it.effect("publishes in order and acknowledges what the bus took, once", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const published: Array<unknown> = []
      const acknowledged: Array<unknown> = []
      let faults = 2
      const bus = EventBus.of({
        publish: (batch) =>
          Effect.suspend(() => {
            faults -= 1
            if (faults >= 0) return Effect.fail({ _tag: "BusFault", reason: "no broker" } as const)
            expect(acknowledged.length).toBe(published.length)
            published.push(...numbersOf(batch))
            return Effect.yieldNow
          }),
        subscribe: () => Effect.void,
      })
      const outbox = {
        ...shop.outbox,
        acknowledge: (...input: Parameters<typeof shop.outbox.acknowledge>) =>
          Effect.andThen(
            Effect.sync(() => acknowledged.push(...input[1].map(([position]) => position))),
            shop.outbox.acknowledge(...input),
          ),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      yield* subscriptions.relay(bus, { batch: 7 })
      yield* shop.commit(events(50, 5))
      yield* runOn
      expect(published).toEqual([])
      yield* pass("1 second")
      expect(published).toEqual(numbersOf(events(50, 5)))
      expect(acknowledged.toSorted((a, b) => Number(a) - Number(b))).toEqual(published)
      expect(yield* subscriptions.depth(relayName)).toMatchObject({ waiting: 0, parked: 0 })
    }),
  )

  it.effect("claims the next batch while the bus takes one, and no more than that", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let published = 0
      let claimed = 0
      const bus = EventBus.of({
        publish: (batch) =>
          Effect.map(Effect.sleep("1 second"), () => {
            published += batch.length
          }),
        subscribe: () => Effect.void,
      })
      const outbox = {
        ...shop.outbox,
        claim: (...input: Parameters<typeof shop.outbox.claim>) =>
          Effect.tap(shop.outbox.claim(...input), (events) =>
            Effect.sync(() => {
              claimed += events.length
            }),
          ),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      yield* subscriptions.relay(bus, { batch: 10, limit: 10 })
      yield* shop.commit(events(50, 5))
      yield* runOn
      for (let batch = 1; batch <= 5; batch++) {
        expect([published, claimed]).toEqual([(batch - 1) * 10, Math.min(50, (batch + 1) * 10)])
        yield* pass("1 second")
      }
      expect(yield* subscriptions.depth(relayName)).toMatchObject({ waiting: 0, parked: 0 })
    }),
  )

  it.effect("goes on under a lease that was renewed just when it seemed to be over", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const clock = yield* Effect.clockWith(Effect.succeed)
      // What a process that stands still finds when it goes on: it is late, and no timer of it has run yet.
      let stoodStill = 0
      const late: Clock.Clock = {
        ...clock,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(stoodStill) * 1_000_000n,
        monotonicTimeNanos: Effect.map(clock.monotonicTimeNanos, (nanos) => nanos + BigInt(stoodStill) * 1_000_000n),
      }
      const [taken, renewed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const published: Array<unknown> = []
      const bus = EventBus.of({
        publish: (batch) => Effect.map(Deferred.await(taken), () => published.push(...numbersOf(batch))),
        subscribe: () => Effect.void,
      })
      const outbox = {
        ...shop.outbox,
        renew: (...input: Parameters<typeof shop.outbox.renew>) =>
          Effect.andThen(Deferred.await(renewed), shop.outbox.renew(...input)),
      }
      yield* Effect.gen(function* () {
        const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
        yield* subscriptions.relay(bus, { batch: 10, limit: 10, leaseMillis: 3_000 })
        yield* shop.commit(events(50, 5))
        yield* pass("1 second")
        stoodStill = 2_500
        yield* Deferred.succeed(taken, undefined)
        yield* runOn
        yield* Deferred.succeed(renewed, undefined)
        yield* pass("10 seconds")
        expect(published).toEqual(numbersOf(events(50, 5)))
      }).pipe(Effect.provideService(Clock.Clock, late))
    }),
  )

  it.effect("knows nothing of the bus, and of no event, when another process has its lease", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const progress = noProgress()
      const bus = EventBus.of({
        publish: () => Effect.fail({ _tag: "BusFault", reason: "no broker" } as const),
        subscribe: () => Effect.void,
      })
      let isTaken = false
      const outbox = {
        ...shop.outbox,
        lease: (...input: Parameters<typeof shop.outbox.lease>) =>
          Effect.suspend(() => (isTaken ? Effect.succeed(undefined) : shop.outbox.lease(...input))),
        renew: (...input: Parameters<typeof shop.outbox.renew>) =>
          Effect.suspend(() => (isTaken ? Effect.fail(leaseLost(input[0])) : shop.outbox.renew(...input))),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      yield* subscriptions.relay(bus, { progress })
      yield* shop.commit(events(5, 5))
      yield* pass("1 second")
      expect(progress).toMatchObject({ reachable: false, oldestAt: 1 })
      isTaken = true
      yield* pass("20 seconds")
      expect(progress).toMatchObject({ reachable: undefined, oldestAt: undefined })
    }),
  )

  it.effect("feeds the bus in this process, and holds events back while a subscriber keeps failing", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const bus = yield* makeInProcessBus({ capacity: 10, batch: 4 })
      let broken = true
      const [failed, healthy]: [Array<unknown>, Array<unknown>] = [[], []]
      yield* bus.subscribe(other, (batch) => Effect.sync(() => healthy.push(...numbersOf(batch))))
      yield* bus.subscribe(name, (batch) =>
        Effect.suspend(() => (broken ? Effect.fail("no") : Effect.sync(() => failed.push(...numbersOf(batch))))),
      )
      const subscriptions = yield* subscriptionsOf(shop)
      yield* subscriptions.relay(bus, { batch: 5 })
      yield* shop.commit(events(40, 3))
      yield* pass("10 minutes")
      expect((yield* subscriptions.depth(relayName)).waiting).toBeGreaterThanOrEqual(25)
      // Refused before anybody got it: the repeats of ten minutes do not pile up at the other subscriber.
      expect(healthy.length).toBeLessThanOrEqual(20)
      broken = false
      yield* pass("10 minutes")
      expect(failed).toEqual(numbersOf(events(40, 3)))
      expect([...new Set(healthy)]).toEqual(numbersOf(events(40, 3)))
      expect((yield* subscriptions.depth(relayName)).waiting).toBe(0)
    }),
  )
})

describe("the bus in this process", () => {
  const collect = (into: Array<unknown>) => (batch: ReadonlyArray<Event>) =>
    Effect.sync(() => {
      into.push(...numbersOf(batch))
    })

  it.effect("hands every batch to every subscriber, in order", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const [one, two]: [Array<unknown>, Array<unknown>] = [[], []]
      yield* bus.subscribe(name, collect(one))
      yield* bus.subscribe(other, collect(two))
      for (let at = 0; at < 3_000; at += 100) yield* bus.publish(events(3_000, 7).slice(at, at + 100))
      yield* runOn
      expect(one).toEqual(numbersOf(events(3_000, 7)))
      expect(two).toEqual(one)
      const twice = yield* Effect.flip(bus.subscribe(name, collect(one)))
      expect(twice._tag).toBe("BusFault")
    }).pipe(Effect.provide(layerInProcess())),
  )

  it.effect("repeats a batch until its handler succeeds", () =>
    Effect.gen(function* () {
      const bus = yield* makeInProcessBus({ handlerTimeoutMillis: 1_000 })
      const seen: Array<unknown> = []
      let attempts = 0
      yield* bus.subscribe(name, (batch) =>
        Effect.suspend(() => {
          attempts += 1
          if (attempts === 1) return Effect.fail("error")
          if (attempts === 2) return Effect.die("defect")
          return attempts === 3 ? Effect.never : collect(seen)(batch)
        }),
      )
      yield* bus.publish(events(5, 1))
      yield* pass("10 seconds")
      expect(attempts).toBe(4)
      expect(seen).toEqual([1, 2, 3, 4, 5])
    }),
  )

  it.effect("makes publish wait for a slow subscriber, and takes batches larger than its queue", () =>
    Effect.gen(function* () {
      const bus = yield* makeInProcessBus({ capacity: 4, batch: 2 })
      const [slow, quick]: [Array<unknown>, Array<unknown>] = [[], []]
      yield* bus.subscribe(name, (batch) => Effect.andThen(Effect.sleep("1 second"), collect(slow)(batch)))
      yield* bus.subscribe(other, collect(quick))
      const publishing = yield* Effect.forkChild(bus.publish(events(10, 1)))
      yield* runOn
      expect(quick.length).toBe(10)
      yield* pass("2 seconds")
      expect(slow.length).toBe(4)
      expect(publishing.pollUnsafe()).toBe(undefined)
      yield* pass("3 seconds")
      expect(publishing.pollUnsafe()).toEqual(Exit.void)
      expect(slow).toEqual(quick)
    }),
  )

  it.effect("fails publish while a subscriber keeps failing and its queue is full, also one that waits already", () =>
    Effect.gen(function* () {
      const bus = yield* makeInProcessBus({ capacity: 4 })
      let broken = true
      const seen: Array<unknown> = []
      yield* bus.subscribe(name, (batch) => Effect.suspend(() => (broken ? Effect.fail("no") : collect(seen)(batch))))
      const waiting = yield* Effect.forkChild(Effect.flip(bus.publish(events(6, 1))))
      yield* pass("10 seconds")
      expect(waiting.pollUnsafe()).toMatchObject({ value: { _tag: "BusFault" } })
      expect((yield* Effect.flip(bus.publish(events(1, 1))))._tag).toBe("BusFault")
      broken = false
      yield* pass("10 seconds")
      yield* bus.publish(events(6, 1))
      yield* runOn
      expect(seen).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 5, 6])
    }),
  )

  it.effect("lets publishers go when the subscriber that they wait for leaves", () =>
    Effect.gen(function* () {
      const bus = yield* makeInProcessBus({ capacity: 1 })
      const scope = yield* Scope.make()
      yield* Scope.provide(
        bus.subscribe(name, () => Effect.never),
        scope,
      )
      const publishing = yield* Effect.forkChild(bus.publish(events(3, 1)))
      yield* runOn
      expect(publishing.pollUnsafe()).toBe(undefined)
      yield* Scope.close(scope, Exit.void)
      yield* runOn
      expect(publishing.pollUnsafe()).toEqual(Exit.void)
      yield* bus.publish(events(3, 1))
    }),
  )
})
