/**
 * Several shops on one database, as several processes are: nothing is sold twice, nobody deadlocks, no event is lost or
 * out of order.
 */
import { Effect, Schedule } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { broken, charge, furnish, issue, place, SubscriptionName, transact } from "../support/core.ts"
import { buy, furnishShop, patientMillis, seeded, shopOn, type TestShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile, storeOn } from "../support/stores.ts"

describe("several shops on one database", () => {
  const { url, server } = serverForFile("several processes")
  const shops: Array<TestShop> = []
  let schema = ""
  beforeEach((context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
  })
  afterEach(async () => {
    await Promise.all(shops.splice(0).map((shop) => shop.stop()))
    await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
  })
  const open = (): TestShop => {
    const shop = shopOn(url(), schema)
    shops.push(shop)
    return shop
  }
  /** A database of a test's own, so that its deadlocks can be told from others. */
  const inDatabase = async (use: (databaseUrl: string) => Promise<void>): Promise<void> => {
    const ask = (sql: string) => Effect.runPromise(query(url(), sql))
    const [name, there] = [`d${schema}`, new URL(url())]
    there.pathname = name
    await ask(`create database ${name}`)
    try {
      await use(there.href)
      // A session tells what it met at the latest when it ends.
      const sessions = () => ask(`select pid from pg_stat_activity where datname = '${name}'`)
      await expect.poll(sessions).toEqual([])
      expect(await ask(`select deadlocks::int as n from pg_stat_database where datname = '${name}'`)).toEqual([
        { n: 0 },
      ])
    } finally {
      await ask(`drop database ${name} with (force)`)
    }
  }

  it("sell exactly what there is, without a deadlock", () =>
    inDatabase(async (there) => {
      const all = [shopOn(there, schema), shopOn(there, schema), shopOn(there, schema)] as const
      await furnishShop(all[0], { accounts: 12, products: 4, onHand: 50 })
      let accepted = 0
      let refused = 0
      await Promise.all(
        all.flatMap((shop, who) =>
          Array.from({ length: 16 }, async (_, caller) => {
            const random = seeded(100 * who + caller)
            for (let n = 0; n < 20; n++) {
              // Baskets that name their products in opposite orders.
              const lines = [random(4), random(4)].map((product) => ({ productId: `product-${product}`, quantity: 1 }))
              const key = `${who}-${caller}-${n}`
              await shop.orders.place({ accountId: `account-${random(12)}`, lines, key }).then(
                () => accepted++,
                (error) => {
                  expect(error.code).toBe("OUT_OF_STOCK")
                  refused++
                },
              )
            }
          }),
        ),
      )
      expect(accepted + refused).toBe(3 * 16 * 20)
      const report = await all[0].audit.run()
      expect(report.ok, JSON.stringify(report)).toBe(true)
      const [row] = await Effect.runPromise(query(there, `select sum(on_hand)::int as n from ${schema}.product`))
      expect(row?.n).toBeLessThanOrEqual(4)
      await Promise.all(all.map((shop) => shop.stop()))
    }))

  // The lock order of both paths must be the same one: bitmap scans once made it the order of the heap.
  it("the locked and the snapshot path cross without a deadlock", () =>
    inDatabase(async (there) => {
      const accounts = Array.from({ length: 30 }, (_, n) => `account-${n}`)
      const found = await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const optimistic = yield* storeOn(there, "any", schema)
            const locked = yield* storeOn(there, "locked", schema)
            const products = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`product-${n}`, 10_000]))
            yield* furnish(optimistic, { accounts, points: 100_000, products, campaigns: { spring: 20 } })
            const random = seeded(7)
            const batches = Array.from({ length: 120 }, () =>
              Array.from({ length: 24 }, () => {
                const account = accounts[random(accounts.length)] ?? "account-0"
                const kind = random(4)
                if (kind === 0) return charge(account, 1)
                return kind === 1 ? issue(account) : place(account, `product-${random(20)}`, 1)
              }),
            )
            yield* Effect.forEach(
              batches,
              (batch, n) =>
                transact(n % 2 === 0 ? optimistic : locked, batch).pipe(
                  // The engine tries commands on busy keys again after 50 ms.
                  Effect.retry({ schedule: Schedule.spaced(50), while: (fault) => fault._tag === "Busy" }),
                ),
              { concurrency: 4 },
            )
            return yield* broken(optimistic)
          }),
        ),
      )
      expect(found).toEqual([])
    }))

  it("deliver every event of each shop once, in the order of its account", async () => {
    const [one, two] = [shopOn(url(), schema, patientMillis, true), shopOn(url(), schema, patientMillis, true)]
    shops.push(one, two)
    await furnishShop(one, { accounts: 6, products: 1 })
    const seen: Array<{ key: string; seq: number }> = []
    const handled = new Set<string>()
    for (const shop of [one, two]) {
      await shop.events.subscribe("mail", async (event) => {
        if (event.type !== "points.charged" || handled.has(event.id)) return
        handled.add(event.id)
        seen.push({ key: event.key, seq: Number(event.data.seq) })
      })
    }
    await Promise.all(
      [one, two].flatMap((shop, who) =>
        Array.from({ length: 6 }, async (_, account) => {
          for (let n = 0; n < 15; n++) {
            await shop.points.charge({
              accountId: `account-${account}`,
              amount: 1,
              key: `event-${who}-${account}-${n}`,
            })
          }
        }),
      ),
    )
    await expect.poll(() => seen.length).toBe(180)
    const last = new Map<string, number>()
    for (const { key, seq } of seen) {
      expect(seq, key).toBeGreaterThan(last.get(key) ?? 0)
      last.set(key, seq)
    }
    const left = () => Effect.runPromise(query(url(), `select count(*)::int as n from ${schema}.outbox`))
    await expect.poll(left).toEqual([{ n: 0 }])
  })

  // A relay that reads behind the oldest open transaction, as those do that go by transaction ids, would wait here.
  it("deliver events while a transaction elsewhere in the cluster stays open", async () => {
    const shop = shopOn(url(), schema, patientMillis, true)
    shops.push(shop)
    const elsewhere = `elsewhere_${process.pid}`
    await Effect.runPromise(query(url(), `create database ${elsewhere}`))
    const at = new URL(url())
    at.pathname = elsewhere
    const open = [new pg.Client(at.href), new pg.Client(url())]
    try {
      for (const client of open) {
        await client.connect()
        await client.query("begin isolation level repeatable read")
        await client.query("create temporary table writes as select pg_current_xact_id()")
      }
      const seen = new Set<string>()
      await shop.events.subscribe("mail", ({ id }) => {
        seen.add(id)
      })
      await furnishShop(shop, { accounts: 5, products: 5 })
      for (let n = 0; n < 20; n++) await buy(shop, n % 5, n % 5, `open-${n}`)
      await shop.events.settled("mail")
      expect(seen.size).toBe(5 + 5 + 5 + 20)
    } finally {
      for (const client of open) await client.end()
      await Effect.runPromise(query(url(), `drop database ${elsewhere} with (force)`))
    }
  })

  // Found by the test above: a claim that went on behind its last row overtook one that was committed late.
  it("a row that is committed late is claimed before the rows that follow it", async () => {
    const late = new pg.Client(url())
    await late.connect()
    const ids = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* storeOn(url(), "any", schema)
          const name = SubscriptionName.make("mail")
          yield* furnish(store, { accounts: ["ada", "bob"], points: 10 })
          yield* store.outbox.register(name)
          const lease = yield* store.outbox.lease(name, "one", 60_000)
          if (lease === undefined) throw new Error("No lease.")
          const most = { events: 10, bytes: 100_000 }
          const event = JSON.stringify([{ id: "late", occurredAt: 0 }])
          yield* Effect.promise(() => late.query("begin"))
          yield* Effect.promise(() =>
            late.query(
              `with o as (insert into ${schema}.outbox (events, size) values ($1, 1) returning id)
               insert into ${schema}.delivery (name, outbox_id) select 'mail', id from o`,
              [event],
            ),
          )
          yield* transact(store, [charge("bob", 1)])
          const first = yield* store.outbox.claim(lease, undefined, most)
          yield* Effect.promise(() => late.query("commit"))
          yield* transact(store, [charge("ada", 1)])
          const second = yield* store.outbox.claim(lease, first.at(-1)?.position, most)
          const third = yield* store.outbox.claim(lease, second.at(-1)?.position, most)
          return [first, second, third].map((claimed) => claimed.map((each) => each.event.id))
        }),
      ),
    )
    await late.end()
    expect(ids.map((each) => each.length)).toEqual([1, 2, 0])
    expect(ids[1]?.[0]).toBe("late")
  })

  it("count popular products as a recount of the orders does", async () => {
    const all = [open(), open()]
    const [first = open()] = all
    await furnishShop(first, { accounts: 8, products: 5 })
    const orders = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const random = seeded(n)
        const shop = all[n % 2] ?? first
        return { shop, order: await buy(shop, random(8), random(5), `popular-${n}`) }
      }),
    )
    await Promise.all(
      orders
        .filter((_, n) => n % 3 === 0)
        .map(({ shop, order }) =>
          shop.orders.cancel({ accountId: order.accountId, orderId: order.orderId, key: `back-${order.orderId}` }),
        ),
    )
    const recount = await Effect.runPromise(
      query(
        url(),
        `select l.line ->> 'productId' as "productId", sum((l.line ->> 'quantity')::bigint)::int as sold
         from ${schema}.orders o cross join lateral json_array_elements(o.lines) l(line)
         where o.state <> 'cancelled' group by 1 order by 2 desc, "productId" limit 3`,
      ),
    )
    const { products } = await first.popularity.top({ days: 3, limit: 3 })
    expect(products.map(({ productId, sold }) => ({ productId, sold }))).toEqual(recount)
    expect((await first.audit.run()).ok).toBe(true)
  })
})
