/**
 * Cheap reads never stand behind dear ones: what is looked up by its key, and probes, are answered while lists wait.
 */
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { furnishShop, shopOn } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("reads on a server", () => {
  const { url, server } = serverForFile("reads apart")
  const cleanUps: Array<() => Promise<unknown>> = []
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url(), sql, params))

  it.each([
    ["popular products", "bucket"],
    ["a page of entries", "entry"],
    ["an audit", "movement"],
  ] as const)("by key, and probes, are answered while %s waits for a lock", async (dear, table) => {
    const schema = freshSchema()
    cleanUps.push(() => ask(`drop schema if exists ${schema} cascade`))
    const shop = shopOn(url(), schema)
    cleanUps.push(() => shop.stop())
    await furnishShop(shop, { accounts: 1, products: 1 })
    const dearRead = {
      "popular products": () => shop.popularity.top(),
      "a page of entries": () => shop.points.entries({ accountId: "account-0" }),
      "an audit": () => shop.audit.run(),
    }[dear]
    // Inside a transaction the server would always tell the same of its sessions.
    const [holder, watcher] = [new pg.Client({ connectionString: url() }), new pg.Client({ connectionString: url() })]
    for (const client of [holder, watcher]) {
      await client.connect()
      cleanUps.push(() => client.end())
    }
    await holder.query("begin")
    await holder.query(`lock table ${schema}.${table} in access exclusive mode`)
    /** Sessions that wait for the table, with the moment since when. */
    const waiting = async (): Promise<ReadonlyArray<string>> => {
      const { rows } = await watcher.query(
        `select a.pid || ' ' || a.query_start as waits from pg_locks l join pg_stat_activity a using (pid)
         where not l.granted and l.relation = '${schema}.${table}'::regclass`,
      )
      return rows.map((row) => row.waits)
    }
    // The server gives a lock up after a second. So on a slow machine the same is tried again with another read.
    let proved = false
    while (!proved) {
      const ended = dearRead().then(
        () => undefined,
        () => undefined,
      )
      let before: ReadonlyArray<string> = []
      while (before.length === 0) before = await waiting()
      const [balance, product, health] = await Promise.all([
        shop.points.balance("account-0"),
        shop.stock.product("product-0"),
        shop.health(),
      ])
      expect([balance, product.onHand, health.store.reachable]).toEqual([1_000_000, 1_000_000, true])
      const still = await waiting()
      proved = before.some((each) => still.includes(each))
      if (!proved) await ended
    }
    await holder.query("rollback")
  })
})
