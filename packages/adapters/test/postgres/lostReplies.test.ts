/**
 * Sessions that outlive their clients, for real: what a caller was refused must not happen by what is still on its way.
 *
 * A device between the shop and its server holds back what the shop sent, and resets the shop's side only. The server's side
 * is open, and gets it whenever the device gets round to it.
 */

import type { CuttableWire } from "@holdfast/test-services"
import { privateServer } from "@holdfast/test-services"
import pg from "pg"
import { describe, expect, it } from "vitest"
import { buy, furnishShop, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

describe("a session that outlives its client", () => {
  const { url, server, ask, schema, open, proxied } = shopsForFile("lost replies", () => privateServer("lost replies"))

  /** More than the frame of an order: what comes before it is not held back. */
  const frameBytes = 600
  interface Scene {
    readonly shop: TestShop
    readonly host: TestShop
    readonly proxy: CuttableWire
    readonly name: string
  }
  /** One unit is left, and remembered by the shop, so that the next order is one frame. */
  const scene = async (as = "postgres", deadlineMillis?: number): Promise<Scene> => {
    const name = schema()
    const proxy = await proxied()
    const host = open(url(), name)
    const shop = open(proxy.url.replace("postgres@", `${as}@`), name, deadlineMillis)
    await furnishShop(host, { accounts: 2, products: 1, onHand: 9 })
    if (as !== "postgres") {
      await ask(`grant usage on schema ${name} to ${as}`)
      await ask(`grant all on all tables in schema ${name} to ${as}`)
    }
    for (let n = 0; n < 8; n++) await buy(shop, 0, 0, `before-${n}`)
    return { shop, host, proxy, name }
  }
  /** The order is cut off; the last unit goes to somebody else. `meanwhile` is told the process of the session. */
  const cutOff = async ({ shop, host, proxy }: Scene, meanwhile: (pid: number) => void = () => {}) => {
    const { done, deliver } = proxy.holdAndReset(frameBytes)
    proxy.refuse(true)
    const order = buy(shop, 0, 0, "cut-off").then(
      () => "accepted",
      ({ code, outcome }) => `${code}, ${outcome}`,
    )
    const [port] = await done
    await buy(host, 1, 0, "other")
    const [session] = await ask("select pid from pg_stat_activity where client_port = $1::int", [String(port)])
    if (session === undefined) throw new Error("The session is gone.")
    meanwhile(Number(session.pid))
    proxy.refuse(false)
    return { order, deliver }
  }
  const ordersNamed = async ({ name }: Scene, key: string): Promise<number> =>
    (await ask(`select from ${name}.orders where key = $1`, [key])).length

  it("is ended before its call is refused, so that nothing happens when the server gets what was sent", async () => {
    const it = await scene()
    const { order, deliver } = await cutOff(it)
    expect(await order).toBe("OUT_OF_STOCK, nothing-happened")
    await it.host.stock.restock({ productId: "product-0", quantity: 1, key: "back" })
    await deliver()
    expect(await ordersNamed(it, "cut-off")).toBe(0)
    expect((await it.host.stock.product("product-0")).onHand).toBe(1)
    expect((await it.host.audit.run()).ok).toBe(true)
  })

  it("that may not be ended leaves the outcome unknown, and its order is found when it comes true", async () => {
    await ask("create role seller login")
    await ask("revoke execute on function pg_terminate_backend(int, bigint) from public")
    try {
      const it = await scene("seller")
      const { order, deliver } = await cutOff(it)
      expect(await order).toBe("STORE_UNAVAILABLE, unknown")
      const query = { operation: "orders.place", key: "cut-off" } as const
      expect(await it.shop.outcome(query)).toMatchObject({ status: "pending", finalAt: expect.any(Date) })
      // Asked once more, it may still come true.
      await expect(buy(it.shop, 0, 0, "cut-off")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
      await it.host.stock.restock({ productId: "product-0", quantity: 1, key: "back" })
      await deliver()
      expect(await ordersNamed(it, "cut-off")).toBe(1)
      expect(await it.shop.outcome(query)).toMatchObject({ status: "accepted" })
      expect(await buy(it.shop, 0, 0, "cut-off")).toMatchObject({ replayed: true })
      expect((await it.host.audit.run()).ok).toBe(true)
    } finally {
      await ask("grant execute on function pg_terminate_backend(int, bigint) to public")
    }
  })

  /**
   * The order is lost for good, and asked for again within a transaction of the host's, so often while that is unknown: a lane
   * may have it in hand for a moment longer. What was told at last, and how to deliver.
   */
  const againWithin = async ({ shop, host, proxy }: Scene, times: number) => {
    const { done, deliver } = proxy.holdAndReset(frameBytes)
    proxy.refuse(true)
    const order = buy(shop, 0, 0, "cut-off")
    await expect(order).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    await done
    await buy(host, 1, 0, "other")
    proxy.refuse(false)
    const client = new pg.Client(url())
    await client.connect()
    await client.query("begin")
    const again = () =>
      buy({ ...shop, orders: shop.within(client).orders }, 0, 0, "cut-off").then(
        () => "accepted",
        ({ code, outcome }) => `${code}, ${outcome}`,
      )
    let told = await again()
    for (let n = 1; n < times && told === "STORE_UNAVAILABLE, unknown"; n++) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      told = await again()
    }
    await client.query("commit")
    await client.end()
    await host.stock.restock({ productId: "product-0", quantity: 1, key: "back" })
    return { told, deliver }
  }

  it("is ended before a call of its key within the host's transaction is refused", async () => {
    const it = await scene("postgres", 2_000)
    const { told, deliver } = await againWithin(it, 20)
    expect(told).toBe("OUT_OF_STOCK, nothing-happened")
    await deliver()
    expect(await ordersNamed(it, "cut-off")).toBe(0)
    expect((await it.host.audit.run()).ok).toBe(true)
  })

  it("that may not be ended leaves a refusal within the host's transaction unknown", async () => {
    await ask("create role clerk login")
    await ask("revoke execute on function pg_terminate_backend(int, bigint) from public")
    try {
      const it = await scene("clerk", 2_000)
      const { told, deliver } = await againWithin(it, 3)
      expect(told).toBe("STORE_UNAVAILABLE, unknown")
      await deliver()
      expect(await ordersNamed(it, "cut-off")).toBe(1)
    } finally {
      await ask("grant execute on function pg_terminate_backend(int, bigint) to public")
    }
  })

  it("that does not end when it is told to is waited for, and what it did by then is seen", async (context) => {
    context.skip(server()?.user === undefined, "the server's processes are not to be seen here")
    const it = await scene()
    let frozen = 0
    const { order, deliver } = await cutOff(it, (pid) => {
      frozen = pid
      process.kill(pid, "SIGSTOP")
    })
    try {
      // It was told, and nothing is decided while it is there.
      const early = await Promise.race([order, new Promise((resolve) => setTimeout(() => resolve("nothing yet"), 500))])
      expect(early).toBe("nothing yet")
    } finally {
      process.kill(frozen, "SIGCONT")
    }
    expect(await order).toBe("OUT_OF_STOCK, nothing-happened")
    await deliver()
    expect(await ordersNamed(it, "cut-off")).toBe(0)
  })

  it("is gone with its server: after a restart a refusal is final at once", async () => {
    const it = await scene()
    const { done, deliver } = it.proxy.holdAndReset(frameBytes)
    it.proxy.refuse(true)
    const order = buy(it.shop, 0, 0, "cut-off")
    const told = expect(order).rejects.toMatchObject({ code: "OUT_OF_STOCK" })
    await done
    await server()?.kill()
    await server()?.restart()
    await expect
      .poll(() =>
        buy(it.host, 1, 0, "other").then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    it.proxy.refuse(false)
    await told
    await deliver()
    expect(await ordersNamed(it, "cut-off")).toBe(0)
  })

  it("of somebody else that has the same process id by now is left alone", async () => {
    const { Effect } = await import("effect")
    const { Backend, settleOn } = await import("../../src/postgres/connect/Backend.ts")
    const { Connection } = await import("../../src/postgres/session/Connection.ts")
    const { openWire } = await import("../support/stores.ts")
    const other = new pg.Client(url())
    // It is ended in the end, with its server at the latest.
    other.on("error", () => {})
    await other.connect()
    const pid = Number((await other.query("select pg_backend_pid() as pid")).rows[0].pid)
    const [{ server: serverStartedAt, own } = { server: "", own: "" }] = (
      await other.query(
        `select extract(epoch from pg_postmaster_start_time())::text as server,
         (select extract(epoch from backend_start)::text from pg_stat_activity where pid = $1) as own`,
        [pid],
      )
    ).rows
    const settle = (startedAt: string, onServer: string) =>
      Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(Connection.make(openWire(url(), "public", "read")), (connection) =>
            settleOn(connection)(new Backend({ pid, startedAt, serverStartedAt: onServer })),
          ),
        ),
      )
    expect(await settle(`${own}1`, serverStartedAt)).toBe(true)
    expect(await settle(own, `${serverStartedAt}1`)).toBe(true)
    expect((await other.query("select 1 as there")).rows).toEqual([{ there: 1 }])
    const ended = new Promise((resolve) => other.once("error", resolve))
    expect(await settle(own, serverStartedAt)).toBe(true)
    await ended
    await other.end().catch(() => {})
  })
})
