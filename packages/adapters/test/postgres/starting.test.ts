/**
 * A start that fails says why and nothing about an outcome: at once where trying again is useless, and after it has tried
 * again for a moment where that may help.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { freePort, privateServer, type Server } from "@holdfast/test-services"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { doormanOf } from "../support/doorman.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A shop by address, and one through a pool of the host. */
const ways = ["url", "pool"] as const
const shopBy = (way: (typeof ways)[number], url: string, schema = freshSchema()) => {
  const ofPool = (): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url })
    pool.on("error", () => {})
    cleanUps.push(() => pool.end())
    return pool
  }
  const store = way === "url" ? postgres({ url, schema }) : postgres({ pool: ofPool(), schema })
  const shop = createHoldfast({ store, workers: false, logger: () => {} })
  cleanUps.push(() => shop.stop())
  return shop
}

const useless = { code: "STORE_REJECTED", retryable: false, outcome: "nothing-happened" }
const away = { code: "STORE_UNAVAILABLE", retryable: true, outcome: "nothing-happened" }
const withoutOutcome = expect.not.stringMatching(/outcome|unknown until/)

describe.each(ways)("a start by %s", (way) => {
  const { url, server } = serverForFile("starting")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  it.each([
    ["a wrong password", "28P01"],
    ["a role that may not log in", "28000"],
    ["a database that does not exist", "3D000"],
    ["a right that is missing", "42501"],
    ["a parameter that there is not", "42704"],
    ["a value that is none", "22023"],
  ])("that is turned away for %s (%s) is told so the first time", async (_, code) => {
    const door = await doormanOf(url(), () => code)
    cleanUps.push(door.close)
    const shop = shopBy(way, door.url)
    await expect(shop.start()).rejects.toMatchObject({
      ...useless,
      message: expect.stringContaining(`turned away at the door (${code}).`),
    })
    expect(door.came()).toBe(1)
    // A call that could not begin is told the same.
    await expect(shop.points.open({ accountId: "ann" })).rejects.toMatchObject(useless)
  })

  it.each([
    ["is starting up", "57P03"],
    ["has no connection left", "53300"],
    ["is shutting down", "57P01"],
  ])(
    "at a server that %s (%s) tries again, and says so where that did not help",
    async (_, code) => {
      const door = await doormanOf(url(), () => code)
      cleanUps.push(door.close)
      await expect(shopBy(way, door.url).start()).rejects.toMatchObject({ ...away, message: withoutOutcome })
      expect(door.came()).toBeGreaterThan(1)

      const opening = await doormanOf(url(), (nth) => (nth <= 2 ? code : undefined))
      cleanUps.push(opening.close)
      const schema = freshSchema()
      cleanUps.push(() => Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`)))
      await shopBy(way, opening.url, schema).start()
    },
    30_000,
  )

  it("where nothing listens, or the name is not known yet, says so and may be tried again", async () => {
    const port = await freePort()
    await expect(shopBy(way, `postgres://postgres@127.0.0.1:${port}/postgres`).start()).rejects.toMatchObject({
      ...away,
      message: expect.stringContaining("ECONNREFUSED"),
    })
    // A name may come with its host: in a compose file both start together.
    await expect(shopBy(way, "postgres://ann@no.such.host.invalid/app").start()).rejects.toMatchObject({
      ...away,
      message: withoutOutcome,
    })
  })
})

describe("at a server that asks for passwords", () => {
  let server: Server | undefined
  const folder = mkdtempSync(join(tmpdir(), "holdfast-hba-"))
  beforeAll(async () => {
    const file = join(folder, "pg_hba.conf")
    writeFileSync(file, "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n", {
      mode: 0o644,
    })
    // The server runs as another user, who has to find it.
    chmodSync(folder, 0o755)
    server = await privateServer("passwords", [`hba_file=${file}`])
    if (server === undefined) return
    await Effect.runPromise(query(server.url, "create role ann login password 'geheim'"))
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  describe.each(ways)("a start by %s", (way) => {
    const urlAs = (user: string, more = ""): string => {
      const url = new URL(server?.url ?? "")
      return `postgres://${user}@${url.host}/postgres${more}`
    }
    beforeEach((context) => context.skip(server === undefined, "no PostgreSQL here"))

    it.each([
      ["a wrong password", "ann:falsch", /password authentication failed/],
      ["no password", "ann", /password/],
      ["a role that does not exist", "bob:geheim", /password authentication failed|does not exist/],
      ["a role that may not create the schema", "ann:geheim", /permission denied for database/],
    ])("with %s is told so for good, and without the password", async (_, user, why) => {
      const refused = shopBy(way, urlAs(user)).start()
      await expect(refused).rejects.toMatchObject({ ...useless, message: expect.stringMatching(why) })
      await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining("geheim") })
    })

    it("in a database that does not exist, or without the encryption that it asks for, is told so for good", async () => {
      const nowhere = urlAs("postgres").replace(/postgres$/, "nowhere")
      await expect(shopBy(way, nowhere).start()).rejects.toMatchObject({
        ...useless,
        message: expect.stringContaining('database "nowhere" does not exist'),
      })
      const encrypted = urlAs("postgres", "?sslmode=require")
      await expect(shopBy(way, encrypted).start()).rejects.toMatchObject({
        ...useless,
        message: expect.stringMatching(/does not (support (TLS|SSL)|encrypt connections)/),
      })
    })
  })
})
