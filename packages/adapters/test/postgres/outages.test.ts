/**
 * Servers that stop, fill up or take nobody any more, for real: each test has a server of its own.
 */
import { execFileSync } from "node:child_process"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, describe, expect, it, type TestContext } from "vitest"
import { privateServer, type Server } from "../support/postgres.ts"
import { proxyTo } from "../support/proxy.ts"
import { furnishShop, shopOn } from "../support/shop.ts"
import { query } from "../support/stores.ts"
import { saleThrough } from "../trials/judge.ts"
import type { Heard } from "../trials/visits.ts"

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
const isUnavailable = (told: Heard): boolean => "code" in told && told.code === "STORE_UNAVAILABLE"

describe("outages", () => {
  const cleanUps: Array<() => unknown> = []
  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }, 60_000)
  const serverWith = async (context: TestContext, settings: ReadonlyArray<string> = []): Promise<Server> => {
    const server = await privateServer("outages", settings)
    if (server === undefined) return context.skip("no PostgreSQL here")
    cleanUps.push(() => server.stop())
    return server
  }

  it("a server that crashes and recovers in the middle of a sale costs time and nothing else", async (context) => {
    const server = await serverWith(context)
    const shop = shopOn(server.url, "shop", 30_000, true)
    const heard: Array<Heard> = []
    const trouble = async (): Promise<void> => {
      for (let crash = 0; crash < 2; crash++) {
        await pause(150)
        await server.kill()
        await server.restart()
      }
    }
    expect(await saleThrough(shop, { seed: 3, rushMillis: 1_500, trouble, heard })).toEqual([])
    expect(heard.filter(isUnavailable)).toEqual([])
    await shop.stop()
  }, 90_000)

  it("a server without a free connection makes calls unavailable, and the same calls work when there is one", async (context) => {
    const most = 12
    const server = await serverWith(context, [
      `max_connections=${most}`,
      "superuser_reserved_connections=0",
      "max_wal_senders=0",
    ])
    const proxy = await proxyTo(server.url)
    cleanUps.push(() => proxy.close())
    const shop = shopOn(proxy.url, "shop", 800)
    await furnishShop(shop, { accounts: 2, products: 1 })
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
    const late = shopOn(server.url, "shop", 800)
    await expect(late.start()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await Promise.all(crowd.map((client) => client.end()))
    while ((await shop.health()).status !== "ok") await pause(50)
    await expect(shop.orders.place(order)).resolves.toMatchObject({ paid: 3 })
    // A shop that could not start may be started again.
    expect(await late.orders.place(order)).toMatchObject({ replayed: true })
    expect((await late.audit.run()).ok).toBe(true)
    await Promise.all([shop.stop(), late.stop()])
  }, 60_000)

  it("a disk that is really full makes orders unavailable, and the same calls work when there is room", async (context) => {
    const server = await serverWith(context)
    const disk = tinyDisk(server)
    if (disk === undefined) return context.skip("no file system may be mounted here that the server sees")
    cleanUps.push(disk.remove)
    const ask = (sql: string) => Effect.runPromise(query(server.url, sql))
    const shop = shopOn(server.url, "shop", 1_000, true)
    await shop.start()
    await ask(`create tablespace tiny location '${disk.folder}'`)
    await ask("alter table shop.orders set tablespace tiny")
    await ask("create table filler (page text) tablespace tiny")
    const filling = ask("insert into filler select repeat('x', 5000) from generate_series(1, 100000)")
    await expect(filling).rejects.toThrow()
    // What was rolled back takes its room all the same, as long as nobody cleans up.
    const heard: Array<Heard> = []
    const trouble = async (): Promise<void> => {
      while (!heard.some(isUnavailable)) await pause(20)
      await ask("drop table filler")
    }
    expect(await saleThrough(shop, { seed: 4, rushMillis: 1, trouble, heard })).toEqual([])
    expect(heard.some(isUnavailable)).toBe(true)
    await shop.stop()
    cleanUps.splice(cleanUps.indexOf(disk.remove), 1)
    await server.stop()
    disk.remove()
  }, 60_000)
})

/** A file system of two megabytes, where this user may mount one and the server sees it, which one in a container does not. */
const tinyDisk = ({ user }: Server): { readonly folder: string; readonly remove: () => void } | undefined => {
  if (user === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "holdfast-disk-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { stdio: "ignore" })
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  chownSync(folder, user.uid, user.gid)
  return {
    folder,
    remove: () => {
      execFileSync("umount", ["--lazy", folder], { stdio: "ignore" })
      rmSync(folder, { recursive: true })
    },
  }
}
