/**
 * A host under Express 5 that keeps its own tables with Drizzle, on the packed packages: an order and the host's own row are
 * one transaction, and the rest of the shop is served beside its own routes.
 */
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, installHost } from "../../../core/test/packaging/host.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const minute = 60_000

const source = (url: string, schema: string) => `
  import { createHoldfast, isHoldfastError } from "@holdfast/core"
  import { postgres } from "@holdfast/adapters/postgres"
  import { shopHandler } from "@holdfast/http"
  import { holdfastClient } from "@holdfast/http/client"
  import { toNodeHandler } from "@holdfast/http/node"
  import { drizzle } from "drizzle-orm/node-postgres"
  import { pgSchema, text } from "drizzle-orm/pg-core"
  import express from "express"
  import pg from "pg"

  const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)} })
  const shop = createHoldfast({ store: postgres({ pool, schema: ${JSON.stringify(schema)} }) })
  await shop.stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 2 })
  await shop.points.open({ accountId: "ann" })
  await shop.points.charge({ accountId: "ann", amount: 50, key: "top-up" })

  const own = pgSchema(${JSON.stringify(`${schema}_own`)})
  const shipments = own.table("shipment", { orderId: text("order_id").primaryKey(), carrier: text().notNull() })
  const db = drizzle(pool)
  await db.execute('create schema ${schema}_own')
  await db.execute('create table ${schema}_own.shipment (order_id text primary key, carrier text not null)')

  const app = express()
  const resolveCaller = ({ headers }) => {
    const id = headers.get("x-user")
    return id === null ? undefined : { id }
  }
  app.use("/shop", toNodeHandler(shopHandler(shop, { resolveCaller })))
  app.use(express.json())
  // An order with a shipment of the host's own. Express 5 hands what is thrown to its error handler.
  app.post("/ship", async (request, response) => {
    const { key, carrier } = request.body
    const order = await db.transaction(async (tx) => {
      const placed = await shop.within(tx).orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key })
      await tx.insert(shipments).values({ orderId: placed.orderId, carrier })
      return placed
    })
    response.status(201).json({ paid: order.paid })
  })
  app.use((error, _request, response, _next) => {
    response.status(isHoldfastError(error) ? 409 : 500).json({ code: error.code ?? "HOST" })
  })
  const server = app.listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  const base = "http://127.0.0.1:" + server.address().port
  const ship = async (key, carrier) => {
    const headers = { "content-type": "application/json" }
    const response = await fetch(base + "/ship", { method: "POST", headers, body: JSON.stringify({ key, carrier }) })
    const body = await response.json()
    return response.status + " " + (body.paid ?? body.code)
  }
  const say = (...words) => console.log(...words)
  say("host's row fails:", await ship("1", null))
  say("both:", await ship("1", "Heron"))
  const client = holdfastClient({ baseUrl: base + "/shop", headers: { "x-user": "ann" } })
  const bought = await client.orders.place({ userId: "ann", orderItems: [{ productId: "tee", quantity: 1 }], key: "2" })
  say("over HTTP:", bought.paidAmount)
  say("sold out:", await ship("3", "Heron"))
  const { orderId, carrier } = (await db.select().from(shipments))[0]
  say("shipped:", carrier, (await shop.orders.get(orderId)).paid, (await db.select().from(shipments)).length)
  say("left:", (await shop.stock.product("tee")).onHand, (await shop.points.balance("ann")), (await shop.audit.run()).ok)
  server.close()
  await shop.stop()
  await pool.end()`

describe("an Express 5 and Drizzle host on the packed packages", () => {
  const { url, server } = serverForFile("Express and Drizzle")
  let host: Host | undefined
  beforeAll(async () => {
    host = await installHost(["adapters", "http", "core"], ["pg@8.23.1", "express@5.3.0", "drizzle-orm@0.45.4"])
  }, 10 * minute)
  afterAll(() => host?.remove(), minute)

  it("places an order and a row of the host's in one transaction, or neither", { timeout: 3 * minute }, async ({
    skip,
  }) => {
    if (host === undefined || server() === undefined) return skip()
    const schema = freshSchema()
    try {
      expect((await host.node("host.mjs", source(url(), schema))).trim().split("\n")).toEqual([
        expect.stringMatching(/^host's row fails: 500 /),
        "both: 201 5",
        "over HTTP: 5",
        "sold out: 409 OUT_OF_STOCK",
        "shipped: Heron 5 1",
        expect.stringMatching(/^left: 0 .*40.* true$/s),
      ])
    } finally {
      await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
      await Effect.runPromise(query(url(), `drop schema if exists ${schema}_own cascade`))
    }
  })
})
