/**
 * The outbox of every store: who gets which events, when, and what is kept.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { beforeEach } from "vitest"
import type { Lease, Position, StoreShape } from "../../src/ports/Store.ts"
import { SubscriptionName } from "../../src/values.ts"
import { furnish, restock } from "../memory/world.ts"
import { testAt, transact } from "../support/commands.ts"
import type { SuiteStore } from "./SuiteStore.ts"

const mail = SubscriptionName.make("mail")
const search = SubscriptionName.make("search")
const one: Lease = { name: mail, owner: "one" }
const two: Lease = { name: mail, owner: "two" }

/** Commits `count` events, in two batches where there are several. */
const emit = (store: StoreShape, count: number) =>
  Effect.gen(function* () {
    const restocks = Array.from({ length: count }, (_, index) => restock("tea", index + 1))
    const half = Math.ceil(count / 2)
    yield* transact(store, restocks.slice(0, half))
    if (count > half) yield* transact(store, restocks.slice(half))
    return restocks.map(({ id }) => id)
  })

const claimed = (store: StoreShape, lease: Lease, after?: Position, limit = 100) =>
  store.outbox.claim(lease, after, limit)

const idsOf = (events: ReadonlyArray<{ readonly event: { readonly id: string } }>) =>
  events.map(({ event }) => event.id)

const positionsOf = (events: ReadonlyArray<{ readonly position: Position }>) => events.map(({ position }) => position)

export const outboxSuite = (stores: ReadonlyArray<SuiteStore>): void => {
  describe.each(stores)("the outbox of $name", { timeout: 60_000 }, ({ make, before }) => {
    beforeEach(before)
    const shop = Effect.gen(function* () {
      const store = yield* make
      yield* furnish(store, { products: { tea: 1 } })
      yield* store.outbox.register(mail)
      expect(yield* store.outbox.lease(one, 0, 100)).toBe(true)
      return store
    })

    it.live("keeps nothing while nobody is registered", () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, { products: { tea: 1 } })
        yield* emit(store, 5)
        yield* store.outbox.register(mail)
        yield* store.outbox.lease(one, 0, 100)
        expect(yield* claimed(store, one)).toEqual([])
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
        expect(yield* store.outbox.lease({ name: search, owner: "one" }, 0, 100)).toBe(false)
      }),
    )

    it.live("gives each event in the order of the commits, to each subscription on its own", () =>
      Effect.gen(function* () {
        const store = yield* shop
        const early = yield* emit(store, 3)
        yield* store.outbox.register(search)
        const late = yield* emit(store, 4)
        yield* store.outbox.lease({ name: search, owner: "x" }, 0, 100)
        expect(idsOf(yield* claimed(store, one))).toEqual([...early, ...late])
        expect(idsOf(yield* claimed(store, { name: search, owner: "x" }))).toEqual(late)
        yield* store.outbox.register(mail)
        expect(idsOf(yield* claimed(store, one, undefined, 2))).toEqual(early.slice(0, 2))
      }),
    )

    it.live("lets one owner at a time claim, until its lease is over or given up", () =>
      Effect.gen(function* () {
        const store = yield* shop
        const ids = yield* emit(store, 2)
        expect(yield* store.outbox.lease(two, 99, 100)).toBe(false)
        expect(yield* claimed(store, two)).toEqual([])
        expect(yield* store.outbox.lease(one, 50, 100)).toBe(true)
        expect(yield* store.outbox.lease(two, 149, 100)).toBe(false)
        expect(yield* store.outbox.lease(two, 150, 100)).toBe(true)
        // The late owner can no longer settle anything.
        const events = yield* claimed(store, two)
        expect(idsOf(events)).toEqual(ids)
        yield* store.outbox.acknowledge(one, positionsOf(events))
        for (const { position } of events) yield* store.outbox.park(one, position, "late", testAt)
        yield* store.outbox.release(one)
        expect(idsOf(yield* claimed(store, two))).toEqual(ids)
        yield* store.outbox.release(two)
        expect(yield* claimed(store, two)).toEqual([])
        expect(yield* store.outbox.lease(one, 150, 100)).toBe(true)
      }),
    )

    it.live("gives again what an owner has not heard, and goes on behind what it has", () =>
      Effect.gen(function* () {
        const store = yield* shop
        const ids = yield* emit(store, 5)
        const [first] = yield* claimed(store, one, undefined, 1)
        expect(idsOf(yield* claimed(store, one, first?.position, 2))).toEqual(ids.slice(1, 3))
        const again = yield* claimed(store, one, first?.position, 2)
        expect(idsOf(again)).toEqual(ids.slice(1, 3))
        expect(idsOf(yield* claimed(store, one, again.at(-1)?.position))).toEqual(ids.slice(3))
      }),
    )

    it.live("takes acknowledgements in any order, repeated, and for positions it never gave", () =>
      Effect.gen(function* () {
        const store = yield* shop
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
    )

    it.live("gives nothing twice to an owner that passes what it claimed last, and all of it to the next owner", () =>
      Effect.gen(function* () {
        const store = yield* shop
        const ids = yield* emit(store, 5)
        const first = yield* claimed(store, one, undefined, 3)
        const second = yield* claimed(store, one, first.at(-1)?.position, 3)
        expect(idsOf([...first, ...second])).toEqual(ids)
        expect(yield* claimed(store, one, second.at(-1)?.position, 3)).toEqual([])
        yield* store.outbox.acknowledge(one, positionsOf(second))
        yield* store.outbox.lease(two, 1_000, 100)
        expect(idsOf(yield* claimed(store, two))).toEqual(ids.slice(0, 3))
      }),
    )

    it.live("sets a parked event aside with its reason, and gives it again when it is unparked", () =>
      Effect.gen(function* () {
        const store = yield* shop
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
        yield* store.outbox.unpark(mail, second)
        yield* store.outbox.unpark(mail, second)
        // Past the cursor of the owner, which has long claimed the old position.
        const again = yield* claimed(store, one, events.at(-1)?.position)
        expect(idsOf(again)).toEqual([ids[1]])
        expect(yield* store.outbox.depth(mail)).toMatchObject({ waiting: 1, parked: 1 })
        expect((yield* store.outbox.depth(search)).waiting).toBe(3)
        yield* store.outbox.acknowledge(one, positionsOf(again))
        expect(yield* store.outbox.depth(mail)).toEqual({ waiting: 0, parked: 1, oldestAt: undefined })
        expect(idsOf(yield* store.outbox.parked(mail, undefined, 9))).toEqual([ids[0]])
      }),
    )

    it.live("forgets a subscription that is unregistered, with all that waits for it", () =>
      Effect.gen(function* () {
        const store = yield* shop
        yield* emit(store, 3)
        yield* store.outbox.unregister(mail)
        expect(yield* claimed(store, one)).toEqual([])
        expect((yield* store.outbox.depth(mail)).waiting).toBe(0)
        yield* store.outbox.register(mail)
        yield* store.outbox.lease(two, 0, 100)
        const ids = yield* emit(store, 2)
        expect(idsOf(yield* claimed(store, two))).toEqual(ids)
      }),
    )

    it.live("keeps its place through thousands of events", () =>
      Effect.gen(function* () {
        const store = yield* shop
        yield* store.outbox.register(search)
        yield* store.outbox.lease({ name: search, owner: "x" }, 0, 100)
        const seen: Array<string> = []
        const made: Array<string> = []
        let cursor: Position | undefined
        for (let round = 0; round < 40; round++) {
          made.push(...(yield* emit(store, 100)))
          const events = yield* claimed(store, one, cursor, 90)
          cursor = events.at(-1)?.position
          seen.push(...idsOf(events))
          yield* store.outbox.acknowledge(one, positionsOf(events).reverse())
          // The other one handles nearly everything, and lags by a few.
          const others = yield* claimed(store, { name: search, owner: "x" }, undefined, 99)
          yield* store.outbox.acknowledge({ name: search, owner: "x" }, positionsOf(others))
        }
        expect(seen).toEqual(made.slice(0, seen.length))
        expect(seen.length).toBe(3_600)
        expect(yield* store.outbox.depth(mail)).toMatchObject({ waiting: 400 })
        expect(yield* store.outbox.depth(search)).toMatchObject({ waiting: 40 })
        expect(idsOf(yield* claimed(store, { name: search, owner: "x" }))).toEqual(made.slice(-40))
      }),
    )
  })
}
