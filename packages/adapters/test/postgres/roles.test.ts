/**
 * The grants of the guide to roles, as they stand there: a shop does everything with them, and nothing that it should not.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { createHoldfast } from "@holdfast/core"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { postgres, postgresSql } from "../../src/postgres/index.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"

const guide = readFileSync(resolve(import.meta.dirname, "../../../../docs/guides/roles.md"), "utf8")

/** The guide's statements, with the names of a test. */
const grantsTo = (role: string, schema: string): string => {
  const sql = /^```sql\n(.*?)^```/ms.exec(guide)?.[1]
  if (sql === undefined) throw new Error("docs/guides/roles.md has no SQL.")
  return sql.replaceAll("shop_app", role).replaceAll("holdfast", schema)
}

describe("a role", () => {
  const { url, server } = serverForFile("roles")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  /** Several statements at once, as psql sends them. */
  const asOwner = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }

  it("given the guide's grants, does all that a shop does; given what is none of its business, is refused by the server", async () => {
    const schema = freshSchema()
    const role = `app_${schema}`
    const address = new URL(url())
    address.username = role
    address.password = "secret"
    await asOwner(`create role ${role} login password 'secret'`)
    try {
      const owners = createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
      await owners.start()
      await owners.stop()
      await asOwner(grantsTo(role, schema))

      const store = postgres({ url: address.href, schema, migrate: "check" })
      const shop = createHoldfast({ store, logger: () => {} })
      await sellEverything(shop)
      const client = new pg.Client({ connectionString: address.href })
      await client.connect()
      await client.query("begin")
      await shop.within(client).points.charge({ accountId: "ann", amount: 1, key: "within" })
      await client.query("commit")
      expect((await shop.audit.run()).ok).toBe(true)
      await shop.stop()

      // Granted again, nothing changes; a default start needs no right to create where everything is in place.
      await asOwner(grantsTo(role, schema))
      const again = createHoldfast({ store: postgres({ url: address.href, schema }), logger: () => {} })
      expect(await again.points.balance("ann")).toBeGreaterThan(0)
      await again.stop()

      for (const forbidden of [
        `update ${schema}.entry set balance = 0`,
        `delete from ${schema}.entry`,
        `update ${schema}.movement set on_hand = 0`,
        `delete from ${schema}.movement`,
        `update ${schema}.receipt set answer = null`,
        `delete from ${schema}.receipt`,
        `delete from ${schema}.orders`,
        `delete from ${schema}.account`,
        `delete from ${schema}.coupon`,
        `truncate ${schema}.outbox`,
        `insert into ${schema}.migration (version, name, minimum_code_version) values (99, 'x', 1)`,
        `create table ${schema}.mine (id int)`,
        `drop table ${schema}.outbox`,
        `drop schema ${schema} cascade`,
      ]) {
        await expect(client.query(forbidden), forbidden).rejects.toMatchObject({ code: "42501" })
      }
      await client.end()
    } finally {
      await asOwner(`drop schema if exists ${schema} cascade`)
      await asOwner(`drop owned by ${role}`)
      await asOwner(`drop role ${role}`)
    }
  })

  it("given a schema that is its own, and no right to create another, brings it up to date", async () => {
    const schema = freshSchema()
    const role = `owner_${schema}`
    const address = new URL(url())
    address.username = role
    address.password = "secret"
    await asOwner(`create role ${role} login password 'secret'; create schema ${schema} authorization ${role}`)
    try {
      const shop = createHoldfast({ store: postgres({ url: address.href, schema }), logger: () => {} })
      await shop.start()
      expect((await shop.audit.run()).ok).toBe(true)
      await shop.stop()
      expect(postgresSql({ schema, after: 1 })).not.toContain("create schema")
    } finally {
      await asOwner(`drop schema if exists ${schema} cascade; drop owned by ${role}; drop role ${role}`)
    }
  })
})

/** Every call of a shop, and a subscription that fails once. */
const sellEverything = async (shop: ReturnType<typeof createHoldfast>): Promise<void> => {
  let fails = true
  await shop.events.subscribe(
    "mail",
    async (event) => {
      if (fails && event.type === "points.charged") throw new Error("no mail today")
    },
    { attempts: 1 },
  )
  const ann = { accountId: "ann" }
  await shop.points.open(ann)
  await shop.points.charge({ ...ann, amount: 10_000, key: "1" })
  await shop.points.adjust({ ...ann, change: -1, key: "2" })
  await shop.points.suspend(ann)
  await shop.points.resume(ann)
  await shop.stock.register({ productId: "tee", name: "Tee", price: 100, onHand: 9 })
  await shop.stock.restock({ productId: "tee", quantity: 1, key: "3" })
  await shop.stock.adjust({ productId: "tee", change: -1, key: "4" })
  await shop.stock.changePrice({ productId: "tee", price: 90 })
  await shop.stock.rename({ productId: "tee", name: "Tee, blue" })
  await shop.coupons.createCampaign({ campaignId: "c", name: "C", discount: { type: "flat", amount: 5 }, limit: 3 })
  await shop.coupons.pauseCampaign({ campaignId: "c" })
  await shop.coupons.openCampaign({ campaignId: "c" })
  await shop.coupons.changeLimit({ campaignId: "c", limit: 4 })
  await shop.coupons.issue({ campaignId: "c", ...ann })
  const place = (key: string, more: object = {}) =>
    shop.orders.place({ ...ann, lines: [{ productId: "tee", quantity: 1 }], key, ...more })
  const placed = await place("5", { campaignId: "c", reference: "r", metadata: { gift: true } })
  await shop.orders.cancel({ ...ann, orderId: placed.orderId, key: "6" })
  await shop.orders.complete({ orderId: (await place("7")).orderId })
  expect(await place("5", { campaignId: "c", reference: "r" })).toMatchObject({ replayed: true })
  await shop.coupons.revoke({ campaignId: "c", ...ann })
  await shop.coupons.closeCampaign({ campaignId: "c" })
  expect((await shop.popularity.top()).products).toHaveLength(1)
  await shop.points.entries(ann)
  await shop.stock.movements({ productId: "tee" })
  await shop.orders.byReference({ reference: "r" })
  await shop.coupons.ofCampaign({ campaignId: "c" })
  await shop.outcome({ operation: "orders.place", key: "5" })
  await shop.events.settled("mail")
  const [parked] = (await shop.events.parked({ name: "mail" })).items
  fails = false
  await shop.events.redeliver({ name: "mail", position: String(parked?.position) })
  await shop.events.settled("mail")
  expect((await shop.events.depth("mail")).parked).toBe(0)
  await shop.events.unregister("mail")
  await shop.stock.retire({ productId: "tee" })
  expect((await shop.health()).status).toBe("ok")
}
