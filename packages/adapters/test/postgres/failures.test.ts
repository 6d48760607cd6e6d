/**
 * Wires and sessions that fail, and what callers may rely on all the same: every acknowledged command happened once, every
 * unavailable one at most once, and nobody is ever answered a refusal or a defect for a failure. Seeded trials of the same
 * are in `test/trials`.
 */
import pg from "pg"
import { describe, expect, it } from "vitest"
import { buy, furnishShop, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

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
    const victims = () =>
      ask(
        `select pg_terminate_backend(l.pid) from pg_locks l join pg_locks w on w.pid = l.pid and not w.granted
         join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
        [name],
      )
    await expect.poll(victims).not.toEqual([])
    await letGo()
    await expect(bought).resolves.toMatchObject({ replayed: false })
    expect(await ordersOf(shop, 0)).toBe(1)
    expect(await exact(shop)).toBe(true)
  })

  it("SB-26: an answer that is lost after the commit is found again, and the order is placed once", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema())
    await furnishShop(shop, { accounts: 8, products: 1 })
    const lost = proxy.loseCommit()
    const orders = Array.from({ length: 8 }, (_, n) => buy(shop, n, 0, `lost-${n}`))
    await lost
    const answers = await Promise.all(orders)
    for (const [n, { orderId }] of answers.entries()) {
      expect(await ordersOf(shop, n)).toBe(1)
      expect(await buy(shop, n, 0, `lost-${n}`)).toMatchObject({ orderId, replayed: true })
    }
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 8)
    expect(await exact(shop)).toBe(true)
  })

  it("calls fail at their deadline while the server is away, and work when it is back", async () => {
    const { proxy, shop, patient } = await hurried()
    proxy.refuse(true)
    proxy.cut()
    await expect(buy(shop, 0, 0, "away")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(shop.orders.get("none")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect((await shop.health()).status).toBe("degraded")
    proxy.refuse(false)
    await expect.poll(stateOf(shop, "away")).toBe("placed")
    expect(await exact(patient)).toBe(true)
  })

  it("a read outlasts a connection that is back in a moment, so that a call it belongs to is answered", async () => {
    const proxy = await proxied()
    const shop = open(proxy.url, schema())
    await furnishShop(shop, { accounts: 1, products: 1 })
    // A machine that is busy with something else may make the moment longer than a read waits: then it was none.
    const momentMillis = 400
    for (let isMoment = false; !isMoment; ) {
      const [began, before] = [performance.now(), proxy.refusals()]
      proxy.refuse(true)
      proxy.cut()
      const reading = shop.points.balance("account-0").catch((error: unknown) => error)
      await expect.poll(proxy.refusals).toBeGreaterThan(before)
      proxy.refuse(false)
      const answer = await reading
      isMoment = performance.now() - began < momentMillis || answer === 1_000_000
      if (isMoment) expect(answer).toBe(1_000_000)
    }
  })

  it("calls fail at their deadline while the server is there and does not answer", async () => {
    const { proxy, shop, patient } = await hurried()
    proxy.stall(true)
    await expect(buy(shop, 0, 0, "silent")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    expect((await shop.health()).status).toBe("degraded")
    proxy.stall(false)
    await expect.poll(stateOf(shop, "silent")).toBe("placed")
    expect(await ordersOf(patient, 0)).toBe(1)
    expect(await exact(patient)).toBe(true)
  })

  it("a shop does not start without its server, and says so", async () => {
    const shop = open("postgres://postgres@127.0.0.1:1/postgres", "nowhere")
    await expect(shop.start()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
  })

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
  })

  /** A shop behind a wire, whose calls give up soon, and one on the same schema that has all the time in the world. */
  const hurried = async () => {
    const name = schema()
    const proxy = await proxied()
    const patient = open(url(), name)
    await furnishShop(patient, { accounts: 1, products: 1 })
    const shop = open(proxy.url, name, 700)
    await shop.start()
    return { proxy, shop, patient }
  }
  /** What becomes of an order that is asked for again and again. */
  const stateOf = (shop: TestShop, key: string) => () =>
    buy(shop, 0, 0, key).then(
      ({ state }) => state,
      () => "not yet",
    )
})
