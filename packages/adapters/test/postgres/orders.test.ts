/**
 * Orders and points on PostgreSQL, with real sessions that race, wait, stall and die.
 */
import { createHoldfast, type Event } from "@holdfast/core"
import pg from "pg"
import { describe, expect, it, vi } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { buy, furnishShop, patientMillis, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

describe("orders and points on PostgreSQL", () => {
  const { url, ask, schema, open, proxied } = shopsForFile("defects of orders")
  const exact = async (shop: TestShop): Promise<boolean> => (await shop.audit.run()).ok

  it("SB-30: an event names itself, its time, its version, its order and everything in it", async () => {
    const shop = open(url(), schema(), patientMillis, true)
    const events: Array<Event> = []
    await shop.events.subscribe("books", (event) => {
      if (event.type === "orders.placed") events.push(event)
    })
    await furnishShop(shop, { accounts: 1, products: 2 })
    const lines = [0, 1].map((n) => ({ productId: `product-${n}`, quantity: n + 1 }))
    const order = await shop.orders.place({ accountId: "account-0", lines, key: "cart" })
    await shop.events.settled("books")
    expect(events).toMatchObject([
      {
        id: expect.stringMatching(/./),
        type: "orders.placed",
        version: 1,
        occurredAt: order.placedAt,
        aggregate: { type: "order", id: order.orderId },
        key: "account-0",
        data: { orderId: order.orderId, accountId: "account-0", total: 9, paid: 9, lines: order.lines },
      },
    ])
  })

  it("SB-35: thirty charges of one account at once, by two processes, all succeed", async () => {
    const name = schema()
    const shops = [open(url(), name), open(url(), name)] as const
    await furnishShop(shops[0], { accounts: 1, products: 1 })
    const charges = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        shops[n % 2 === 0 ? 0 : 1].points.charge({ accountId: "account-0", amount: 7, key: `charge-${n}` }),
      ),
    )
    expect(await shops[1].points.balance("account-0")).toBe(1_000_000 + 30 * 7)
    // Each was told its own place in the ledger, which has no gap.
    expect(charges.map(({ seq }) => seq).sort((left, right) => left - right)).toEqual(
      Array.from({ length: 30 }, (_, n) => n + 2),
    )
    expect(await exact(shops[0])).toBe(true)
  })

  it("SB-37: while two hundred buyers wait for one held product, others buy another one, and read", async () => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 200, products: 2 })
    const holder = new pg.Client(url())
    await holder.connect()
    await holder.query("begin")
    await holder.query(`select from ${name}.product where product_id = 'product-0' for update`)
    let answered = 0
    const waiting = Promise.all(
      Array.from({ length: 200 }, (_, n) => buy(shop, n, 0, `hot-${n}`).then(() => answered++)),
    )
    // The product is let go only after all of these, so whoever had to wait for it would wait for ever.
    for (let n = 0; n < 20; n++) {
      await buy(shop, n, 1, `cool-${n}`)
      expect(await shop.points.balance(`account-${n}`)).toBeGreaterThan(0)
      expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000)
    }
    expect(answered).toBe(0)
    await holder.end()
    await waiting
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 200)
    expect(await exact(shop)).toBe(true)
  })

  it("SB-40: locks end with the commit or with the session: when its session dies, an order stands and nothing stays locked", async () => {
    const proxy = await proxied()
    const name = schema()
    const [shop, other] = [open(proxy.url, name), open(url(), name)]
    await furnishShop(shop, { accounts: 2, products: 1 })
    for (let n = 0; n < 10; n++) {
      const order = await buy(shop, 0, 0, `before-${n}`)
      proxy.cut()
      // Another process needs the same rows, at once.
      const { rows } = await lockAll(name)
      expect(rows).toBe(3)
      expect(await buy(other, 0, 0, `before-${n}`)).toMatchObject({ orderId: order.orderId, replayed: true })
    }
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 10)
    expect(await exact(other)).toBe(true)
  })

  /** Locks every account and product, without waiting for any. */
  const lockAll = async (name: string): Promise<{ readonly rows: number }> => {
    const [accounts, products] = [
      await ask(`select account_id from ${name}.account for update nowait`),
      await ask(`select product_id from ${name}.product for update nowait`),
    ]
    return { rows: accounts.length + products.length }
  }

  it("SB-41: a shop under load keeps to six connections, and writes no line about its statements", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema(), patientMillis, true)
    await furnishShop(shop, { accounts: 50, products: 5 })
    const written = [
      vi.spyOn(process.stdout, "write"),
      vi.spyOn(process.stderr, "write"),
      ...(["log", "info", "warn", "error", "debug"] as const).map((method) => vi.spyOn(console, method)),
    ]
    await shop.events.subscribe("books", () => {})
    await Promise.all(Array.from({ length: 500 }, (_, n) => buy(shop, n % 50, n % 5, `order-${n}`)))
    await Promise.all(Array.from({ length: 100 }, (_, n) => shop.points.balance(`account-${n % 50}`)))
    await shop.audit.run()
    const lines = written.flatMap((spy) => spy.mock.calls)
    for (const spy of written) spy.mockRestore()
    expect(lines).toEqual([])
    await shop.stop()
    expect(proxy.most()).toBeLessThanOrEqual(6)
  })

  it("SB-42: fifty lines take no more statements than one, and a hundred orders at once hardly more than one order", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema())
    await furnishShop(shop, { accounts: 100, products: 50 })
    const statementsOf = async (calls: () => Promise<unknown>): Promise<number> => {
      const before = proxy.statements()
      await calls()
      return proxy.statements() - before
    }
    const allProducts = Array.from({ length: 50 }, (_, n) => ({ productId: `product-${n}`, quantity: 1 }))
    const one = await statementsOf(() => buy(shop, 0, 0, "one"))
    const large = { accountId: "account-0", lines: allProducts, key: "large" }
    expect(one).toBeGreaterThan(2)
    // Now and then a session has a statement to send for itself.
    expect(await statementsOf(() => shop.orders.place(large))).toBeLessThanOrEqual(one + 2)
    const hundred = () => Promise.all(Array.from({ length: 100 }, (_, n) => buy(shop, n, n % 50, `many-${n}`)))
    expect(await statementsOf(hundred)).toBeLessThanOrEqual(10 * one)
  })

  it("SB-43: a refused order has written nothing, and no number is lost to it", async () => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 1, products: 1, onHand: 5 })
    await shop.points.open({ accountId: "poor" })
    // Without a name that waits for events there would be no rows of the outbox to count.
    await shop.events.subscribe("books", () => {})
    const order = (key: string, more: object = {}) => ({
      accountId: "account-0",
      lines: [{ productId: "product-0", quantity: 1 }],
      key,
      ...more,
    })
    await shop.orders.place(order("before"))
    const before = await contentsOf(name)
    const refusals: ReadonlyArray<readonly [code: string, more: object]> = [
      ["OUT_OF_STOCK", { lines: [{ productId: "product-0", quantity: 6 }] }],
      ["PRODUCT_NOT_FOUND", { lines: [{ productId: "nothing", quantity: 1 }] }],
      ["COUPON_NOT_FOUND", { campaignId: "never" }],
      ["POINTS_NOT_ENOUGH", { accountId: "poor" }],
      ["PRICE_CHANGED", { expectedPaid: 1 }],
      ["ACCOUNT_NOT_FOUND", { accountId: "nobody" }],
    ]
    for (const [code, more] of refusals) {
      await expect(shop.orders.place(order(code, more))).rejects.toMatchObject({ code })
    }
    expect(await contentsOf(name)).toEqual(before)
    await shop.orders.place(order("after"))
    const [outbox] = await ask(`select (max(id) - min(id))::int as span, count(*)::int as rows from ${name}.outbox`)
    expect(Number(outbox?.span)).toBe(Number(outbox?.rows) - 1)
  })

  /** Everything a schema holds: each table with its number of rows and a hash over them. */
  const contentsOf = async (name: string): Promise<ReadonlyArray<unknown>> => {
    const tables = await ask("select tablename::text as name from pg_tables where schemaname = $1 order by 1", [name])
    const contents: Array<unknown> = []
    for (const { name: table } of tables) {
      const rows = `select count(*)::int as rows, md5(string_agg(t::text, '|' order by t::text)) as hash from ${name}.${table} t`
      contents.push([table, ...(await ask(rows))])
    }
    return contents
  }

  it("SB-51: no run can be missed: after days without a process the list is what the orders say, for every process", async () => {
    const name = schema()
    let now = Date.UTC(2024, 5, 7, 9)
    const openAt = () =>
      createHoldfast({ store: postgres({ url: url(), schema: name }), clock: () => now, logger: () => {} })
    const first = openAt()
    await furnishShop(first, { accounts: 1, products: 3 })
    const sell = (shop: TestShop, product: number, quantity: number, key: string) =>
      shop.orders.place({ accountId: "account-0", lines: [{ productId: `product-${product}`, quantity }], key })
    const topOf = async (shop: TestShop) =>
      (await shop.popularity.top({ days: 3, limit: 5 })).products.map(({ productId, sold }) => [productId, sold])
    await sell(first, 0, 5, "one")
    now += 30 * 3_600_000
    await sell(first, 1, 2, "two")
    const { orderId } = await sell(first, 0, 4, "three")
    await first.orders.cancel({ accountId: "account-0", orderId, key: "back" })
    await first.stop()
    now += 30 * 3_600_000
    const shops = [openAt(), openAt()]
    for (const shop of shops) {
      expect(await topOf(shop)).toEqual([
        ["product-0", 5],
        ["product-1", 2],
      ])
    }
    now += 13 * 3_600_000
    for (const shop of shops) expect(await topOf(shop)).toEqual([["product-1", 2]])
    await Promise.all(shops.map((shop) => shop.stop()))
  })
})
