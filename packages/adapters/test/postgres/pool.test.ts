/**
 * The shop on a pool of the host: same rules, nothing of the host's changed, and never a hang.
 */
import { createHoldfast, isHoldfastError, type Shop } from "@holdfast/core"
import { proxyTo } from "@holdfast/test-services"
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { furnishShop, patientMillis } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("on a pool of the host", () => {
  const { url, server } = serverForFile("pool")
  const cleanups: Array<() => unknown> = []
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  const poolOf = (options: pg.PoolConfig = {}): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url(), max: 5, ...options })
    // A server that goes away says so to idle connections, as every host of a pool knows.
    pool.on("error", () => {})
    cleanups.push(() => (pool.ended ? undefined : pool.end()))
    return pool
  }
  const schemaHere = (): string => {
    const schema = freshSchema()
    cleanups.push(() => Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`)))
    return schema
  }
  const shopOn = (pool: pg.Pool, schema = schemaHere(), deadlineMillis = patientMillis, workers = false): Shop => {
    const shop = createHoldfast({ store: postgres({ pool, schema }), workers, deadlineMillis, logger: () => {} })
    cleanups.push(() => shop.stop({ drainMillis: 500 }))
    return shop
  }
  const buy = (shop: Shop, key: string, account = 0, product = 0) =>
    shop.orders.place({
      accountId: `account-${account}`,
      lines: [{ productId: `product-${product}`, quantity: 1 }],
      key,
    })

  it("sells the last units once to many buyers, and the audit is clean", async () => {
    const pool = poolOf({ max: 3 })
    const shop = shopOn(pool)
    await furnishShop(shop, { accounts: 20, products: 2, onHand: 30 })
    const orders = await Promise.allSettled(
      Array.from({ length: 120 }, (_, n) => buy(shop, `order-${n}`, n % 20, n % 2)),
    )
    const codes = orders.flatMap((order) => (order.status === "rejected" ? [order.reason.code] : []))
    expect(codes.length).toBe(60)
    expect(new Set(codes)).toEqual(new Set(["OUT_OF_STOCK"]))
    const report = await shop.audit.run()
    expect(report.ok, JSON.stringify(report)).toBe(true)
  })

  it("delivers events to its subscriptions", async () => {
    const shop = shopOn(poolOf({ max: 3 }), schemaHere(), patientMillis, true)
    const got: Array<string> = []
    await shop.events.subscribe("mails", (event) => {
      got.push(event.type)
    })
    await furnishShop(shop, { accounts: 1, products: 1 })
    await buy(shop, "first")
    await expect.poll(() => got).toContain("orders.placed")
  })

  it("keeps two connections while it runs and lends the others back", async () => {
    const pool = poolOf()
    const shop = shopOn(pool)
    await furnishShop(shop, { accounts: 4, products: 2 })
    await Promise.all([
      ...Array.from({ length: 40 }, (_, n) => buy(shop, `order-${n}`, n % 4, n % 2)),
      ...Array.from({ length: 40 }, () => shop.points.balance("account-1")),
      shop.audit.run(),
    ])
    expect(pool.totalCount - pool.idleCount).toBe(2)
    await shop.stop()
    expect(pool.totalCount - pool.idleCount).toBe(0)
  })

  it("leaves the pool open, its sessions as they were, and pg.types untouched", async () => {
    // As hosts do: counts as numbers and documents as text.
    const before = {
      int8: pg.types.getTypeParser(20),
      json: pg.types.getTypeParser(114),
      text: pg.types.getTypeParser(25),
    }
    const pool = poolOf({ max: 4 })
    pool.on("connect", (client) => void client.query("set lock_timeout = '4321ms'; set enable_seqscan = on"))
    const everySession = async () => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()))
      const states = await Promise.all(
        clients.map(async (client) => {
          const settings = await client.query(
            "select name, setting from pg_settings where name !~ '^(transaction|server|in_hot)' order by name",
          )
          const prepared = await client.query("select count(*)::int as n from pg_prepared_statements")
          const locks = await client.query(
            "select count(*)::int as n from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'",
          )
          return JSON.stringify([settings.rows, prepared.rows, locks.rows, client.listenerCount("error")])
        }),
      )
      for (const client of clients) client.release()
      return new Set(states)
    }
    const untouched = await everySession()
    expect(untouched.size).toBe(1)
    const shop = shopOn(pool)
    await furnishShop(shop, { accounts: 4, products: 2 })
    await Promise.all(Array.from({ length: 30 }, (_, n) => buy(shop, `order-${n}`, n % 4, n % 2)))
    await shop.popularity.top({ limit: 3, days: 1 })
    await shop.stop()
    expect(await everySession()).toEqual(untouched)
    expect({
      int8: pg.types.getTypeParser(20),
      json: pg.types.getTypeParser(114),
      text: pg.types.getTypeParser(25),
    }).toEqual(before)
    expect(pool.ended).toBe(false)
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }])
  })

  it("is not misled by type parsers and modes of the host's", async () => {
    const types = { getTypeParser: () => (value: string) => (/^[[{]/.test(value) ? JSON.parse(value) : value) }
    const shop = shopOn(poolOf({ types } as pg.PoolConfig))
    await furnishShop(shop, { accounts: 1, products: 1 })
    await buy(shop, "first")
    expect((await buy(shop, "first")).replayed).toBe(true)
    expect((await shop.stock.product("product-0")).onHand).toBe(999_999)
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("works at the isolation that the host's sessions default to", async () => {
    const pool = poolOf({
      options: "-c default_transaction_isolation=serializable -c default_transaction_read_only=on",
    })
    const schema = schemaHere()
    const shop = shopOn(pool, schema)
    await furnishShop(shop, { accounts: 4, products: 1 })
    await Promise.all(Array.from({ length: 20 }, (_, n) => buy(shop, `order-${n}`, n % 4)))
    expect((await shop.audit.run()).ok).toBe(true)
  })

  const whyNot = (store: Parameters<typeof postgres>[0]): string => {
    try {
      postgres(store)
      return "accepted"
    } catch (error) {
      return isHoldfastError(error) ? error.message : String(error)
    }
  }

  it("refuses a pool of fewer than three, a client, and what is neither", async () => {
    expect(whyNot({ pool: poolOf({ max: 2 }) })).toMatch(/at most 2 connections, and a shop needs 3.*max: 3/)
    const client = new pg.Client({ connectionString: url() })
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    expect(whyNot({ pool: client as any })).toMatch(/single client.*pg\.Pool.*shop\.within/)
    const lent = await poolOf().connect()
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    expect(whyNot({ pool: lent as any })).toMatch(/single client/)
    lent.release()
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    expect(whyNot({ pool: {} as any })).toMatch(/no pool/)
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    expect(whyNot({} as any)).toMatch(/either a `url` or a `pool`/)
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    expect(whyNot({ pool: poolOf(), url: url() } as any)).toMatch(/either a `url` or a `pool`/)
  })

  it("does not start on a pool whose connections are all in use, and says so", async () => {
    const pool = poolOf({ max: 3 })
    const held = await pool.connect()
    const shop = createHoldfast({ store: postgres({ pool, schema: schemaHere() }), workers: false, logger: () => {} })
    const starting = shop.start()
    await expect(starting).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(starting).rejects.toThrow(/all of them are in use/)
    held.release()
    await shop.start()
    await shop.stop()
    expect(pool.totalCount - pool.idleCount).toBe(0)
  })

  it("counts a connection as opened once, however often the pool lends it, and again where it was lost", async () => {
    const proxy = await proxyTo(url())
    cleanups.push(() => proxy.close())
    const shop = shopOn(poolOf({ connectionString: proxy.url }))
    await furnishShop(shop, { accounts: 1, products: 1 })
    const opened = async () => (await shop.health()).metrics.sessionsOpened
    for (let n = 0; n < 50; n++) {
      await buy(shop, `order-${n}`)
      await Promise.all([shop.points.balance("account-0"), shop.points.entries({ accountId: "account-0" })])
      await opened()
    }
    const before = await opened()
    // Two that decide and a spare one, and one each for small reads, lists, scans, events and probes.
    expect(before).toBeLessThanOrEqual(8)
    proxy.cut()
    await buy(shop, "after")
    expect(await opened()).toBeGreaterThan(before)
  })

  it("answers STORE_UNAVAILABLE while others hold the whole pool, and works again after", async () => {
    const pool = poolOf({ max: 3 })
    const shop = shopOn(pool)
    await furnishShop(shop, { accounts: 1, products: 1 })
    const held = await pool.connect()
    // The lanes have connections of their own: selling goes on. What needs another one is told so in time.
    await expect(buy(shop, "meanwhile")).resolves.toMatchObject({ state: "placed" })
    await expect(shop.points.balance("account-0")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    held.release()
    await expect.poll(() => shop.points.balance("account-0").catch(() => -1)).toBe(999_997)
    // A connection that the pool lent too late was given back.
    await expect.poll(() => pool.totalCount - pool.idleCount).toBe(2)
  })

  it("fails in time while the server is away, and does not crash the host; goes on when it is back", async () => {
    const proxy = await proxyTo(url())
    cleanups.push(() => proxy.close())
    const pool = poolOf({ connectionString: proxy.url })
    const schema = schemaHere()
    const patient = shopOn(poolOf(), schema)
    await furnishShop(patient, { accounts: 1, products: 1 })
    const shop = shopOn(pool, schema, 2_000)
    await shop.start()
    proxy.refuse(true)
    // The lanes are idle: nobody waits for these connections when they break.
    proxy.cut()
    await expect(buy(shop, "away")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(shop.orders.get("none")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    proxy.refuse(false)
    await expect
      .poll(() =>
        buy(shop, "away").then(
          ({ state }) => state,
          () => "no",
        ),
      )
      .toBe("placed")
    expect((await patient.audit.run()).ok).toBe(true)
    await shop.stop()
    expect(pool.totalCount - pool.idleCount).toBe(0)
  })

  it("a call whose reply is lost is made good by its receipt", async () => {
    const proxy = await proxyTo(url())
    cleanups.push(() => proxy.close())
    const shop = shopOn(poolOf({ connectionString: proxy.url }))
    await furnishShop(shop, { accounts: 2, products: 1 })
    const lost = proxy.loseCommit()
    const orders = Array.from({ length: 8 }, (_, n) => buy(shop, `lost-${n}`, n % 2))
    await lost
    await Promise.all(orders)
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 8)
    expect((await shop.audit.run()).ok).toBe(true)
  })
})
