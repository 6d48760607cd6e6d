/**
 * The SQL of the handbook, as it stands there, on a shop that has everything in it.
 */
import { readdirSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { createHoldfast } from "@holdfast/core"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"

const handbook = resolve(import.meta.dirname, "../../../../docs/operations")

const sqlOf = (page: string): ReadonlyArray<string> =>
  Array.from(readFileSync(resolve(handbook, page), "utf8").matchAll(/^```sql\n(.*?)^```/gms), ([, sql = ""]) => sql)

describe("the handbook", () => {
  const { url, server } = serverForFile("the handbook")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const withShop = async (
    use: (context: { schema: string; shop: ReturnType<typeof createHoldfast>; db: pg.Client }) => Promise<void>,
  ) => {
    const schema = freshSchema()
    const shop = createHoldfast({ store: postgres({ url: url(), schema }), logger: () => {} })
    const db = new pg.Client({ connectionString: url() })
    await db.connect()
    try {
      await shop.points.open({ accountId: "ann" })
      await shop.points.charge({ accountId: "ann", amount: 100, key: "c" })
      await shop.stock.register({ productId: "tee", name: "Tee", price: 1, onHand: 10 })
      await use({ schema, shop, db })
    } finally {
      await shop.stop()
      await db.end()
    }
  }

  it("has SQL that runs", () =>
    withShop(async ({ schema, db }) => {
      const blocks = readdirSync(handbook).flatMap((page) => sqlOf(page).map((sql) => [page, sql] as const))
      expect(blocks.length).toBeGreaterThan(4)
      for (const [page, sql] of blocks) {
        const here = sql.replaceAll(/\bholdfast\./g, `${schema}.`).replaceAll("'holdfast'", `'${schema}'`)
        await db.query(here).catch((error) => expect.fail(`${page}: ${error.message}\n${here}`))
      }
    }))

  it("erases what a host wrote about a person, and the books stay right", () =>
    withShop(async ({ schema, shop, db }) => {
      const lines = [{ productId: "tee", quantity: 1 }]
      const order = { accountId: "ann", lines, reference: "ann@example.org", metadata: { street: "Elm" }, key: "o" }
      const { orderId } = await shop.orders.place(order)
      const [erase = ""] = sqlOf("people.md")
      await db.query(erase.replaceAll("holdfast.", `${schema}.`))
      const { rows } = await db.query(`select o::text from ${schema}.orders o`)
      expect(JSON.stringify(rows)).not.toMatch(/ann@example|Elm/)
      expect(await shop.orders.get(orderId)).toMatchObject({ paid: 1 })
      // The key still stands for this order, and nothing is sold twice.
      await expect(shop.orders.place(order)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" })
      expect((await shop.stock.product("tee")).onHand).toBe(9)
      expect(await shop.audit.run()).toMatchObject({ ok: true })
    }))
})
