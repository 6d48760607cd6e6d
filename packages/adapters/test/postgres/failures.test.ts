/**
 * Wires and sessions that fail, and what callers may rely on all the same: every acknowledged command happened once, every
 * unavailable one at most once, and nobody is ever answered a refusal or a defect for a failure. Seeded trials of the same
 * are in `test/trials`.
 */
import pg from "pg"
import { describe, expect, it } from "vitest"
import { buy, furnishShop, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

describe("failures", () => {
  const { url, ask, schema, open, proxied } = shopsForFile("failures")
  const exact = async (shop: TestShop): Promise<boolean> => (await shop.audit.run()).ok
  const ordersOf = async (shop: TestShop, account: number): Promise<number> =>
    (await shop.orders.ofAccount({ accountId: `account-${account}` })).items.length
  /** Holds the rows of a query until it is let go. */
  const hold = async (sql: string): Promise<() => Promise<void>> => {
    const holder = new pg.Client(url())
    await holder.connect()
    await holder.query("begin")
    await holder.query(sql)
    return () => holder.end()
  }

  it("a backend that is terminated before the commit costs a retry and nothing else", async () => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 2, products: 1 })
    const letGo = await hold(`select from ${name}.product for update`)
    const bought = buy(shop, 0, 0, "once")
    // Whoever waits for a row of the schema is the shop.
    for (let ended = 0; ended === 0; await pause(1)) {
      const victims = await ask(
        `select pg_terminate_backend(l.pid) from pg_locks l join pg_locks w on w.pid = l.pid and not w.granted
         join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
        [name],
      )
      ended = victims.length
    }
    await letGo()
    await expect(bought).resolves.toMatchObject({ replayed: false })
    expect(await ordersOf(shop, 0)).toBe(1)
    expect(await exact(shop)).toBe(true)
  }, 30_000)

  it("SB-26: an answer that is lost after the commit is found again, and the order is placed once", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema())
    await furnishShop(shop, { accounts: 8, products: 1 })
    const swallowed = proxy.swallowReplies(300)
    // The snapshot's reply is lost, or the commit's, whichever comes: several at once make sure of both.
    const orders = Array.from({ length: 8 }, (_, n) => buy(shop, n, 0, `lost-${n}`))
    expect(await swallowed).toBeGreaterThan(0)
    const answers = await Promise.all(orders)
    for (const [n, { orderId }] of answers.entries()) {
      expect(await ordersOf(shop, n)).toBe(1)
      expect(await buy(shop, n, 0, `lost-${n}`)).toMatchObject({ orderId, replayed: true })
    }
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 8)
    expect(await exact(shop)).toBe(true)
  }, 30_000)

  it("calls fail at their deadline while the server is away, and work when it is back", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema(), 700)
    await furnishShop(shop, { accounts: 1, products: 1 })
    proxy.refuse(true)
    proxy.cut()
    await expect(buy(shop, 0, 0, "away")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(shop.orders.get("none")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect((await shop.health()).status).toBe("degraded")
    proxy.refuse(false)
    await healthy(shop)
    await expect(buy(shop, 0, 0, "away")).resolves.toMatchObject({ state: "placed" })
    expect(await exact(shop)).toBe(true)
  }, 30_000)

  it("a read outlasts a connection that is back in a moment, so that a call it belongs to is answered", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema())
    await furnishShop(shop, { accounts: 1, products: 1 })
    proxy.refuse(true)
    proxy.cut()
    const reading = shop.points.balance("account-0")
    setTimeout(() => proxy.refuse(false), 100)
    await expect(reading).resolves.toBe(1_000_000)
  }, 30_000)

  it("calls fail at their deadline while the server is there and does not answer", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema(), 700)
    await furnishShop(shop, { accounts: 1, products: 1 })
    proxy.stall(true)
    await expect(buy(shop, 0, 0, "silent")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    expect((await shop.health()).status).toBe("degraded")
    proxy.stall(false)
    await healthy(shop)
    await expect(buy(shop, 0, 0, "silent")).resolves.toMatchObject({ state: "placed" })
    expect(await ordersOf(shop, 0)).toBe(1)
    expect(await exact(shop)).toBe(true)
  }, 60_000)

  it("a shop does not start without its server, and says so", async () => {
    const shop = open("postgres://postgres@127.0.0.1:1/postgres", "nowhere")
    await expect(shop.start()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
  }, 30_000)

  it("a row that somebody holds delays only those who need it", async () => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 20, products: 6 })
    const letGo = await hold(`select from ${name}.product where product_id = 'product-0' for update`)
    let isFree = false
    const waiting = Array.from({ length: 5 }, async (_, n) => {
      await buy(shop, n, 0, `held-${n}`)
      expect(isFree).toBe(true)
    })
    // The row is let go only after all of these: had they to wait for it, none would be sold before its deadline.
    await Promise.all(
      Array.from({ length: 16 }, async (_, caller) => {
        for (let n = 0; n < 25; n++) await buy(shop, caller, 1 + (caller % 5), `beside-${caller}-${n}`)
      }),
    )
    isFree = true
    await letGo()
    await Promise.all(waiting)
    expect(await exact(shop)).toBe(true)
  }, 60_000)

  const healthy = async (shop: TestShop): Promise<void> => {
    while ((await shop.health()).status !== "ok") await pause(50)
  }
})
