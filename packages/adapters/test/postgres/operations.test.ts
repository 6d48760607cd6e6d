/**
 * The SQL of the handbook, as it stands there, on a shop that has everything in it.
 */
import { readdirSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { createHoldfast } from "@holdfast/core"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { archive, postgres, postgresRequests } from "../../src/postgres/index.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"

const handbook = resolve(import.meta.dirname, "../../../../docs/operations")

const sqlOf = (page: string): ReadonlyArray<string> =>
  Array.from(readFileSync(resolve(handbook, page), "utf8").matchAll(/^```sql\n(.*?)^```/gms), ([, sql = ""]) => sql)

describe("the handbook", () => {
  const { url, server } = serverForFile("the handbook")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const withShop = async (
    use: (context: { schema: string; shop: ReturnType<typeof createHoldfast>; db: pg.Client }) => Promise<void>,
    clock = Date.now,
  ) => {
    const schema = freshSchema()
    const shop = createHoldfast({ store: postgres({ url: url(), schema }), clock, logger: () => {} })
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

  it("counts the connections of a shop that does everything at once", async () => {
    const counted = async (most: number, requests: boolean) => {
      const [schema, name] = [freshSchema(), freshSchema()]
      const at = new URL(url())
      at.searchParams.set("application_name", name)
      // Within a transaction a server shows the sessions of one moment.
      const [db, holder] = [new pg.Client({ connectionString: url() }), new pg.Client({ connectionString: url() })]
      await Promise.all([db.connect(), holder.connect()])
      // Batches that lock first keep their sessions to the end, as they do wherever several processes want the same rows.
      const shop = createHoldfast({
        store: postgres({ url: at.href, schema, path: "locked" }),
        ...(requests && { requests: postgresRequests({ url: at.href, schema }) }),
        deadlineMillis: 60_000,
        logger: () => {},
      })
      try {
        await shop.points.open({ accountId: "ann" })
        await shop.coupons.createCampaign({
          campaignId: "c",
          name: "C",
          discount: { type: "flat", amount: 5 },
          limit: 3,
        })
        await shop.events.subscribe("mail", () => {})
        if (requests) {
          const { requestId } = await shop.coupons.request({ campaignId: "c", accountId: "ann" })
          await expect.poll(async () => (await shop.coupons.requested(requestId)).state).toBe("issued")
        }
        const asks = [shop.points.entries({ accountId: "ann" }), shop.points.balance("ann"), shop.health()]
        await Promise.all([...asks, shop.audit.run()])
        const opened = async () =>
          (await db.query("select from pg_stat_activity where application_name = $1", [name])).rows.length
        // What waits for a key that is held needs a session beside the lanes, where both have something to do.
        const others = Array.from({ length: 40 }, (_, n) => `other-${n}`)
        await Promise.all(others.map((accountId) => shop.points.open({ accountId })))
        await holder.query(`begin; update ${schema}.account set version = version where account_id = 'ann'`)
        const held = shop.points.charge({ accountId: "ann", amount: 1, key: "held" })
        let isOver = false
        const charges = others.map(async (accountId) => {
          for (let n = 0; !isOver; n++) await shop.points.charge({ accountId, amount: 1, key: `${accountId} ${n}` })
        })
        await expect
          .poll(opened, { timeout: 20_000 })
          .toBeGreaterThanOrEqual(most)
          .finally(() => {
            isOver = true
          })
        await Promise.all(charges)
        await holder.query("rollback")
        await held
        return await opened()
      } finally {
        await holder.end()
        await shop.stop()
        await db.query(`drop schema ${schema} cascade`)
        await db.end()
      }
    }
    const page = readFileSync(resolve(handbook, "sizing.md"), "utf8")
    const [, own, withRequests] = /max_connections ≥ (\d+) \(or (\d+)\) × processes/.exec(page) ?? []
    expect(await counted(Number(own), false)).toBe(Number(own))
    expect(await counted(Number(withRequests), true)).toBe(Number(withRequests))
  })

  it("shows who holds a key, every time that it is asked", () =>
    withShop(async ({ schema, shop, db }) => {
      const holder = new pg.Client({ connectionString: url(), application_name: "a job" })
      await holder.connect()
      try {
        await holder.query(`begin; update ${schema}.product set version = version`)
        const sold = shop.orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key: "o" })
        const ask = sqlOf("runbooks.md").find((sql) => sql.includes("pg_locks")) ?? ""
        const here = ask.replaceAll("'holdfast'", `'${schema}'`)
        for (let n = 0; n < 20; n++) {
          const [oldest] = (await db.query(here)).rows
          expect(oldest).toMatchObject({ application_name: "a job", state: "idle in transaction" })
          await new Promise((later) => setTimeout(later, 20))
        }
        await holder.query("rollback")
        await sold
      } finally {
        await holder.end()
      }
    }))

  it("erases what a host wrote about a person, and the books stay right", () => {
    let daysAgo = 200
    return withShop(
      async ({ schema, shop, db }) => {
        const lines = [{ productId: "tee", quantity: 1 }]
        const written = { reference: "ann@example.org", metadata: { street: "Elm" } }
        const order = { accountId: "ann", lines, ...written, key: "o" }
        const correction = { accountId: "ann", change: 1, reason: "Ann of Elm street", key: "a" }
        const fails = async (event: unknown) => {
          throw new Error(`no mail for ${JSON.stringify(event)}`)
        }
        await shop.events.subscribe("mail", fails, { attempts: 1 })
        await shop.points.adjust({ ...correction, key: "old" })
        await shop.orders.complete({ orderId: (await shop.orders.place({ ...order, key: "old" })).orderId })
        daysAgo = 0
        const { orderId } = await shop.orders.place(order)
        await shop.points.adjust(correction)
        await shop.events.settled("mail")
        await archive({ url: url(), schema })
        const places = ["entry", "entry_archive", "orders", "orders_archive", "parked", "receipt", "receipt_archive"]
        expect(await placesOf(db, schema, /ann@example|Elm/)).toEqual(places)

        const [erase = ""] = sqlOf("people.md")
        await db.query(erase.replaceAll("holdfast.", `${schema}.`))
        expect(await placesOf(db, schema, /ann@example|Elm/)).toEqual([])
        expect(await shop.orders.get(orderId)).toMatchObject({ paid: 1 })
        expect((await shop.events.parked({ name: "mail" })).items).not.toEqual([])
        // The keys still stand for these calls, and nothing is done twice.
        await expect(shop.orders.place(order)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" })
        await expect(shop.points.adjust(correction)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" })
        expect((await shop.stock.product("tee")).onHand).toBe(8)
        expect(await shop.audit.run()).toMatchObject({ ok: true })
      },
      () => Date.now() - daysAgo * 86_400_000,
    )
  })
})

/** The tables with rows in which there is something. */
const placesOf = async (db: pg.Client, schema: string, what: RegExp): Promise<ReadonlyArray<string>> => {
  const tables = await db.query(
    `select relname from pg_class where relnamespace = $1::regnamespace and relkind = 'r'`,
    [schema],
  )
  const found: Array<string> = []
  for (const { relname } of tables.rows) {
    const { rows } = await db.query(`select t::text from ${schema}.${relname} t`)
    if (what.test(JSON.stringify(rows))) found.push(relname)
  }
  return found.sort()
}
