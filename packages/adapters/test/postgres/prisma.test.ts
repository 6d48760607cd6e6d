/**
 * Prisma's own models beside the shop, in one of its interactive transactions. The stories of every library, Prisma among
 * them, are in within.test.ts.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { type PrismaClient, prismaOn } from "../support/prisma.ts"
import { furnishShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("a transaction of Prisma", () => {
  const { url, server } = serverForFile("Prisma's models")
  const schema = freshSchema()
  let prisma: PrismaClient
  let shop: Shop
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  beforeAll(async () => {
    if (server() === undefined) return
    shop = createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
    await furnishShop(shop, { accounts: 1, products: 1, onHand: 5 })
    await Effect.runPromise(
      query(url(), `create table ${schema}.shipment (order_id text primary key, carrier text not null)`),
    )
    prisma = prismaOn(url(), schema)
  })
  afterAll(async () => {
    if (server() === undefined) return
    await prisma.$disconnect()
    await shop.stop()
    await Effect.runPromise(query(url(), `drop schema ${schema} cascade`))
  })

  const order = (key: string) => ({ accountId: "account-0", lines: [{ productId: "product-0", quantity: 1 }], key })
  const kept = async () => [await prisma.shipment.count(), (await shop.stock.product("product-0")).onHand]

  it("given an order and a row of a model, keeps both or neither", async () => {
    const placed = await prisma.$transaction(async (tx) => {
      const { orderId } = await shop.within(tx).orders.place(order("kept"))
      await tx.shipment.create({ data: { orderId, carrier: "Heron" } })
      return orderId
    })
    expect((await shop.orders.get(placed)).state).toBe("placed")
    expect(await kept()).toEqual([1, 4])

    const undone = prisma.$transaction(async (tx) => {
      const { orderId } = await shop.within(tx).orders.place(order("undone"))
      await tx.shipment.create({ data: { orderId, carrier: "Heron" } })
      throw new Error("the carrier has gone home")
    })
    await expect(undone).rejects.toThrow("the carrier has gone home")
    expect(await kept()).toEqual([1, 4])

    const clashes = prisma.$transaction(async (tx) => {
      await shop.within(tx).orders.place(order("undone"))
      await tx.shipment.create({ data: { orderId: placed, carrier: "twice" } })
    })
    await expect(clashes).rejects.toMatchObject({ code: "P2002" })
    expect(await kept()).toEqual([1, 4])
  })

  it("given a refusal of the shop, goes on with its own rows", async () => {
    const before = await kept()
    await prisma.$transaction(async (tx) => {
      const refused = await shop.within(tx).safe.orders.place({
        ...order("too-many"),
        lines: [{ productId: "product-0", quantity: 99 }],
      })
      expect(refused).toMatchObject({ ok: false, error: { code: "OUT_OF_STOCK" } })
      await tx.shipment.create({ data: { orderId: "none", carrier: "Heron" } })
    })
    expect(await kept()).toEqual([Number(before[0]) + 1, before[1]])
  })
})
