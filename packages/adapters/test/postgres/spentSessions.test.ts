/**
 * Sessions that are of no more use and do not say so plainly: whoever goes on with one is refused everything, for ever.
 *
 * - A commit is cancelled before it begins, as by an operator's `pg_cancel_backend` in that moment: the server says so, and the
 *   session lives on in the middle of a transaction that has failed.
 * - A connection is cut behind an error that the server has answered: what it said last is no answer to what is sent next.
 * - A session is ended with words that are an answer to nothing, or to a commit that happened.
 *
 * And one that lives on where a beginning is cancelled: what stands behind it must not be written piece by piece.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { type CuttableWire, type LastWords, privatePooler, proxyTo } from "@holdfast/test-services"
import pg from "pg"
import { afterEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { begin } from "../../src/postgres/session/wire.ts"
import { furnishShop, patientMillis } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

describe("a session that is spent", () => {
  const { url, schema, open, proxied } = shopsForFile("spent sessions")
  const cleanUps: Array<() => unknown> = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const shopThrough = (proxy: CuttableWire, way: "url" | "pool"): Shop => {
    const pool = new pg.Pool({ connectionString: proxy.url })
    pool.on("error", () => {})
    const store = postgres({ ...(way === "url" ? { url: proxy.url } : { pool }), schema: schema() })
    const shop = createHoldfast({ store, deadlineMillis: patientMillis, logger: () => {} })
    cleanUps.push(
      () => proxy.close(),
      () => pool.end(),
      () => shop.stop(),
    )
    return shop
  }
  const before = {
    "an address": async () => shopOf(await proxyTo(url()), "url"),
    "a pool of the host": async () => shopOf(await proxyTo(url()), "pool"),
    "a pooler": async () => {
      const pooler = await privatePooler("spent sessions", url(), "transaction")
      if (pooler === undefined) return undefined
      cleanUps.push(() => pooler.stop())
      return shopOf(await proxyTo(pooler.url), "url")
    },
  }
  const shopOf = (proxy: CuttableWire, way: "url" | "pool") => ({ proxy, shop: shopThrough(proxy, way) })

  it.for(["an address", "a pool of the host", "a pooler"] as const)(
    "by a commit that is cancelled costs time and nothing else, whatever was committed: by %s",
    async (way, context) => {
      const made = await before[way]()
      if (made === undefined) return context.skip("no PgBouncer here")
      const { proxy, shop } = made
      await furnishShop(shop, { accounts: 3, products: 2 })
      const heard = new Set<string>()
      await shop.events.subscribe("mails", ({ id }) => void heard.add(id))
      for (let round = 0; round < 12; round++) {
        // Of decisions and of deliveries, whichever comes first; several are behind each other on one session.
        proxy.cancel("commit", 1 + (round % 4))
        await Promise.all(
          [0, 1, 2].map((account) =>
            shop.orders.place({
              accountId: `account-${account}`,
              lines: [{ productId: `product-${round % 2}`, quantity: 1 }],
              key: `order-${round}-${account}`,
            }),
          ),
        )
        await shop.events.settled("mails")
        expect(await shop.points.balance("account-0")).toBe(1_000_000 - 3 * (round + 1))
        await expect.poll(() => heard.size).toBe(3 * (round + 1))
      }
      expect(proxy.cancelled()).toBeGreaterThan(12)
      expect((await shop.audit.run()).ok).toBe(true)
    },
  )

  it("by a cut in the middle of a refusal costs time and nothing else", async () => {
    const name = schema()
    const proxy = await proxied()
    const host = open(url(), name)
    const shop = open(proxy.url, name, patientMillis, true)
    await furnishShop(host, { accounts: 1, products: 1 })
    const order = (key: string) =>
      shop.orders.place({ accountId: "account-0", lines: [{ productId: "product-0", quantity: 1 }], key })
    for (let round = 0; round < 4; round++) {
      // The shop remembers the price, so that its next order fails at a guard.
      for (let n = 0; n < 8; n++) await order(`before-${round}-${n}`)
      await host.stock.changePrice({ productId: "product-0", price: 4 + round, key: `price-${round}` })
      const cut = proxy.cutBehindError()
      await expect(order(`cut-${round}`)).resolves.toMatchObject({ paid: 4 + round })
      await cut
    }
    expect((await shop.stock.product("product-0")).onHand).toBe(1_000_000 - 4 * 9)
    expect((await shop.audit.run()).ok).toBe(true)
  })
  /** A shop that remembers a price which is another one by now: its next order is decided on what is not so any more. */
  const outdated = async (way: "url" | "pool", pooler?: "transaction") => {
    const name = schema()
    const proxy = await proxied()
    const host = open(url(), name)
    const pool = new pg.Pool({ connectionString: proxy.url })
    pool.on("error", () => {})
    const at = way === "url" ? { url: proxy.url, pooler } : { pool }
    const shop = createHoldfast({
      store: postgres({ ...at, schema: name }),
      deadlineMillis: patientMillis,
      workers: false,
      logger: () => {},
    })
    cleanUps.push(
      () => pool.end(),
      () => shop.stop(),
    )
    await furnishShop(host, { accounts: 1, products: 1 })
    let sold = 0
    const order = async (key: string) => {
      sold++
      return shop.orders.place({ accountId: "account-0", lines: [{ productId: "product-0", quantity: 1 }], key })
    }
    return {
      proxy,
      order,
      price: async (price: number) => {
        for (let n = 0; n < 8; n++) await order(`before-${price}-${n}`)
        await host.stock.changePrice({ productId: "product-0", price, key: `price-${price}` })
      },
      expectExact: async () => {
        expect((await host.stock.product("product-0")).onHand).toBe(1_000_000 - sold)
        expect((await host.audit.run()).ok).toBe(true)
      },
    }
  }

  it.for(["session", "transaction"] as const)(
    "by nothing: where a beginning is cancelled, nothing that stands behind it is written: by %s",
    async (pooling) => {
      const { proxy, order, price, expectExact } = await outdated("url", pooling === "session" ? undefined : pooling)
      for (let round = 0; round < 4; round++) {
        await price(4 + round)
        proxy.cancel(begin.sql, 1 + round)
        await expect(order(`cut-${round}`)).resolves.toMatchObject({ paid: 4 + round, replayed: false })
      }
      expect(proxy.cancelled()).toBeGreaterThanOrEqual(4)
      await expectExact()
    },
  )

  const words: ReadonlyArray<LastWords> = [
    { severity: "FATAL", code: "25P04" },
    { severity: "FATAL", code: "58000" },
    { severity: "FATAL", code: "23505" },
    { severity: "PANIC", translated: "PANIK", code: "XX000" },
  ]

  it.for(["url", "pool"] as const)("by last words while nothing is under way: by a %s", async (way) => {
    const { proxy, order, expectExact } = await outdated(way)
    for (const [n, each] of words.entries()) {
      await order(`before-${n}`)
      await proxy.farewell(each)
      await expect(order(`after-${n}`)).resolves.toMatchObject({ replayed: false })
    }
    await expectExact()
  })

  it.for(["url", "pool"] as const)("by last words instead of the answer to a commit: by a %s", async (way) => {
    const { proxy, order, expectExact } = await outdated(way)
    for (const [n, each] of words.entries()) {
      await order(`before-${n}`)
      const lost = proxy.loseCommit(each)
      await expect(order(`after-${n}`)).resolves.toMatchObject({ state: "placed" })
      await lost
    }
    await expectExact()
  })
})
