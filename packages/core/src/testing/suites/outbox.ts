/**
 * The outbox of every store: who gets which events, when, and what is kept.
 */
import { Effect } from "effect"
import { restockCall } from "../../decision/stockCalls.ts"
import type { Lease, Position, StoreShape } from "../../ports/index.ts"
import { SubscriptionName } from "../../values.ts"
import { monotonic } from "../kit/monotonic.ts"
import { command, testAt, transact } from "./commands.ts"
import { expect } from "./expect.ts"
import { type StoreSuite, type SuiteStore, storeCase, storeOf } from "./StoreSuite.ts"
import { furnish, restock } from "./shop.ts"

const mail = SubscriptionName.make("mail")
const search = SubscriptionName.make("search")
/** Longer than any test takes, and much shorter than that. */
const long = 600_000
const short = 200
/** How much longer than it lasts anybody may wait for a lease, on a machine that is busy with other things. */
const mostWaitMillis = 30_000
/** More than any case commits. */
const mostEvents = 10_000

/** The lease of a name, for an owner who must get it. */
const leased = (store: StoreShape, owner: string, name = mail, leaseMillis = long) =>
  Effect.map(store.outbox.lease(name, owner, leaseMillis), (lease): Lease => {
    if (lease === undefined) throw new Error(`${owner} did not get the lease.`)
    return lease
  })

/** Asks until the lease is granted, and says how many milliseconds that took. */
const leasedInTime = (store: StoreShape, owner: string) =>
  Effect.gen(function* () {
    const began = yield* monotonic
    for (;;) {
      const lease = yield* store.outbox.lease(mail, owner, long)
      if (lease !== undefined) return { lease, millis: (yield* monotonic) - began }
      if ((yield* monotonic) - began > mostWaitMillis) throw new Error(`${owner} did not get a lease that had ended.`)
      yield* Effect.sleep(5)
    }
  })

/** How a call failed; undefined where it succeeded. */
const endOf = <E>(call: Effect.Effect<unknown, E>): Effect.Effect<E | undefined> =>
  Effect.match(call, { onSuccess: () => undefined, onFailure: (fault) => fault })

/** What is told whoever holds the name no longer. */
const lost = ({ name, fence }: Lease) => ({ _tag: "LeaseLost", name, fence })

/** Commits `count` events, in two batches where there are several. */
const emit = (store: StoreShape, count: number) =>
  Effect.gen(function* () {
    const restocks = Array.from({ length: count }, (_, index) => restock("tea", index + 1))
    const half = Math.ceil(count / 2)
    yield* transact(store, restocks.slice(0, half))
    if (count > half) yield* transact(store, restocks.slice(half))
    return restocks.map(({ id }) => id)
  })

const claimed = (store: StoreShape, lease: Lease, after?: Position, events = 100, bytes = Number.MAX_SAFE_INTEGER) =>
  store.outbox.claim(lease, after, { events, bytes })

/** Everything that waits, a claim after the other, and how much each of them brought. */
const drained = (store: StoreShape, lease: Lease, events: number, bytes: number) =>
  Effect.gen(function* () {
    const all: Array<string> = []
    const sizes: Array<number> = []
    let after: Position | undefined
    for (;;) {
      const some = yield* claimed(store, lease, after, events, bytes)
      if (some.length === 0) return { all, sizes }
      after = some.at(-1)?.position
      all.push(...idsOf(some))
      sizes.push(some.length)
      if (all.length > mostEvents) throw new Error(`More than ${mostEvents} events were claimed, one behind the other.`)
    }
  })

const idsOf = (events: ReadonlyArray<{ readonly event: { readonly id: string } }>) =>
  events.map(({ event }) => event.id)

const positionsOf = (events: ReadonlyArray<{ readonly position: Position }>) => events.map(({ position }) => position)

/** A store counts whole milliseconds. */
const clockStepMillis = 2

/** The outbox: leases, claims and what is set aside. */
export const outbox = ({ name, layer }: SuiteStore): StoreSuite => {
  const make = storeOf(layer)
  const shop = Effect.gen(function* () {
    const store = yield* make
    yield* furnish(store, { products: { tea: 1 } })
    yield* store.outbox.register(mail)
    return { store, one: yield* leased(store, "one") }
  })

  return {
    title: `the outbox of ${name}`,
    cases: [
      storeCase("keeps nothing while nobody is registered", function* () {
        const store = yield* make
        yield* furnish(store, { products: { tea: 1 } })
        yield* emit(store, 5)
        yield* store.outbox.register(mail)
        const one = yield* leased(store, "one")
        expect(yield* claimed(store, one)).toEqual([])
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
        expect(yield* store.outbox.lease(search, "one", long)).toBe(undefined)
      }),

      storeCase("gives each event in the order of the commits, to each subscription on its own", function* () {
        const { store, one } = yield* shop
        const early = yield* emit(store, 3)
        yield* store.outbox.register(search)
        const late = yield* emit(store, 4)
        const other = yield* leased(store, "x", search)
        expect(idsOf(yield* claimed(store, one))).toEqual([...early, ...late])
        expect(idsOf(yield* claimed(store, other))).toEqual(late)
        yield* store.outbox.register(mail)
        expect(idsOf(yield* claimed(store, one, undefined, 2))).toEqual(early.slice(0, 2))
      }),

      storeCase("lets one owner at a time claim, until its lease is given up", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 2)
        expect(yield* store.outbox.lease(mail, "two", long)).toBe(undefined)
        yield* store.outbox.renew(one, long)
        expect(yield* store.outbox.lease(mail, "two", long)).toBe(undefined)
        yield* store.outbox.release(one)
        const two = yield* leased(store, "two")
        expect(idsOf(yield* claimed(store, two))).toEqual(ids)
        yield* store.outbox.release(two)
        expect(idsOf(yield* claimed(store, yield* leased(store, "one")))).toEqual(ids)
      }),

      storeCase("lets another owner have the lease when its time is over, and not before", function* () {
        const { store, one } = yield* shop
        yield* store.outbox.release(one)
        const began = yield* monotonic
        const brief = yield* leased(store, "brief", mail, short)
        const { lease } = yield* leasedInTime(store, "next")
        expect((yield* monotonic) - began).toBeGreaterThan(short - clockStepMillis)
        expect(lease.fence).toBeGreaterThan(brief.fence)
        // What is renewed is counted from then on.
        yield* store.outbox.renew(lease, short)
        const renewed = yield* monotonic
        yield* store.outbox.renew(lease, short)
        yield* leasedInTime(store, "last")
        expect((yield* monotonic) - renewed).toBeGreaterThan(short - clockStepMillis)
      }),

      storeCase("refuses whoever lost the lease, says so, and does nothing of what it asked", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 2)
        const events = yield* claimed(store, one)
        yield* store.outbox.release(one)
        // Of another owner, of the same owner a second time, and of nobody at all.
        const leases = [
          yield* leased(store, "two"),
          yield* leased(store, "two"),
          yield* Effect.tap(leased(store, "two"), store.outbox.release),
        ]
        for (const [index, stale] of [one, ...leases].entries()) {
          const newest = leases[index]
          if (newest !== undefined) expect(newest.fence).toBeGreaterThan(stale.fence)
          const asked = [
            store.outbox.renew(stale, long),
            store.outbox.claim(stale, undefined, { events: 9, bytes: 9 }),
            store.outbox.acknowledge(stale, positionsOf(events)),
            store.outbox.park(stale, events[0]?.position ?? [0], "late", testAt),
          ]
          for (const each of asked) expect(yield* endOf(each)).toEqual(lost(stale))
          yield* store.outbox.release(stale)
        }
        const last = yield* leased(store, "three")
        for (const stale of leases) yield* store.outbox.release(stale)
        expect(idsOf(yield* claimed(store, last))).toEqual(ids)
        yield* store.outbox.unregister(mail)
        expect(yield* endOf(store.outbox.acknowledge(last, positionsOf(events)))).toEqual(lost(last))
        yield* store.outbox.register(mail)
        // Whatever remembers fences remembers them also of a name that was forgotten in between.
        expect((yield* leased(store, "four")).fence).toBeGreaterThan(last.fence)
      }),

      storeCase("gives again what an owner has not heard, and goes on behind what it has", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 5)
        const [first] = yield* claimed(store, one, undefined, 1)
        expect(idsOf(yield* claimed(store, one, first?.position, 2))).toEqual(ids.slice(1, 3))
        const again = yield* claimed(store, one, first?.position, 2)
        expect(idsOf(again)).toEqual(ids.slice(1, 3))
        expect(idsOf(yield* claimed(store, one, again.at(-1)?.position))).toEqual(ids.slice(3))
      }),

      storeCase("takes acknowledgements in any order, repeated, and for positions it never gave", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 6)
        const events = yield* claimed(store, one)
        const at = (index: number): Position => events[index]?.position ?? [Number.NaN]
        yield* store.outbox.acknowledge(one, [at(4), at(2), at(2), [99], ["elsewhere"], [-1]])
        expect(idsOf(yield* claimed(store, one))).toEqual([ids[0], ids[1], ids[3], ids[5]])
        expect((yield* store.outbox.depth(mail)).waiting).toBe(4)
        yield* store.outbox.acknowledge(one, [at(0), at(1), at(4)])
        expect(idsOf(yield* claimed(store, one))).toEqual([ids[3], ids[5]])
        yield* store.outbox.acknowledge(one, positionsOf(events))
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
        const [next] = yield* emit(store, 1)
        expect(idsOf(yield* claimed(store, one))).toEqual([next])
      }),

      storeCase(
        "gives nothing twice to an owner that passes what it claimed last, and all of it to the next owner",
        function* () {
          const { store, one } = yield* shop
          const ids = yield* emit(store, 5)
          const first = yield* claimed(store, one, undefined, 3)
          const second = yield* claimed(store, one, first.at(-1)?.position, 3)
          expect(idsOf([...first, ...second])).toEqual(ids)
          expect(yield* claimed(store, one, second.at(-1)?.position, 3)).toEqual([])
          yield* store.outbox.acknowledge(one, positionsOf(second))
          yield* store.outbox.release(one)
          expect(idsOf(yield* claimed(store, yield* leased(store, "two")))).toEqual(ids.slice(0, 3))
        },
      ),

      storeCase("gives everything by and by, however little a claim may bring at once", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 40)
        const { all, sizes } = yield* drained(store, one, 7, Number.MAX_SAFE_INTEGER)
        expect(all).toEqual(ids)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(7)
        // No event is as small as that, and each of them comes.
        expect((yield* drained(store, one, 7, 1)).all).toEqual(ids)
      }),

      storeCase("gives once more what its owner could not keep, in order, but for what is settled", function* () {
        const { store, one } = yield* shop
        const ids = yield* emit(store, 6)
        const events = yield* claimed(store, one)
        const positions = positionsOf(events)
        const whole = Number.MAX_SAFE_INTEGER
        expect(idsOf(yield* store.outbox.reread(one, positions, whole))).toEqual(ids)
        yield* store.outbox.acknowledge(one, positions.slice(1, 3))
        expect(idsOf(yield* store.outbox.reread(one, positions, whole))).toEqual([ids[0], ...ids.slice(3)])
        expect(yield* store.outbox.reread(one, positions.slice(1, 3), whole)).toEqual([])
        // As much as there is room for, from the first one on.
        let left = [...positions.slice(0, 1), ...positions.slice(3)]
        const parts: Array<string> = []
        while (left.length > 0) {
          const part = yield* store.outbox.reread(one, left, 1)
          expect(part.length).toBeGreaterThan(0)
          parts.push(...idsOf(part))
          left = left.slice(part.length)
        }
        expect(parts).toEqual([ids[0], ...ids.slice(3)])
        // It is in hand as before: nothing of it is claimed again.
        expect(yield* claimed(store, one, positions.at(-1))).toEqual([])
        yield* store.outbox.release(one)
        expect(yield* endOf(store.outbox.reread(one, positions, whole))).toEqual(lost(one))
      }),

      storeCase("sets a parked event aside with its reason, and gives it again when it is unparked", function* () {
        const { store, one } = yield* shop
        yield* store.outbox.register(search)
        const ids = yield* emit(store, 3)
        const events = yield* claimed(store, one)
        const [first, second] = positionsOf(events)
        if (first === undefined || second === undefined) throw new Error("Nothing was claimed.")
        yield* store.outbox.park(one, second, "no address", 7)
        yield* store.outbox.park(one, second, "again", 8)
        yield* store.outbox.park(one, first, "no name", 9)
        expect(idsOf(yield* claimed(store, one))).toEqual([ids[2]])
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 1, parked: 2, oldestAt: testAt })
        const parked = yield* store.outbox.parked(mail, undefined, 9)
        expect(parked.map(({ event, reason, parkedAt }) => [event.id, reason, parkedAt])).toEqual([
          [ids[0], "no name", 9],
          [ids[1], "no address", 7],
        ])
        expect(idsOf(yield* store.outbox.parked(mail, parked[0]?.position, 9))).toEqual([ids[1]])
        yield* store.outbox.acknowledge(one, positionsOf(events))
        expect(yield* store.outbox.unpark(mail, second)).toBe(true)
        expect(yield* store.outbox.unpark(mail, second)).toBe(false)
        // Past the cursor of the owner, which has long claimed the old position.
        const again = yield* claimed(store, one, events.at(-1)?.position)
        expect(idsOf(again)).toEqual([ids[1]])
        expect(yield* store.outbox.depth(mail)).toMatchObject({ waiting: 1, parked: 1 })
        expect((yield* store.outbox.depth(search)).waiting).toBe(3)
        yield* store.outbox.acknowledge(one, positionsOf(again))
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 1, oldestAt: undefined })
        expect(idsOf(yield* store.outbox.parked(mail, undefined, 9))).toEqual([ids[0]])
      }),

      storeCase("says how much waits, since when, and how far a subscription has come", function* () {
        const { store, one } = yield* shop
        const { reach } = store.outbox
        const restocked = (minutes: number) => {
          const options = { at: testAt + minutes * 60_000, deadline: testAt + 3_600_000 }
          return transact(store, [command(restockCall, { productId: "tea", quantity: 1 }, options)])
        }
        for (const minutes of [1, 2, 3, 4, 5]) yield* restocked(minutes)
        const positions = positionsOf(yield* claimed(store, one))
        const last = positions.at(-1)
        const oldestAt = (minutes: number) => testAt + minutes * 60_000
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 5, parked: 0, oldestAt: oldestAt(1) })
        if (reach !== undefined) expect(yield* reach(one, last)).toEqual({ last, isPast: false })
        for (const position of positions.slice(0, 2)) yield* store.outbox.park(one, position, "no", 0)
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 3, parked: 2, oldestAt: oldestAt(3) })
        const parked = yield* store.outbox.parked(mail, undefined, 1)
        expect(positionsOf(parked)).toEqual(positions.slice(0, 1))
        yield* store.outbox.acknowledge(one, positions.slice(3))
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 1, parked: 2, oldestAt: oldestAt(3) })
        if (reach !== undefined) {
          // The third waits, and stands before the last.
          expect(yield* reach(one, last)).toMatchObject({ isPast: false })
          expect(yield* reach(one, positions[1])).toMatchObject({ isPast: true })
        }
        yield* store.outbox.acknowledge(one, positions)
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 2, oldestAt: undefined })
        if (reach !== undefined) {
          expect(yield* reach(one, last)).toEqual({ last: undefined, isPast: true })
          yield* restocked(6)
          const [newest] = positionsOf(yield* claimed(store, one))
          expect(yield* reach(one, last)).toEqual({ last: newest, isPast: true })
          expect(yield* reach(one, newest)).toMatchObject({ isPast: false })
        }
      }),

      storeCase("forgets a subscription that is unregistered, with all that waits for it", function* () {
        const { store, one } = yield* shop
        yield* emit(store, 3)
        yield* store.outbox.unregister(mail)
        expect(yield* endOf(claimed(store, one))).toEqual(lost(one))
        expect((yield* store.outbox.depth(mail)).waiting).toBe(0)
        yield* store.outbox.register(mail)
        const two = yield* leased(store, "two")
        const ids = yield* emit(store, 2)
        expect(idsOf(yield* claimed(store, two))).toEqual(ids)
      }),

      storeCase("shows nothing of a name that is forgotten, and begins it anew with nothing", function* () {
        const { store, one } = yield* shop
        yield* emit(store, 3)
        const [first] = yield* claimed(store, one)
        if (first !== undefined) yield* store.outbox.park(one, first.position, "no", 0)
        yield* store.outbox.unregister(mail)
        const nothing = { waiting: 0, parked: 0, oldestAt: undefined }
        for (const isAgain of [false, true]) {
          if (isAgain) yield* store.outbox.register(mail)
          expect(yield* store.outbox.depth(mail)).toEqual(nothing)
          expect(yield* store.outbox.parked(mail, undefined, 9)).toEqual([])
          if (first !== undefined) expect(yield* store.outbox.unpark(mail, first.position)).toBe(false)
          yield* emit(store, isAgain ? 0 : 2)
        }
        const two = yield* leased(store, "two")
        expect(two.fence).toBeGreaterThan(one.fence)
        expect(yield* claimed(store, two)).toEqual([])
      }),

      storeCase("keeps what follows a registering, while the same name is being forgotten beside it", function* () {
        const { store } = yield* shop
        let fence = 0
        for (let round = 0; round < 20; round++) {
          yield* store.outbox.register(mail)
          yield* emit(store, 2)
          const anew = Effect.andThen(store.outbox.register(mail), emit(store, 2))
          const both = [store.outbox.unregister(mail), Effect.delay(anew, round % 5)] as const
          const [, ids] = yield* Effect.all(both, { concurrency: "unbounded" })
          const lease = yield* store.outbox.lease(mail, `owner ${round}`, long)
          // Where the name is there, its registering came last.
          if (lease === undefined) continue
          expect(lease.fence).toBeGreaterThan(fence)
          fence = lease.fence
          expect(idsOf(yield* claimed(store, lease)).slice(-ids.length)).toEqual(ids)
        }
      }),

      storeCase("keeps its place through thousands of events, also for one that lags behind the other", function* () {
        const { store, one } = yield* shop
        yield* store.outbox.register(search)
        const other = yield* leased(store, "x", search)
        const made: Array<string> = []
        const seen: Array<string> = []
        const handled: Array<string> = []
        let cursor: Position | undefined
        for (let round = 0; round < 40; round++) {
          made.push(...(yield* emit(store, 100)))
          const events = yield* claimed(store, one, cursor, 90)
          expect(events.length).toBeGreaterThan(0)
          expect(events.length).toBeLessThanOrEqual(90)
          cursor = events.at(-1)?.position
          seen.push(...idsOf(events))
          yield* store.outbox.acknowledge(one, positionsOf(events).reverse())
          // The other one leaves the last of each claim in hand, and begins anew with it.
          const others = (yield* claimed(store, other, undefined, 99)).slice(0, -1)
          yield* store.outbox.acknowledge(other, positionsOf(others))
          handled.push(...idsOf(others))
        }
        expect(seen).toEqual(made.slice(0, seen.length))
        expect(handled).toEqual(made.slice(0, handled.length))
        expect(yield* store.outbox.depth(mail)).toMatchObject({ waiting: made.length - seen.length })
        expect(yield* store.outbox.depth(search)).toMatchObject({ waiting: made.length - handled.length })
        expect([...handled, ...(yield* drained(store, other, 500, 100_000)).all]).toEqual(made)
        // As many at once as there are.
        const left: Array<Position> = []
        for (let page = yield* claimed(store, one); page.length > 0; page = yield* claimed(store, one, left.at(-1))) {
          left.push(...positionsOf(page))
        }
        yield* store.outbox.acknowledge(one, left)
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
      }),
    ],
  }
}
