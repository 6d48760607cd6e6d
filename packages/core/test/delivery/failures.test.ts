import { expect, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { describe } from "vitest"
import { maxReasonLength, reasonOf } from "../../src/delivery/reason.ts"
import type { Outbox } from "../../src/ports/index.ts"
import { event, events, failing, makeShop, name, numbersOf, pass, runOn, Seen, subscriptionsOf } from "./support.ts"

/** What a host's handler would throw. */
const noSuchCustomer: unknown = new TypeError("no such customer")

describe("an event that its handler cannot handle", () => {
  it.effect("is parked with its reason, and holds up neither other keys nor what comes later", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const told: Array<unknown> = []
      const subscriptions = yield* subscriptionsOf(shop, {
        onError: (error, poison, of) => Effect.sync(() => told.push([error, poison.data.n, of])),
      })
      const seen = new Seen()
      yield* subscriptions.subscribe(name, (one) => (one.data.n === 1 ? Effect.fail(noSuchCustomer) : seen.record(one)))
      yield* shop.commit(events(50, 2))
      yield* runOn
      // The first attempt has failed: its own key waits, the other one is done.
      expect(seen.numbers).toEqual(numbersOf(events(50, 2), "key-1"))
      yield* shop.commit([event(51, "key-1")])
      yield* runOn
      expect(seen.numbers).toContain(51)
      yield* pass(1_500)
      expect(seen.ofKey("key-0")).toEqual(numbersOf(events(50, 2), "key-0").slice(1))
      expect(yield* subscriptions.depth(name)).toEqual({ waiting: 0, parked: 1, oldestAt: undefined })
      const [parked] = yield* subscriptions.parked(name)
      expect(parked?.event.data.n).toBe(1)
      expect(parked?.reason).toBe("TypeError: no such customer")
      expect(told).toEqual([[noSuchCustomer, 1, name]])
    }),
  )

  it.effect("does not hold up other keys even where a whole batch fails", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop, { onError: () => Effect.void })
      const seen = new Seen()
      yield* subscriptions.subscribe(
        name,
        (one) => (one.key.startsWith("poison") ? Effect.fail("no") : seen.record(one)),
        { limit: 10, concurrency: 4 },
      )
      yield* shop.commit(Array.from({ length: 50 }, (_, index) => event(index, `poison-${index}`)))
      yield* shop.commit(events(50, 50))
      yield* runOn
      expect(seen.all.length).toBe(50)
    }),
  )

  for (const how of ["fails", "hangs"] as const) {
    it.effect(
      `given more events of its key than may be in hand, and that its handler ${how} → holds up no other key`,
      () =>
        Effect.gen(function* () {
          const shop = makeShop()
          const seen = new Seen()
          let reread = 0
          const outbox: Outbox = {
            ...shop.outbox,
            reread: (lease, positions, bytes) => {
              reread += positions.length
              return shop.outbox.reread(lease, positions, bytes)
            },
          }
          const subscriptions = yield* subscriptionsOf(
            { ...shop, outbox },
            { onError: () => Effect.void, pollMillis: 250 },
          )
          let isHeldUp = true
          yield* subscriptions.subscribe(
            name,
            (one) =>
              Effect.suspend(() => {
                if (!isHeldUp || one.data.n !== 1) return seen.record(one)
                return how === "fails"
                  ? Effect.fail("not yet")
                  : Effect.andThen(Effect.sleep("20 seconds"), seen.record(one))
              }),
            { limit: 5, maxInFlight: 20, attempts: 1_000, backoff: { baseMillis: 5_000, maxMillis: 5_000 } },
          )
          const held = Array.from({ length: 300 }, (_, index) => event(index + 1, "held"))
          const others = Array.from({ length: 100 }, (_, index) => event(index + 301, `other-${index % 30}`))
          yield* shop.commit([...held, ...others])
          yield* pass("2 seconds")
          for (let key = 0; key < 30; key++)
            expect(seen.ofKey(`other-${key}`)).toEqual(numbersOf(others, `other-${key}`))
          expect(seen.ofKey("held")).toEqual([])
          expect(reread).toBe(0)
          isHeldUp = false
          yield* pass("1 minute")
          expect(seen.ofKey("held")).toEqual(numbersOf(held))
          expect((yield* subscriptions.depth(name)).waiting).toBe(0)
          expect(reread).toBeGreaterThan(0)
        }),
    )
  }

  it.effect("is parked also where the store refuses the text of its reason", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const outbox: Outbox = {
        ...shop.outbox,
        park: (lease, position, reason, now) =>
          /[^\x20-\x7e]/.test(reason)
            ? Effect.fail({ _tag: "Rejected", reason: "no such character in this database" })
            : shop.outbox.park(lease, position, reason, now),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox }, { onError: () => Effect.void })
      const seen = new Seen()
      yield* subscriptions.subscribe(
        name,
        (one) => (one.data.n === 1 ? Effect.fail("주소 unknown") : seen.record(one)),
        { attempts: 1 },
      )
      yield* shop.commit(events(4, 2))
      yield* pass("1 second")
      expect((yield* subscriptions.parked(name)).map(({ reason }) => reason)).toEqual(["?? unknown"])
      expect(seen.numbers).toEqual([2, 4, 3])
    }),
  )

  it.effect("is parked before the next event of its key is handled", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const log: Array<unknown> = []
      const outbox: Outbox = {
        ...shop.outbox,
        park: (...input) =>
          Effect.tap(Effect.andThen(Effect.sleep(500), shop.outbox.park(...input)), () =>
            Effect.sync(() => log.push("parked")),
          ),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox }, { onError: () => Effect.void })
      yield* subscriptions.subscribe(
        name,
        (one) => (one.data.n === 1 ? Effect.fail("no") : Effect.sync(() => log.push(one.data.n))),
        { attempts: 1 },
      )
      yield* shop.commit(events(2, 1))
      yield* pass(499)
      expect(log).toEqual([])
      yield* pass(1)
      expect(log).toEqual(["parked", 2])
    }),
  )

  it.effect("is tried five times, each wait twice the one before and never the same for everybody", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop, { onError: () => Effect.void })
      const seen = new Seen()
      yield* subscriptions.subscribe(name, (one) => Effect.andThen(seen.record(one), Effect.fail("no")), {
        backoff: { baseMillis: 1_000, maxMillis: 3_000 },
      })
      yield* shop.commit(events(20, 20))
      yield* pass("1 minute")
      const waits = Array.from({ length: 20 }, (_, key) => {
        const at = seen.all.filter((one) => one.event.key === `key-${key}`).map((one) => one.at)
        return at.slice(1).map((time, index) => time - (at[index] ?? 0))
      })
      for (const bound of [1_000, 2_000, 3_000, 3_000].entries()) {
        const [index, most] = bound
        const ofAll = waits.map((wait) => wait[index] ?? 0)
        expect(Math.min(...ofAll)).toBeGreaterThanOrEqual(most / 2)
        expect(Math.max(...ofAll)).toBeLessThanOrEqual(most)
        expect(new Set(ofAll).size).toBeGreaterThan(10)
      }
      expect(waits.every((wait) => wait.length === 4)).toBe(true)
      expect((yield* subscriptions.depth(name)).parked).toBe(20)
    }),
  )

  it.effect("may throw, die, interrupt itself or never end: each is parked, and delivery goes on", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop, { onError: () => Effect.die("onError fails as well") })
      const seen = new Seen()
      yield* subscriptions.subscribe(
        name,
        (one) => {
          if (one.key === "throws") throw new Error("thrown")
          if (one.key === "dies") return Effect.die(new Error("dead"))
          if (one.key === "interrupts") return Effect.interrupt
          return one.key === "hangs" ? Effect.never : seen.record(one)
        },
        { attempts: 2, handlerTimeoutMillis: 5_000 },
      )
      yield* shop.commit(["throws", "dies", "interrupts", "hangs", "works"].map((key, index) => event(index + 1, key)))
      yield* pass("1 minute")
      const parked = yield* subscriptions.parked(name)
      expect(parked.map((one) => [one.event.key, one.reason])).toEqual([
        ["throws", "Error: thrown"],
        ["dies", "Error: dead"],
        ["interrupts", expect.stringContaining("nterrupt")],
        ["hangs", '{"_tag":"HandlerTimedOut","afterMillis":5000}'],
      ])
      yield* shop.commit([event(6, "dies"), event(7, "works")])
      yield* pass("1 minute")
      expect(seen.numbers).toEqual([5, 7])
    }),
  )

  it.effect("waits again when it is redelivered, and is handled once its handler can", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop, { onError: () => Effect.void })
      let works = false
      const seen = new Seen()
      yield* subscriptions.subscribe(name, (one) =>
        Effect.suspend(() => (works || one.key !== "key-1" ? seen.record(one) : Effect.fail("not yet"))),
      )
      yield* shop.commit(events(4, 2))
      yield* pass("1 minute")
      const first = yield* subscriptions.parked(name, { limit: 1 })
      const second = yield* subscriptions.parked(name, { after: first[0]?.position })
      expect([...first, ...second].map((one) => one.event.data.n)).toEqual([2, 4])
      works = true
      for (const one of [...first, ...second]) yield* subscriptions.redeliver(name, one.position)
      yield* subscriptions.settled(name)
      expect(seen.numbers).toEqual([1, 3, 2, 4])
      expect(yield* subscriptions.parked(name)).toEqual([])
    }),
  )

  it("gives a reason that any store can keep", () => {
    expect(reasonOf(Cause.fail({ _tag: "OutOfStock", left: 0 }))).toBe('{"_tag":"OutOfStock","left":0}')
    expect(reasonOf(Cause.fail(new Error("")))).toBe("Error")
    expect(reasonOf(Cause.fail("a\u0000b"))).toBe("a\ufffdb")
    const long = reasonOf(Cause.die(`${"x".repeat(maxReasonLength - 1)}😀`))
    expect(long.length).toBe(maxReasonLength)
    expect(long.isWellFormed()).toBe(true)
    const endless: { self?: unknown } = {}
    endless.self = endless
    expect(reasonOf(Cause.fail(endless))).not.toBe("")
  })
})

describe("a store that fails for a while", () => {
  const calls: ReadonlyArray<keyof Outbox> = ["lease", "claim", "acknowledge", "park"]
  for (const call of calls) {
    it.effect(`delays delivery and loses nothing: ${call}`, () =>
      Effect.gen(function* () {
        const shop = makeShop()
        const left = { times: 3 }
        const outbox = failing(shop.outbox, call, left)
        const subscriptions = yield* subscriptionsOf({ ...shop, outbox }, { onError: () => Effect.void })
        const seen = new Seen()
        yield* subscriptions.subscribe(name, (one) => (one.key === "poison" ? Effect.fail("no") : seen.record(one)))
        const all = events(250, 5)
        yield* shop.commit([...all, event(251, "poison")])
        yield* pass("10 seconds")
        expect(left.times).toBe(0)
        expect(yield* subscriptions.depth(name)).toMatchObject({ waiting: 0, parked: 1 })
        // In hand all the time: a fault is no reason to handle anything twice.
        expect(seen.all.length).toBe(250)
        for (let key = 0; key < 5; key++) expect(seen.ofKey(`key-${key}`)).toEqual(numbersOf(all, `key-${key}`))
      }),
    )
  }

  it.effect("or dies: the loop starts over", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      let died = 0
      const outbox: Outbox = {
        ...shop.outbox,
        acknowledge: (...input) =>
          Effect.suspend(() => {
            died += 1
            return died < 3 ? Effect.die("connection lost") : shop.outbox.acknowledge(...input)
          }),
      }
      const subscriptions = yield* subscriptionsOf({ ...shop, outbox })
      const seen = new Seen()
      yield* subscriptions.subscribe(name, seen.record)
      yield* shop.commit(events(10, 1))
      yield* pass("10 seconds")
      expect((yield* subscriptions.depth(name)).waiting).toBe(0)
      expect([...new Set(seen.numbers)]).toEqual(numbersOf(events(10, 1)))
    }),
  )
})

describe("an event that takes long", () => {
  it.effect("lets everything behind it be handled when it is done, however much that is", () =>
    Effect.gen(function* () {
      const shop = makeShop()
      const subscriptions = yield* subscriptionsOf(shop)
      let handled = 0
      yield* subscriptions.subscribe(name, ({ data }) =>
        Effect.andThen(
          data.n === 1 ? Effect.sleep("5 seconds") : Effect.void,
          Effect.sync(() => handled++),
        ),
      )
      // More than are kept in hand by their positions.
      const count = 101_000
      yield* shop.commit(events(count, 1))
      for (let tenths = 0; tenths < 600 && handled < count; tenths++) yield* pass("100 millis")
      expect(handled).toBe(count)
    }),
  )
})
