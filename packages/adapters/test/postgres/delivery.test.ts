/**
 * How names come and go while others sell, how much a claim brings, and who holds a lease, seen in the tables.
 */
import type { StoreFault } from "@holdfast/core"
import type { Claimed, Lease, Outbox, Position, StoreShape } from "@holdfast/core/ports"
import { Effect, Fiber, Latch, type Scope } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { unregisterOn } from "../../src/postgres/outbox/names.ts"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { Connection } from "../../src/postgres/session/Connection.ts"
import { inSchema } from "../../src/postgres/session/text.ts"
import type { Statement, Wire } from "../../src/postgres/session/wire.ts"
import { unpark } from "../../src/postgres/statements/leases.ts"
import { charge, command, furnish, place, placeCall, SubscriptionName, transact } from "../support/core.ts"
import { freshSchema, openWire, query, serverForFile } from "../support/stores.ts"

const mail = SubscriptionName.make("mail")
const depot = SubscriptionName.make("depot")
const many = { events: 1_000, bytes: 1_000_000 }

describe("delivery", () => {
  const { url, server } = serverForFile("delivery")
  const clients: Array<pg.Client> = []
  let schema = ""
  beforeEach((context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()))
    await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
  })
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client(url())
    client.on("error", () => {})
    await client.connect()
    clients.push(client)
    return client
  }
  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => query(url(), sql, params)
  const run = <A>(use: (store: StoreShape, other: StoreShape) => Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* PostgresStore.make({ url: url(), schema })
          const other = yield* PostgresStore.make({ url: url(), schema })
          yield* furnish(store, { accounts: ["ada", "bob"], points: 1_000_000, products: { tea: 1_000_000 } })
          return yield* use(store, other)
        }),
      ),
    )
  const leased = ({ lease }: Outbox, name = mail, owner = "one", leaseMillis = 60_000) =>
    Effect.map(lease(name, owner, leaseMillis), (held): Lease => {
      if (held === undefined) throw new Error(`${owner} did not get the lease.`)
      return held
    })
  /** Everything that waits for a name, claim by claim. */
  const drained = Effect.fnUntraced(function* ({ claim }: Outbox, lease: Lease, limit = many) {
    const claims: Array<ReadonlyArray<Claimed>> = []
    for (let after: Position | undefined; ; ) {
      const claimed = yield* claim(lease, after, limit)
      if (claimed.length === 0) return claims
      claims.push(claimed)
      after = claimed.at(-1)?.position
    }
  })
  const idsOf = (claimed: ReadonlyArray<Claimed>) => claimed.map(({ event }) => event.id)
  const rowsIn = (table: string) =>
    Effect.map(ask(`select count(*)::int as n from ${schema}.${table}`), ([row]) => Number(row?.n))

  describe("a name that is registered", () => {
    it("given a host's transaction that has sold → waits for it, holds nobody up meanwhile, and misses nothing after", async () => {
      const host = await connect()
      await run((store, other) =>
        Effect.gen(function* () {
          const joined = yield* Effect.promise(async () => {
            await host.query("begin")
            return Effect.runPromise(other.join?.(host) ?? Effect.die("joins nothing"))
          })
          yield* transact(joined, [place("ada", "tea", 1)])
          let answered = false
          const registering = yield* Effect.forkChild(
            Effect.tap(store.outbox.register(mail), () =>
              Effect.sync(() => {
                answered = true
              }),
            ),
            { startImmediately: true },
          )
          // Committed, and not answered yet: sales of others go on, and write for the name already.
          let waits = false
          while (!waits) {
            yield* transact(store, [charge("bob", 1)])
            waits = (yield* ask(`select from ${schema}.delivery`)).length > 3
          }
          expect(answered).toBe(false)
          yield* Effect.promise(() => host.query("commit"))
          yield* Fiber.join(registering)
          const [after] = yield* transact(store, [charge("ada", 2)])
          expect(after?._tag).toBe("Accepted")
          const claims = yield* drained(store.outbox, yield* leased(store.outbox))
          expect(claims.flat().at(-1)?.event.data).toMatchObject({ amount: 2 })
        }),
      )
    })

    it("given a transaction that does not end → says which one, and goes on waiting when it is asked again", async () => {
      const host = await connect()
      await run((store) =>
        Effect.gen(function* () {
          yield* Effect.promise(() => host.query("set application_name = 'a long one'; begin"))
          yield* Effect.promise(() => host.query(`insert into ${schema}.outbox (events, size) values ('[1]', 1)`))
          const { pid } = (yield* Effect.promise(() => host.query("select pg_backend_pid() as pid"))).rows[0]
          const fault: StoreFault = yield* Effect.flip(store.outbox.register(mail))
          expect(fault).toMatchObject({ _tag: "Lost", reason: expect.stringContaining(`process ${pid}, a long one`) })
          const again = yield* Effect.forkChild(store.outbox.register(mail), { startImmediately: true })
          yield* Effect.promise(() => host.query("rollback"))
          yield* Fiber.join(again)
          yield* store.outbox.register(mail)
        }),
      )
    })

    it("given a transaction that sold nothing, here or in another database → does not wait for it", async () => {
      const host = await connect()
      await run((store) =>
        Effect.gen(function* () {
          yield* Effect.promise(() => host.query("begin; create temporary table writes as select pg_current_xact_id()"))
          yield* Effect.promise(() => host.query(`select from ${schema}.outbox, ${schema}.subscription`))
          yield* store.outbox.register(mail)
        }),
      )
    })

    it("given several shops that sell without a pause → gets every event of what was called after it was registered", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          let selling = true
          const sold: Array<{ readonly id: string; readonly at: number }> = []
          const sell = Effect.fnUntraced(function* (shop: StoreShape, account: string) {
            while (selling) {
              const command = charge(account, 1)
              const at = performance.now()
              // The same command again after a fault: it happens once.
              yield* Effect.retry(transact(shop, [command]), { times: 20 })
              sold.push({ id: command.id, at })
            }
          })
          const sellers = yield* Effect.forkChild(
            Effect.all([sell(store, "ada"), sell(other, "ada"), sell(store, "bob"), sell(other, "bob")], {
              concurrency: "unbounded",
              // Nobody waits for a sale of a seller that has failed: joining it says why.
            }).pipe(
              Effect.onError(() =>
                Effect.sync(() => {
                  selling = false
                }),
              ),
            ),
            { startImmediately: true },
          )
          const names: Array<{ readonly name: typeof mail; readonly at: number }> = []
          for (let n = 0; n < 40; n++) {
            const name = SubscriptionName.make(`name-${n}`)
            yield* store.outbox.register(name)
            names.push({ name, at: performance.now() })
            // In between nobody is registered, so that batches leave their events out.
            if (n % 4 === 3) {
              const { length } = sold
              while (selling && sold.length < length + 4) yield* Effect.sleep(1)
              yield* missing(names.splice(0), sold)
            }
          }
          selling = false
          yield* Fiber.join(sellers)

          function missing(registered: typeof names, all: typeof sold) {
            return Effect.forEach(registered, ({ name, at }) =>
              Effect.gen(function* () {
                const after = all.filter((each) => each.at > at).map(({ id }) => id)
                expect(after.length).toBeGreaterThan(0)
                const claims = yield* drained(store.outbox, yield* leased(store.outbox, name))
                const given = new Set(claims.flatMap(idsOf).map(String))
                expect(after.filter((id) => !given.has(id))).toEqual([])
                yield* store.outbox.unregister(name)
              }),
            )
          }
        }),
      )
    })
  })

  it("given a long backlog and another name → a name that is unregistered leaves nothing behind, and nobody waits for it", async () => {
    await run((store) =>
      Effect.gen(function* () {
        yield* store.outbox.register(mail)
        yield* store.outbox.register(depot)
        // Rows as batches write them, some of which only one of the two waits for.
        yield* ask(`with o as (
            insert into ${schema}.outbox (events, size) select '[{"id":"x"}]', 1 from generate_series(1, 3000) returning id
          ), a as (insert into ${schema}.delivery (name, outbox_id) select 'mail', id from o)
          insert into ${schema}.delivery (name, outbox_id) select 'depot', id from o where id % 3 = 0`)
        yield* ask(`insert into ${schema}.parked (name, outbox_id, index, event, reason, parked_at)
          select n, i, 0, '{}', 'no', 0 from unnest(array['mail', 'depot']) n, generate_series(1, 1200) i`)
        yield* store.outbox.unregister(mail)
        expect(yield* ask(`select name, count(*)::int as n from ${schema}.delivery group by 1`)).toEqual([
          { name: "depot", n: 1_000 },
        ])
        expect(yield* ask(`select name, count(*)::int as n from ${schema}.parked group by 1`)).toEqual([
          { name: "depot", n: 1_200 },
        ])
        expect(yield* rowsIn("outbox")).toBe(1_000)
        yield* store.outbox.unregister(depot)
        for (const table of ["delivery", "parked", "outbox", "subscription"]) expect(yield* rowsIn(table)).toBe(0)
      }),
    )
  })

  describe("a name that is forgotten", () => {
    const backlog = 1_200
    /** A name with a backlog as batches write it, and some of it parked. Answers the ids of the rows. */
    const withBacklog = Effect.fnUntraced(function* ({ outbox }: StoreShape) {
      yield* outbox.register(mail)
      const rows = yield* ask(
        `with o as (
          insert into ${schema}.outbox (events, size)
          select '[{"id":"old","key":"old","occurredAt":1}]', 1 from generate_series(1, $1::int) returning id
        ), d as (insert into ${schema}.delivery (name, outbox_id) select 'mail', id from o)
        select id::int from o order by 1`,
        [backlog],
      )
      yield* ask(`insert into ${schema}.parked (name, outbox_id, index, event, reason, parked_at)
        select 'mail', -i, 0, '{"id":"old"}', 'no', 0 from generate_series(1, 3) i`)
      return rows.map(({ id }) => Number(id))
    })
    const holdBy = Effect.fnUntraced(function* (lock: string) {
      const host = yield* Effect.promise(connect)
      yield* Effect.promise(() => host.query(`begin; ${lock}`))
      return { end: Effect.promise(() => host.query("rollback")) }
    })
    const begun = <A, E>(call: Effect.Effect<A, E>) => Effect.forkChild(call, { startImmediately: true })
    const until = Effect.fnUntraced(function* <E>(isSo: Effect.Effect<boolean, E>) {
      while (!(yield* isSo)) yield* Effect.sleep(2)
    })
    /** A process that forgets the name, and stops before it sends a statement of this name the `count`th time. */
    const forgettingUntil = Effect.fnUntraced(function* (statement: string, count = 1) {
      const [reached, goOn] = [Latch.makeUnsafe(), Latch.makeUnsafe()]
      let seen = 0
      const stops = ({ name }: Statement) => name === statement && ++seen === count
      const open = Effect.map(openWire(url(), schema, "deliver"), (wire): Wire => {
        const held = Effect.andThen(reached.open, goOn.await)
        return {
          ...wire,
          run: (frame, sent) => Effect.andThen(frame.some(stops) ? held : Effect.void, wire.run(frame, sent)),
        }
      })
      const connection = yield* Connection.make(open)
      const forgetting = yield* begun(unregisterOn({ settling: connection, claiming: connection }, mail))
      yield* reached.await
      return { forgetting, goOn: Effect.andThen(goOn.open, Fiber.join(forgetting)) }
    })
    /** How many of the stores' sessions wait for a lock. */
    const sessionsWaiting = Effect.suspend(() =>
      Effect.map(
        ask(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`),
        ({ length }) => length,
      ),
    )
    const isGone = Effect.suspend(() => Effect.map(rowsIn("subscription"), (n) => n === 0))
    const sold = Effect.fnUntraced(function* (store: StoreShape) {
      const commands = Array.from({ length: 3 }, () => charge("ada", 1))
      for (const one of commands) yield* transact(store, [one])
      return commands.map(({ id }) => String(id))
    })
    /** What the one who has the name now is given: nothing of the old backlog, and everything that was sold for it. */
    const hears = Effect.fnUntraced(function* (store: StoreShape, ids: ReadonlyArray<string>) {
      expect(yield* store.outbox.parked(mail, undefined, 9)).toEqual([])
      const claims = yield* drained(store.outbox, yield* leased(store.outbox))
      expect(claims.flatMap(idsOf)).toEqual(ids)
    })

    it.each([1, 2])(
      "given another process that registers it before page %i → that one misses nothing, and hears nothing old",
      async (page) => {
        await run((store, other) =>
          Effect.gen(function* () {
            yield* withBacklog(store)
            const { goOn } = yield* forgettingUntil("forget what waits for a name", page)
            expect(yield* rowsIn("delivery")).toBe(backlog - (page - 1) * 500)
            yield* other.outbox.register(mail)
            const ids = yield* sold(other)
            yield* goOn
            yield* hears(other, [...ids, ...(yield* sold(other))])
          }),
        )
      },
    )

    it("given a transaction that does not end, and another process that registers it → is not asked to forget that one", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          yield* withBacklog(store)
          const host = yield* holdBy(`insert into ${schema}.outbox (events, size) values ('[1]', 1)`)
          const { goOn } = yield* forgettingUntil("forget what waits for a name")
          const registering = yield* begun(Effect.exit(other.outbox.register(mail)))
          yield* until(Effect.map(isGone, (gone) => !gone))
          yield* goOn
          yield* host.end
          yield* Fiber.join(registering)
          yield* other.outbox.register(mail)
          yield* hears(other, yield* sold(other))
        }),
      )
    })

    it("given that the process dies before the first page → nothing is shown of it, and the next registration begins with nothing", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          yield* withBacklog(store)
          const { forgetting } = yield* forgettingUntil("forget what waits for a name")
          yield* Fiber.interrupt(forgetting)
          expect(yield* rowsIn("delivery")).toBe(backlog)
          expect(yield* other.outbox.depth(mail)).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
          expect(yield* other.outbox.parked(mail, undefined, 9)).toEqual([])
          const reaching = other.outbox.reach?.({ name: mail, owner: "before", fence: 1 }, [1e9, 0]) ?? Effect.void
          expect(yield* Effect.flip(reaching)).toMatchObject({ _tag: "LeaseLost" })
          yield* other.outbox.register(mail)
          yield* hears(other, yield* sold(other))
          expect(yield* rowsIn("delivery")).toBe(3)
        }),
      )
    })

    it("given an event that is to wait again meanwhile → says that there is none, and leaves no row behind", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          yield* withBacklog(store)
          // It has deleted what waits, and comes to what is parked.
          const { goOn } = yield* forgettingUntil("forget what is parked")
          expect(yield* rowsIn("delivery")).toBe(0)
          yield* ask(`insert into ${schema}.parked (name, outbox_id, index, event, reason, parked_at)
            values ('mail', 5, 0, '{"id":"old"}', 'no', 0)`)
          expect(yield* other.outbox.unpark(mail, [5, 0])).toBe(false)
          yield* goOn
          for (const table of ["delivery", "parked", "outbox"]) expect(yield* rowsIn(table)).toBe(0)
        }),
      )
    })

    it("given an event that waits again before → waits for that, and deletes it too", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* withBacklog(store)
          const other = yield* Effect.promise(connect)
          // The statement of another process that was stopped before its commit.
          yield* Effect.promise(() => other.query("begin"))
          yield* Effect.promise(() => other.query(inSchema(schema)(unpark("mail", "-1", "0").sql), ["mail", "-1", "0"]))
          const forgetting = yield* begun(
            // It gives up on a lock in a second, before it has done anything.
            Effect.retry(store.outbox.unregister(mail), { while: ({ _tag }) => _tag === "Busy" }),
          )
          yield* until(Effect.map(sessionsWaiting, (n) => n === 1))
          yield* Effect.promise(() => other.query("commit"))
          yield* Fiber.join(forgetting)
          for (const table of ["delivery", "parked", "outbox"]) expect(yield* rowsIn(table)).toBe(0)
        }),
      )
    })

    it("given two registrations of it in a row → the first one does not say that the second one is ready", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          const first = yield* holdBy(`insert into ${schema}.outbox (events, size) values ('[1]', 1)`)
          const registering = yield* begun(Effect.exit(store.outbox.register(mail)))
          yield* until(Effect.map(isGone, (gone) => !gone))
          yield* ask(`delete from ${schema}.subscription`)
          // Its snapshot is one without the name, and the first registration does not know of it.
          const second = yield* holdBy(`insert into ${schema}.outbox (events, size) values ('[1]', 1)`)
          const again = yield* begun(
            Effect.retry(other.outbox.register(mail), { while: ({ _tag }) => _tag === "Lost" }),
          )
          yield* until(Effect.map(isGone, (gone) => !gone))
          yield* first.end
          yield* Fiber.join(registering)
          expect(yield* ask(`select is_ready from ${schema}.subscription`)).toEqual([{ is_ready: false }])
          yield* second.end
          yield* Fiber.join(again)
          expect(yield* ask(`select is_ready from ${schema}.subscription`)).toEqual([{ is_ready: true }])
        }),
      )
    })
  })

  it("given a position that no event can have → nothing is there, and nothing is behind it", async () => {
    await run((store) =>
      Effect.gen(function* () {
        yield* store.outbox.register(mail)
        yield* transact(store, [charge("ada", 1)])
        const lease = yield* leased(store.outbox)
        const [first] = yield* store.outbox.claim(lease, undefined, many)
        if (first === undefined) throw new Error("An event waits.")
        const row = Number(first.position[0])
        yield* store.outbox.park(lease, first.position, "no", 0)
        for (const position of [
          [row, 2 ** 31],
          [row, Number.MAX_SAFE_INTEGER],
          [row, -1],
          [row, -(2 ** 31) - 1],
          [-1, 0],
          [row, 0.5],
          [2 ** 53, 0],
          [String(row), "0"],
          [row],
        ] satisfies ReadonlyArray<Position>) {
          expect(yield* store.outbox.unpark(mail, position)).toBe(false)
          expect(yield* store.outbox.parked(mail, position, 9)).toEqual([])
          yield* store.outbox.acknowledge(lease, [position])
          yield* store.outbox.park(lease, position, "no", 0)
          expect(yield* store.outbox.reread(lease, [position], 1_000)).toEqual([])
        }
        expect((yield* store.outbox.parked(mail, undefined, 9)).length).toBe(1)
        expect(yield* store.outbox.unpark(mail, first.position)).toBe(true)
      }),
    )
  })

  describe("a claim", () => {
    /** One row with that many events of that many bytes each, as older code writes it or as newer code does. */
    const bigRow = (size: number, bytes: number, saysSo: boolean) =>
      ask(
        `with e as (
          select json_agg(json_build_object('id', i, 'key', i, 'occurredAt', 0, 'data', repeat('가', $2 / 3)) order by i)::text as events
          from generate_series(1, $1::int) i
        ), o as (
          insert into ${schema}.outbox (events, size, bytes)
          select events::json, $1::int, case when $3 then octet_length(events) end from e returning id
        )
        insert into ${schema}.delivery (name, outbox_id) select 'mail', id from o`,
        [size, bytes, saysSo],
      )

    it.each([true, false])(
      "given a row that is larger than it may be (said so: %s) → brings it in slices, in order",
      async (saysSo) => {
        await run((store) =>
          Effect.gen(function* () {
            yield* store.outbox.register(mail)
            yield* bigRow(3, 100, saysSo)
            yield* bigRow(64, 60_000, saysSo)
            yield* bigRow(2, 100, saysSo)
            const lease = yield* leased(store.outbox)
            const claims = yield* drained(store.outbox, lease, { events: 500, bytes: 512 * 1_024 })
            expect(claims.flat().map(({ event }) => Number(event.id))).toEqual([
              ...[1, 2, 3],
              ...Array.from({ length: 64 }, (_, index) => index + 1),
              ...[1, 2],
            ])
            for (const claim of claims) {
              expect(claim.reduce((sum, { event }) => sum + JSON.stringify(event).length * 3, 0)).toBeLessThan(
                2_000_000,
              )
              expect(claim.reduce((sum, { bytes = 0 }) => sum + bytes, 0)).toBeLessThan(600 * 1_024)
            }
            for (const claim of claims)
              yield* store.outbox.acknowledge(
                lease,
                claim.map(({ position }) => position),
              )
            expect(yield* rowsIn("outbox")).toBe(0)
          }),
        )
      },
      30_000,
    )

    it("given an event that is larger than any claim may be → brings that one", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* store.outbox.register(mail)
          yield* bigRow(2, 300_000, true)
          const claims = yield* drained(store.outbox, yield* leased(store.outbox), { events: 500, bytes: 10_000 })
          expect(claims.map((claim) => claim.length)).toEqual([1, 1])
        }),
      )
    })

    it("given the largest legal orders → a batch of them is several rows, none of them much larger than a claim", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* store.outbox.register(mail)
          const products = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, 1_000_000]))
          yield* furnish(store, { products })
          yield* ask(`update ${schema}.product set name = repeat('가', 200)`)
          const lines = Object.keys(products).map((productId) => ({ productId, quantity: 1 }))
          const largest = Array.from({ length: 32 }, () => command(placeCall, { accountId: "ada", lines }))
          yield* transact(store, largest)
          const [row] = yield* ask(
            `select count(*)::int as rows, max(bytes)::int as bytes from ${schema}.outbox where size > 1 or bytes > 50000`,
          )
          expect(row?.rows).toBeGreaterThan(2)
          expect(row?.bytes).toBeLessThan(512 * 1_024)
          const claims = yield* drained(store.outbox, yield* leased(store.outbox), { events: 500, bytes: 512 * 1_024 })
          expect(claims.flatMap(idsOf).slice(-32)).toEqual(largest.map(({ id }) => id))
        }),
      )
    })
  })

  describe("a lease", () => {
    it("given that its session has ended → is another one's at once, and the late owner is told", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          yield* store.outbox.register(mail)
          yield* transact(store, [charge("ada", 1)])
          const held = yield* leased(store.outbox, mail, "one", 3_600_000)
          const [claimed] = yield* store.outbox.claim(held, undefined, many)
          expect(yield* other.outbox.lease(mail, "two", 60_000)).toBe(undefined)
          const ended = yield* ask(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
            and objsubid = 2 and classid = (select tableoid from ${schema}.fence)`)
          expect(ended.length).toBe(1)
          let next: Lease | undefined
          while (next === undefined) next = yield* other.outbox.lease(mail, "two", 60_000)
          expect(next.fence).toBeGreaterThan(held.fence)
          const late = store.outbox.acknowledge(held, claimed === undefined ? [] : [claimed.position])
          // Its own session is gone too: it hears of that first.
          const told = yield* Effect.retry(late, { while: ({ _tag }) => _tag === "Lost" }).pipe(Effect.flip)
          expect(told).toMatchObject({ _tag: "LeaseLost", fence: held.fence })
          expect((yield* other.outbox.claim(next, undefined, many)).length).toBe(1)
        }),
      )
    })

    it("given that it was given up, lost or forgotten → leaves no lock behind", async () => {
      await run((store, other) =>
        Effect.gen(function* () {
          const locks = () =>
            Effect.map(
              ask(`select from pg_locks where locktype = 'advisory' and objsubid = 2
                and classid = (select tableoid from ${schema}.fence)`),
              ({ length }) => length,
            )
          yield* store.outbox.register(mail)
          yield* store.outbox.register(depot)
          const first = yield* leased(store.outbox)
          // Taken again and renewed, on the session that has it already.
          const second = yield* leased(store.outbox)
          yield* store.outbox.renew(second, 60_000)
          expect(yield* locks()).toBe(1)
          const third = yield* leased(store.outbox, depot)
          expect(yield* locks()).toBe(2)
          yield* store.outbox.release(first)
          expect(yield* locks()).toBe(2)
          yield* store.outbox.release(second)
          expect(yield* locks()).toBe(1)
          yield* other.outbox.unregister(depot)
          expect(yield* Effect.flip(store.outbox.renew(third, 60_000))).toMatchObject({ _tag: "LeaseLost" })
          yield* store.outbox.release(third)
          expect(yield* locks()).toBe(0)
          // Whoever only asks holds nothing either.
          yield* ask(`update ${schema}.subscription set owner = 'timed', until = 1e15 where name = 'mail'`)
          expect(yield* other.outbox.lease(mail, "two", 60_000)).toBe(undefined)
          expect(yield* locks()).toBe(0)
        }),
      )
    })

    it("given two owners in one process → the lock of their session is nobody's proof", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* store.outbox.register(mail)
          const held = yield* leased(store.outbox)
          expect(yield* store.outbox.lease(mail, "two", 60_000)).toBe(undefined)
          yield* store.outbox.release(held)
          yield* leased(store.outbox, mail, "two")
        }),
      )
    })

    // What the version before this one asks, in its own words.
    const older = {
      lease: (owner: string, now: number, leaseMillis: number) =>
        Effect.map(
          ask(
            `update ${schema}.subscription set owner = $1, until = $2::bigint + $3::bigint
             where name = 'mail' and (owner is null or owner = $1 or until <= $2::bigint) returning 'yes'::text`,
            [owner, now, leaseMillis],
          ),
          ({ length }) => length > 0,
        ),
      release: (owner: string) =>
        ask(`update ${schema}.subscription set owner = null, until = null where name = 'mail' and owner = $1`, [owner]),
    }

    it("given a process of the version before → neither takes the name of the other, and both settle what they hold", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* store.outbox.register(mail)
          const [server] = yield* ask("select (extract(epoch from clock_timestamp()) * 1000)::float8 as now")
          const now = Number(server?.now)
          expect(yield* older.lease("older", now, 60_000)).toBe(true)
          expect(yield* store.outbox.lease(mail, "newer", 60_000)).toBe(undefined)
          yield* older.release("older")
          const held = yield* leased(store.outbox, mail, "newer")
          expect(yield* older.lease("older", now, 60_000)).toBe(false)
          // It takes over by its own clock, as it always did; the newer one is told, and does not mistake the old lock for it.
          expect(yield* older.lease("older", now + 120_000, 60_000)).toBe(true)
          expect(yield* Effect.flip(store.outbox.renew(held, 60_000))).toMatchObject({ _tag: "LeaseLost" })
          expect(yield* store.outbox.lease(mail, "newer", 60_000)).toBe(undefined)
        }),
      )
    })

    it("given a name that the version before has registered → it is served at once", async () => {
      await run((store) =>
        Effect.gen(function* () {
          yield* ask(`insert into ${schema}.subscription (name) values ('mail')`)
          yield* store.outbox.register(mail)
          yield* transact(store, [charge("ada", 1)])
          const lease = yield* leased(store.outbox)
          expect((yield* store.outbox.claim(lease, undefined, many)).length).toBe(1)
        }),
      )
    })
  })
})
