/**
 * Inside a transaction of the host: committed with it, rolled back with it, and never in its way.
 */
import { Effect } from "effect"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { buy, furnishShop, shopOn, type TestShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("within a transaction of a pg client", () => {
  const { url, server } = serverForFile("within")
  let pool: pg.Pool
  let shop: TestShop
  let schema = ""
  beforeAll(() => {
    if (server() === undefined) return
    pool = new pg.Pool({ connectionString: url(), max: 4 })
    // A server that stops says so to a connection that is just being closed, which is no failure of any test.
    pool.on("connect", (client) => client.on("error", () => {}))
    pool.on("error", () => {})
  })
  afterAll(() => pool?.end())
  beforeEach(async (context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
    shop = shopOn(url(), schema)
    await furnishShop(shop, { accounts: 2, products: 2, onHand: 5 })
    await pool.query(`create table ${schema}.note (text text)`)
  })
  afterEach(async () => {
    await shop.stop()
    await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
  })

  const inTransaction = async <A>(use: (client: pg.PoolClient) => Promise<A>, end = "commit"): Promise<A> => {
    const client = await pool.connect()
    try {
      await client.query("begin")
      await client.query(`insert into ${schema}.note values ('the host was here')`)
      const answer = await use(client)
      await client.query(end)
      return answer
    } catch (error) {
      await client.query("rollback")
      throw error
    } finally {
      client.release()
    }
  }
  const order = (key: string, product = 0, quantity = 1) => ({
    accountId: "account-0",
    lines: [{ productId: `product-${product}`, quantity }],
    key,
  })
  const count = async (table: string): Promise<number> =>
    Number((await pool.query(`select count(*) as n from ${schema}.${table}`)).rows[0].n)

  it("an order is committed with the host's rows", async () => {
    const placed = await inTransaction((client) => shop.within(client).orders.place(order("joined")))
    expect(placed.state).toBe("placed")
    expect([await count("note"), await count("orders")]).toEqual([1, 1])
    expect(await shop.orders.get(placed.orderId)).toMatchObject({ orderId: placed.orderId })
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("an order is rolled back with the host's rows", async () => {
    await inTransaction((client) => shop.within(client).orders.place(order("joined")), "rollback")
    expect([await count("note"), await count("orders"), await count("receipt")]).toEqual([0, 0, 6])
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("a refusal leaves the host's transaction usable", async () => {
    await inTransaction(async (client) => {
      await expect(shop.within(client).orders.place(order("much", 0, 99))).rejects.toMatchObject({
        code: "OUT_OF_STOCK",
      })
      await client.query(`insert into ${schema}.note values ('and goes on')`)
    })
    expect([await count("note"), await count("orders")]).toEqual([2, 0])
  })

  it("an error of the host after ours undoes both", async () => {
    const failing = inTransaction(async (client) => {
      await shop.within(client).orders.place(order("joined"))
      await client.query("select 1 / 0")
    })
    await expect(failing).rejects.toThrow("division by zero")
    expect([await count("note"), await count("orders")]).toEqual([0, 0])
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("a savepoint of the host around ours is the host's to roll back", async () => {
    await inTransaction(async (client) => {
      await client.query("savepoint mine")
      await shop.within(client).orders.place(order("undone"))
      await client.query("rollback to savepoint mine")
      await shop.within(client).orders.place(order("kept"))
    })
    expect([await count("note"), await count("orders")]).toEqual([1, 1])
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("two moving calls beside busy lanes end, as a success or as a conflict to run again", async () => {
    let stop = false
    const lanes = Array.from({ length: 6 }, async (_, n) => {
      for (let i = 0; !stop; i++) {
        await buy(shop, n % 2, n % 2, `lane-${n}-${i}`).catch((error) => expect(error.code).toBe("OUT_OF_STOCK"))
      }
    })
    await shop.stock.restock({ productId: "product-0", quantity: 100_000, key: "more-0" })
    await shop.stock.restock({ productId: "product-1", quantity: 100_000, key: "more-1" })
    let committed = 0
    for (let n = 0; n < 10; n++) {
      const moved = inTransaction(async (client) => {
        const joined = shop.within(client)
        // The products come after the accounts, and then an account again: against the lock order.
        await joined.orders.place(order(`two-${n}`, 1))
        await joined.points.charge({ accountId: "account-1", amount: 1, key: `two-${n}` })
      })
      await moved.then(
        () => committed++,
        (error) => expect(error.code).toBe("TRANSACTION_CONFLICT"),
      )
    }
    stop = true
    await Promise.all(lanes)
    expect(committed).toBeGreaterThan(0)
    const report = await shop.audit.run()
    expect(report.ok, JSON.stringify(report)).toBe(true)
  }, 30_000)

  it("leaves the session's settings as they were", async () => {
    await inTransaction(async (client) => {
      const settings =
        "select name, setting from pg_settings where name !~ '^(transaction|server|in_hot)' order by name"
      await client.query("set local lock_timeout = '1234ms'")
      const before = (await client.query(settings)).rows
      await shop.within(client).orders.place(order("joined"))
      await expect(shop.within(client).orders.place(order("much", 0, 99))).rejects.toThrow()
      expect((await client.query(settings)).rows).toEqual(before)
    })
  })

  it("refuses a handle that is none, and a transaction with an older snapshot", async () => {
    await expect(shop.within({}).orders.place(order("none"))).rejects.toMatchObject({ code: "JOIN_NOT_SUPPORTED" })
    const client = await pool.connect()
    await client.query("begin isolation level repeatable read")
    await expect(shop.within(client).orders.place(order("old"))).rejects.toMatchObject({ code: "JOIN_NOT_SUPPORTED" })
    await client.query("rollback")
    client.release()
  })
})
