import { privateServer, type Server } from "@holdfast/test-services"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Ending } from "../src/ending.ts"
import { BenchDatabase, furnishAccounts, furnishProducts } from "../src/postgres/BenchDatabase.ts"
import { Acknowledged, addsUp, recount } from "../src/postgres/recount.ts"
import { Sales } from "../src/postgres/Sales.ts"
import { orderFunction, textbookOrders } from "../src/postgres/textbook/orders.ts"
import { claimInteractively } from "../src/postgres/textbook/others.ts"
import { loadScenarios } from "../src/registry.ts"

let server: Server | undefined
const ending = new Ending()
const said: Array<string> = []
const context = () => ({
  quick: true,
  tiny: true,
  url: server?.url,
  progress: (text: string) => said.push(text),
  atEnd: ending.later,
})

beforeAll(async () => {
  server = await privateServer("the bench on PostgreSQL")
})
afterAll(async () => {
  await ending.now(() => {})
  await server?.stop()
})

describe("a tiny run adds up and gives every ratio", async () => {
  const onPostgres = Array.from((await loadScenarios()).values()).filter(({ about }) => about.includes("on PostgreSQL"))
  test.each(onPostgres.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
    if (server === undefined) return
    const { ratios, audit, plots } = await scenario.run(context())
    expect(audit.ok, said.join("\n")).toBe(true)
    expect(Object.keys(ratios).length).toBeGreaterThan(0)
    // Null is for what is missing here, and was said. So short a time may end before anything was done in it, which is nought
    // or no number.
    for (const ratio of Object.values(ratios)) {
      if (ratio === null) expect(said.join("\n")).toContain("LEFT OUT")
      else expect(ratio).not.toBeLessThan(0)
    }
    expect(plots?.length).toBeGreaterThan(0)
    await ending.now((text) => expect.fail(text))
  })
})

describe("the recount", () => {
  test("finds what is wrong, and nothing where all is right", async (test) => {
    test.skip(server === undefined, "no PostgreSQL here")
    const database = await BenchDatabase.open(context())
    const { ask } = database.control
    const s = database.schema
    const shop = await database.openShop()
    for (const prefix of ["", "text-"]) {
      await furnishAccounts(shop, `${prefix}account-`, 2)
      await furnishProducts(shop, `${prefix}product-`, 2)
    }
    const discount = { type: "flat", amount: 1 } as const
    await shop.coupons.createCampaign({ campaignId: "c", name: "C", discount, limit: 5 })
    await ask(orderFunction(s, database.ownSchema))
    const acknowledged = new Acknowledged()
    const lines = () => [{ productId: "product-0", quantity: 2 }]
    const sales = new Sales(acknowledged, { accounts: 2, lines })
    for (let n = 0; n < 3; n++) await sales.ours(shop)()
    for (const way of Object.values(textbookOrders(s, database.ownSchema))) await sales.textbook(way)(ask)
    const claim = { campaignId: "c", accountId: "account-0", commandId: "t" }
    const ticket = await claimInteractively(ask, s, claim)
    acknowledged.claims.push(["c", "account-0", String(ticket)])
    const charge = await shop.points.charge({ accountId: "account-1", amount: 5, key: "more" })
    acknowledged.charges.push(["more", String(charge.balance), String(charge.seq)])
    // Five ways of the textbook and three orders of ours: the shop's own audit vouches for the rows of both.
    expect(acknowledged.orders.length).toBe(8)
    expect(await addsUp(database, shop, acknowledged, context()), said.join("\n")).toBe(true)

    const complaintsAfter = async (change: string) => {
      await ask("begin")
      await ask(change)
      const complaints = await recount(database, acknowledged)
      await ask("rollback")
      return complaints.join("; ")
    }
    for (const [change, complaint] of [
      [`update ${s}.product set on_hand = on_hand + 1 where product_id = 'product-0'`, /movements add up/],
      [`delete from ${s}.movement where type = 'sale' and revision = 2`, /units of the orders/],
      [`update ${s}.bucket set sold = sold + 1`, /buckets/],
      [`update ${s}.account set balance = balance - 1`, /entries add up/],
      [`update ${s}.orders set paid = paid - 1, discount = 1, campaign_id = 'c' where order_id = 't3'`, /paid once/],
      [`delete from ${s}.orders where key = 'ours-0'`, /of 8 acknowledged orders 7 are there/],
      [
        `update ${s}.orders set (scope, key, fingerprint) = row (null, null, null) where key = 'ours-0'`,
        /has one receipt/,
      ],
      [`update ${s}.entry set (scope, key, fingerprint) = row (null, null, null)`, /a charge has one receipt/],
      [`update ${s}.entry set balance = balance + 1 where key = 'more'`, /of 1 acknowledged charges 0 are there/],
      [`update ${s}.campaign set issued = 2`, /tickets from 1/],
      [`update ${s}.coupon set ticket = 2`, /of 1 acknowledged claims 0 are there/],
      [`update ${s}.coupon set (scope, key, fingerprint) = row (null, null, null)`, /a coupon has one receipt/],
    ] as const) {
      expect(await complaintsAfter(change), change).toMatch(complaint)
    }
    expect(await recount(database, acknowledged)).toEqual([])
    await ending.now((text) => expect.fail(text))
  })
})
