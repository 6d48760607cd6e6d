/**
 * A database that is not UTF-8 is refused at the start, and text is UTF-8 on its way.
 */
import { createHoldfast } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { onSession } from "../../src/cli/connect.ts"
import { postgres } from "../../src/postgres/index.ts"
import { migrate } from "../../src/postgres/schema/migrate.ts"
import { furnishShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("on a server", () => {
  const { url, server } = serverForFile("encodings")
  const cleanUps: Array<() => unknown> = []
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const ask = (sql: string) => Effect.runPromise(query(url(), sql))
  const shopOn = (store: Parameters<typeof postgres>[0]) => {
    const shop = createHoldfast({ store: postgres(store), workers: false, logger: () => {} })
    cleanUps.push(() => shop.stop())
    return shop
  }
  const schemaHere = (): string => {
    const schema = freshSchema()
    cleanUps.push(() => ask(`drop schema if exists ${schema} cascade`))
    return schema
  }
  const poolOf = (options: pg.PoolConfig = {}): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url(), ...options })
    cleanUps.push(() => pool.end())
    return pool
  }

  it.each(["EUC_KR", "LATIN1", "SQL_ASCII"])(
    "a database encoded as %s is refused on every way to it",
    async (encoding) => {
      const name = freshSchema()
      await ask(`create database ${name} encoding '${encoding}' template template0 lc_collate 'C' lc_ctype 'C'`)
      cleanUps.push(() => ask(`drop database ${name}`))
      const at = Object.assign(new URL(url()), { pathname: `/${name}` }).href
      const refused = {
        code: "STORE_REJECTED",
        retryable: false,
        message: expect.stringMatching(
          new RegExp(`"${name}" is encoded as ${encoding}.*encoding 'UTF8' template template0`),
        ),
      }
      for (const mode of ["auto", "check", "off"] as const)
        await expect(shopOn({ url: at, migrate: mode }).start()).rejects.toMatchObject(refused)
      await expect(shopOn({ pool: poolOf({ connectionString: at }) }).start()).rejects.toMatchObject(refused)
      // What `doctor` and `migrate` of the command line ask.
      const asked = onSession({ url: at }, "read", (wire) => migrate(wire, "holdfast", "check"))
      await expect(asked).rejects.toThrow(`encoded as ${encoding}`)
    },
  )

  it("a pool whose sessions have another client_encoding is refused", async () => {
    const pool = poolOf()
    pool.on("connect", (client) => void client.query("set client_encoding = 'LATIN1'"))
    await expect(shopOn({ pool, schema: schemaHere() }).start()).rejects.toMatchObject({
      code: "STORE_REJECTED",
      message: expect.stringContaining("client_encoding LATIN1"),
    })
  })

  it.each(["url", "pool"] as const)("a role or an option that asks for another changes nothing, by %s", async (way) => {
    const role = freshSchema()
    const schema = schemaHere()
    await ask(`create role ${role} login superuser`)
    cleanUps.push(() => ask(`drop role ${role}`))
    await ask(`alter role ${role} set client_encoding = 'LATIN1'`)
    const at = Object.assign(new URL(url()), { username: role }).href
    const shop = shopOn(way === "url" ? { url: at, schema } : { pool: poolOf({ connectionString: at }), schema })
    const name = "티셔츠 🛍️ é"
    await shop.stock.register({ productId: "tee", name, price: 1, onHand: 1, key: "k" })
    expect((await shop.stock.product("tee")).name).toBe(name)
    await shop.stop()
    expect(await ask(`select name from ${schema}.product`)).toEqual([{ name }])
    await ask(`reassign owned by ${role} to postgres`)
  })

  it("a transaction with another client_encoding is not joined, and stays usable", async () => {
    const shop = shopOn({ url: url(), schema: schemaHere() })
    await furnishShop(shop, { accounts: 1, products: 1 })
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    cleanUps.push(() => client.end())
    await client.query("begin")
    await client.query("set local client_encoding = 'LATIN1'")
    await expect(shop.within(client).points.balance("account-0")).rejects.toMatchObject({
      code: "JOIN_NOT_SUPPORTED",
      message: expect.stringContaining("client_encoding LATIN1"),
    })
    await client.query("set local client_encoding = 'UTF8'")
    expect(await shop.within(client).points.balance("account-0")).toBe(1_000_000)
    await client.query("commit")
  })
})
