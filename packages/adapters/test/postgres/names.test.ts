/**
 * A schema of any legal name is used as it is, on every way to it: nothing in a name means anything.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast, type StoreOption } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { archive as archivePglite, pglite } from "../../src/pglite/index.ts"
import { archive, postgres, postgresSql } from "../../src/postgres/index.ts"
import { librariesOnServer } from "../support/handles.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { query, serverForFile } from "../support/stores.ts"

const names = [
  "pay$$me",
  "a$&b$'c$`d",
  "$1 and $2?",
  'a"b""c',
  "o'clock",
  "상점",
  "Shop",
  "a.b@.c",
  "-- no; comment",
  "back\\slash",
  `line
break`,
  `shop_${"x".repeat(58)}`,
]
const quoted = (name: string): string => `"${name.split('"').join('""')}"`

/** A shop that sells, is read, is audited and starts again, all in a schema of this name. */
const lives = async (store: () => StoreOption): Promise<void> => {
  const shop = createHoldfast({ store: store(), workers: false, logger: () => {} })
  await furnishShop(shop, { accounts: 2, products: 1, onHand: 5 })
  await buy(shop, 0, 0, "one")
  expect((await shop.stock.product("product-0")).onHand).toBe(4)
  expect((await shop.audit.run()).ok).toBe(true)
  await shop.stop()
  const again = createHoldfast({ store: store(), workers: false, logger: () => {} })
  expect(await buy(again, 0, 0, "one")).toMatchObject({ replayed: true })
  await again.stop()
}

describe("on a server", () => {
  const { url, server } = serverForFile("names")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url(), sql, params))
  const schemas = async () => (await ask("select nspname from pg_namespace")).map(({ nspname }) => nspname)
  const drop = (name: string) => ask(`drop schema if exists ${quoted(name)} cascade`)

  it.each(names)("a schema named %j is that schema, by url and through a pool", async (schema) => {
    const pool = new pg.Pool({ connectionString: url() })
    try {
      const before = await schemas()
      await lives(() => postgres({ url: url(), schema }))
      expect((await schemas()).filter((name) => !before.includes(name))).toEqual([schema])
      await archive({ url: url(), schema, keepDays: 1 })
      await drop(schema)
      await lives(() => postgres({ pool, schema }))
      expect((await schemas()).filter((name) => !before.includes(name))).toEqual([schema])
      // The message names it as a shell and as a program would.
      const other = `${schema.slice(0, 30)}$'`
      const refused = createHoldfast({ store: postgres({ url: url(), schema: other, migrate: "check" }) })
      await expect(refused.start()).rejects.toThrow(JSON.stringify(other))
      await refused.stop()
    } finally {
      await drop(schema)
      await pool.end()
    }
  })

  it.each(names)("the SQL for other migration tools makes a schema named %j", async (schema) => {
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    await client.query(postgresSql({ schema }))
    await client.end()
    try {
      await lives(() => postgres({ url: url(), schema, migrate: "check" }))
    } finally {
      await drop(schema)
    }
  })

  it("shops whose names are the same in their first 62 bytes are two shops", async () => {
    const [one, two] = ["a", "b"].map((end) => `${"x".repeat(62)}${end}`)
    const shops = [one, two].map((schema) =>
      createHoldfast({ store: postgres({ url: url(), schema }), logger: () => {} }),
    )
    await shops[0]?.points.open({ accountId: "ann" })
    await expect(shops[1]?.points.balance("ann")).rejects.toMatchObject({ code: "ACCOUNT_NOT_FOUND" })
    await Promise.all(shops.map((shop) => shop.stop()))
    for (const schema of [one, two]) await drop(String(schema))
  })

  it.each(librariesOnServer)("a transaction of %s is joined in schemas of odd names", async (_, libraryOf) => {
    const library = libraryOf(url())
    try {
      for (const schema of ["pay$1$$me?", 'a"$2"?b', "상점?"]) {
        const shop = createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
        await furnishShop(shop, { accounts: 2, products: 1, onHand: 5 })
        await library.transaction(async ({ handle }) => {
          await buy(Object.assign(shop, shop.within(handle)), 0, 0, "joined")
        })
        expect((await shop.outcome({ operation: "orders.place", key: "joined" })).status).toBe("accepted")
        await shop.stop()
        await drop(schema)
      }
    } finally {
      await library.close()
    }
  })
})

describe("on PGlite", () => {
  let database: PGlite
  beforeAll(async () => {
    database = await PGlite.create()
  })
  afterAll(() => database.close())

  it.each(names)("a schema named %j is that schema", async (schema) => {
    await lives(() => pglite({ database, schema }))
    await archivePglite({ database, schema, keepDays: 1 })
    await database.exec(`drop schema ${quoted(schema)} cascade`)
  })
})
