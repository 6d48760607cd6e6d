/**
 * Coupons on PostgreSQL: what is issued is a row under unique keys, counted in its own
 * commit, and no second book exists that could be older or newer.
 */

import { privateServer } from "@holdfast/test-services"
import { each, furnish, names } from "@holdfast/test-services/furnish"
import { describe, expect, it } from "vitest"
import { shopOn, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

const campaignId = "spring"

describe("coupons on PostgreSQL", () => {
  const { url, ask, schema, open, proxied } = shopsForFile("defects of coupons")
  const furnishWith = (shop: TestShop, accounts: number, limit: number): Promise<void> =>
    furnish(shop, {
      accounts: each(names("a", accounts), 100),
      products: { tea: { price: 10, onHand: 5 } },
      campaigns: { [campaignId]: { discount: { type: "flat", amount: 2 }, limit } },
    })
  const issue = (shop: TestShop, n: number, key = `issue-${n}`) =>
    shop.coupons.issue({ accountId: `a${n}`, campaignId, key })
  const tickets = async (shop: TestShop): Promise<ReadonlyArray<number>> =>
    (await shop.coupons.ofCampaign({ campaignId, limit: 1_000 })).items.map(({ ticket }) => ticket)
  const upTo = (last: number): ReadonlyArray<number> => Array.from({ length: last }, (_, n) => n + 1)

  it("SB-08: a request for a coupon that is delivered ten times, to two processes, is one coupon", async () => {
    const name = schema()
    const shops = [open(url(), name), open(url(), name)] as const
    await furnishWith(shops[0], 20, 100)
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => issue(shops[n % 2 === 0 ? 0 : 1], Math.floor(n / 10))),
    )
    expect(new Set(answers.map(({ accountId, ticket }) => `${accountId} ${ticket}`)).size).toBe(20)
    expect(answers.filter(({ replayed }) => !replayed).length).toBe(20)
    expect(await tickets(shops[0])).toEqual(upTo(20))
    const copy = `insert into ${name}.coupon select * from ${name}.coupon where account_id = 'a0'`
    await expect(ask(copy)).rejects.toThrow()
    expect((await shops[0].audit.run()).ok).toBe(true)
  })

  it("SB-10: a connection that is lost after the commit takes no coupon back, and the limit holds", async () => {
    const proxy = await proxied()
    const name = schema()
    const shop = open(proxy.url, name)
    await furnishWith(shop, 30, 12)
    const lost = proxy.loseCommit()
    const first = Promise.all(Array.from({ length: 8 }, (_, n) => issue(shop, n)))
    await lost
    const issued = await first
    // Another shop, as after a restart, hears of the same calls again, and of everybody else's.
    const next = open(url(), name)
    expect(await Promise.all(issued.map((_, n) => issue(next, n)))).toMatchObject(
      issued.map(({ ticket }) => ({ ticket, replayed: true })),
    )
    const others = await Promise.allSettled(Array.from({ length: 22 }, (_, n) => issue(next, 8 + n)))
    expect(others.filter(({ status }) => status === "fulfilled").length).toBe(4)
    expect(await tickets(next)).toEqual(upTo(12))
    expect((await next.audit.run()).ok).toBe(true)
  })

  it("SB-11: what is given back is given back once, however often and by however many processes", async () => {
    const name = schema()
    const shops = [open(url(), name), open(url(), name)] as const
    const [shop] = shops
    await furnishWith(shop, 3, 2)
    await issue(shop, 0)
    await issue(shop, 1)
    const lines = [{ productId: "tea", quantity: 2 }]
    const { orderId } = await shop.orders.place({ accountId: "a0", lines, campaignId, key: "cart" })
    const ten = Array.from({ length: 10 }, (_, n) => n)
    const cancels = await Promise.all(
      ten.map((n) => shops[n % 2 === 0 ? 0 : 1].orders.cancel({ accountId: "a0", orderId, key: `cancel-${n}` })),
    )
    expect(cancels.filter(({ replayed }) => !replayed).length).toBe(1)
    expect(await shop.points.balance("a0")).toBe(100)
    expect((await shop.stock.product("tea")).onHand).toBe(5)
    expect(await shop.coupons.coupon({ accountId: "a0", campaignId })).toMatchObject({ state: "issued" })
    await Promise.all(
      ten.map((n) => shops[n % 2 === 0 ? 0 : 1].coupons.revoke({ accountId: "a1", campaignId, key: `revoke-${n}` })),
    )
    // Neither gave a place back: both were issued, and there are two.
    await expect(issue(shop, 2)).rejects.toMatchObject({ code: "COUPONS_SOLD_OUT" })
    expect((await shop.coupons.campaign(campaignId)).issued).toBe(2)
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("SB-18: after a crash of the server the count of a campaign and its owners are of one age, and whole", async (context) => {
    const server = await privateServer("a crash in the middle of a campaign")
    if (server === undefined) return context.skip("no PostgreSQL here")
    const shop = shopOn(server.url, "shop")
    await furnishWith(shop, 150, 100)
    const answered = new Map<number, number>()
    const twenty = Promise.withResolvers<void>()
    // Eight at a time, so that most have not called yet when the server goes down.
    const issues = Array.from({ length: 8 }, async (_, caller) => {
      for (let n = caller; n < 150; n += 8) {
        await issue(shop, n).then(
          ({ ticket }) => answered.set(n, ticket),
          (error) => expect(error.code).toBe("COUPONS_SOLD_OUT"),
        )
        if (answered.size >= 20) twenty.resolve()
      }
    })
    await twenty.promise
    await server.kill()
    const before = new Map(answered)
    await server.restart()
    await Promise.all(issues)
    const { items } = await shop.coupons.ofCampaign({ campaignId, limit: 1_000 })
    expect(items.map(({ ticket }) => ticket)).toEqual(upTo(100))
    expect((await shop.coupons.campaign(campaignId)).issued).toBe(100)
    for (const [n, ticket] of before) expect(items[ticket - 1]?.accountId).toBe(`a${n}`)
    expect((await shop.audit.run()).ok).toBe(true)
    await shop.stop()
    await server.stop()
  })
})
