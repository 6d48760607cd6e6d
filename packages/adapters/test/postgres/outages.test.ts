/**
 * Servers that stop, fill up or take nobody any more, for real: each test has a server of its own.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { privateServer, proxyTo, type Server, smallVolume } from "@holdfast/test-services"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, describe, expect, it, type TestContext } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { buy, furnishShop, patientMillis, shopOn } from "../support/shop.ts"
import { query } from "../support/stores.ts"
import { saleThrough } from "../trials/judge.ts"
import type { Heard } from "../trials/visits.ts"

const isUnavailable = (told: Heard): boolean => "code" in told && told.code === "STORE_UNAVAILABLE"

describe("outages", () => {
  const cleanUps: Array<() => unknown> = []
  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })
  const serverWith = async (context: TestContext, settings: ReadonlyArray<string> = []): Promise<Server> => {
    const server = await privateServer("outages", settings)
    if (server === undefined) return context.skip("no PostgreSQL here")
    cleanUps.push(() => server.stop())
    return server
  }

  it("a server that crashes and recovers in the middle of a sale costs time and nothing else", async (context) => {
    const server = await serverWith(context)
    const shop = shopOn(server.url, "shop", patientMillis, true)
    const heard: Array<Heard> = []
    const trouble = async (): Promise<void> => {
      // When everything is furnished and the first have bought, and once more when half of them have.
      for (const answers of [25, 50]) {
        await expect.poll(() => heard.length).toBeGreaterThan(answers)
        await server.kill()
        await server.restart()
      }
    }
    expect(await saleThrough(shop, { seed: 3, rushMillis: 1_500, trouble, heard })).toEqual([])
    expect(heard.filter(isUnavailable)).toEqual([])
    await shop.stop()
  })

  it.for(["url", "pool"] as const)(
    "a server that is away for a while is one line in the log when it goes and one when it is back, by %s",
    async (way, context) => {
      const server = await serverWith(context)
      const pool = new pg.Pool({ connectionString: server.url })
      pool.on("error", () => {})
      cleanUps.push(() => pool.end())
      const lines: Array<string> = []
      const shop = createHoldfast({
        store: postgres(way === "url" ? { url: server.url } : { pool }),
        deadlineMillis: 3_000,
        logger: (level, message) => lines.push(`${level} ${message}`),
      })
      // However long that takes: a call would wait for it until its deadline.
      await shop.start()
      await furnishShop(shop, { accounts: 3, products: 1 })
      for (const name of ["mails", "search"]) await shop.events.subscribe(name, () => {})
      await server.kill()
      let unavailable = 0
      let selling = true
      const buyers = [0, 1, 2].map(async (buyer) => {
        for (let n = 0; selling; n++) {
          await buy(shop, buyer, 0, `order-${buyer}-${n}`).catch(() => unavailable++)
          await shop.points.balance(`account-${buyer}`).catch(() => {})
        }
      })
      await expect.poll(() => unavailable).toBeGreaterThan(2)
      await server.restart()
      await expect.poll(() => lines.length).toBe(2)
      selling = false
      await Promise.all(buyers)
      await shop.stop()
      expect(lines).toEqual([
        expect.stringMatching(/^warn The store fails, and /),
        expect.stringMatching(/^warn The store works again after \d+\.\d s \(/),
      ])
    },
  )

  it("a server without a free connection makes calls unavailable, and the same calls work when there is one", async (context) => {
    const most = 12
    const server = await serverWith(context, [
      `max_connections=${most}`,
      "superuser_reserved_connections=0",
      "max_wal_senders=0",
    ])
    const proxy = await proxyTo(server.url)
    cleanUps.push(() => proxy.close())
    const patient = shopOn(server.url, "shop")
    await furnishShop(patient, { accounts: 2, products: 1 })
    await patient.stop()
    const shop = shopOn(proxy.url, "shop", 3_000)
    await shop.start()
    proxy.refuse(true)
    proxy.cut()
    const crowd: Array<pg.Client> = []
    // The sessions that were cut need a moment to end, so the last places are free only then.
    for (let full = false; !full; ) {
      const client = new pg.Client(server.url)
      full = await client.connect().then(
        () => {
          crowd.push(client)
          return false
        },
        (error) => error.code === "53300" && crowd.length >= most,
      )
    }
    proxy.refuse(false)
    const order = { accountId: "account-0", lines: [{ productId: "product-0", quantity: 1 }], key: "crowded" }
    await expect(shop.orders.place(order)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(shop.points.balance("account-0")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    const late = shopOn(server.url, "shop", 3_000)
    await expect(late.start()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await Promise.all(crowd.map((client) => client.end()))
    const paid = () => shop.orders.place(order).then((placed) => placed.paid)
    await expect.poll(paid).toBe(3)
    // A shop that could not start may be started again.
    await expect.poll(() => late.orders.place(order)).toMatchObject({ replayed: true })
    expect((await late.audit.run()).ok).toBe(true)
    await Promise.all([shop.stop(), late.stop()])
  })

  it("a disk that is really full makes orders unavailable, and the same calls work when there is room", async (context) => {
    const server = await serverWith(context)
    const folder = mkdtempSync(join(tmpdir(), "holdfast-disk-"))
    const disk = server.user && smallVolume(folder, 2, server.user)
    if (disk === undefined) return context.skip("no file system may be mounted here that the server sees")
    const remove = () => {
      disk.unmount()
      rmSync(folder, { recursive: true })
    }
    cleanUps.push(remove)
    const ask = (sql: string) => Effect.runPromise(query(server.url, sql))
    const shop = shopOn(server.url, "shop", 3_000, true)
    await shop.start()
    await ask(`create tablespace tiny location '${folder}'`)
    await ask("alter table shop.orders set tablespace tiny")
    await ask("create table filler (page text) tablespace tiny")
    const filling = ask("insert into filler select repeat('x', 5000) from generate_series(1, 100000)")
    await expect(filling).rejects.toThrow()
    // What was rolled back takes its room all the same, as long as nobody cleans up.
    const heard: Array<Heard> = []
    const trouble = async (): Promise<void> => {
      await expect.poll(() => heard.some(isUnavailable)).toBe(true)
      await ask("drop table filler")
    }
    const afterwards = shopOn(server.url, "shop")
    expect(await saleThrough(shop, { seed: 4, rushMillis: 1, trouble, heard, afterwards })).toEqual([])
    await Promise.all([shop.stop(), afterwards.stop()])
    cleanUps.splice(cleanUps.indexOf(remove), 1)
    await server.stop()
    remove()
  })
})
