/**
 * Paging forward through orders while others are placed: none is passed over, whatever got its id before it was committed.
 */
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { shopOn, type TestShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

type Page = { readonly cursor?: string | undefined; readonly limit: number; readonly order: "oldest-first" }

describe("orders on a server", () => {
  const { url, server } = serverForFile("order pages")
  const cleanUps: Array<() => Promise<unknown>> = []
  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url(), sql, params))
  let schema = ""
  let shop: TestShop

  const opened = (): TestShop => {
    const made = shopOn(url(), schema)
    cleanUps.unshift(() => made.stop())
    return made
  }

  beforeEach(async (context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
    cleanUps.push(() => ask(`drop schema if exists ${schema} cascade`))
    shop = opened()
    for (const accountId of ["ann", "bob"]) await shop.points.open({ accountId })
    for (const productId of ["p", "q"]) await shop.stock.register({ productId, name: "Thing", price: 0, onHand: 100 })
  })
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp()
  })

  const clientOf = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url() })
    cleanUps.unshift(() => client.end())
    await client.connect()
    return client
  }
  let keys = 0
  const order = (accountId: string, productId = "p") => ({
    accountId,
    lines: [{ productId, quantity: 1 }],
    reference: "export",
    key: `k${keys++}`,
  })
  const placed = async (accountId: string, productId?: string): Promise<string> =>
    (await shop.orders.place(order(accountId, productId))).orderId
  const referenced = (page: Page) => shop.orders.byReference({ reference: "export", ...page })
  const ofAnn = (page: Page) => shop.orders.ofAccount({ accountId: "ann", ...page })

  /** Whatever follows a cursor. */
  const restOf = async (list: typeof ofAnn, cursor: string | undefined): Promise<ReadonlyArray<string>> => {
    const seen: Array<string> = []
    let next = cursor
    do {
      const page: Awaited<ReturnType<typeof ofAnn>> = await list({ cursor: next, limit: 2, order: "oldest-first" })
      seen.push(...page.items.map(({ orderId }) => orderId))
      next = page.nextCursor
    } while (next !== undefined)
    return seen
  }

  it("a transaction of the host's that placed an order holds back what was committed behind it, and is not passed over", async () => {
    const first = await placed("bob", "q")
    const host = await clientOf()
    await host.query("begin")
    const late = (await shop.within(host).orders.place(order("ann"))).orderId
    const behind = [await placed("bob", "q"), await placed("bob", "q")]
    const page = await referenced({ limit: 10, order: "oldest-first" })
    expect(page.items.map(({ orderId }) => orderId)).toEqual([first])
    // Nothing can be shown yet, and there is more.
    const held = await referenced({ limit: 10, order: "oldest-first", cursor: page.nextCursor })
    expect(held).toEqual({ items: [], nextCursor: page.nextCursor })
    // From the other end nothing is held back.
    const newest = await shop.orders.byReference({ reference: "export", limit: 10 })
    expect(newest.items.map(({ orderId }) => orderId)).toEqual([...behind.toReversed(), first])
    await host.query("commit")
    expect(await restOf(referenced, held.nextCursor)).toEqual([late, ...behind])
    expect((await shop.orders.ofAccount({ accountId: "ann" })).items.map(({ orderId }) => orderId)).toEqual([late])
  })

  it("nothing is held back for ever: a transaction that is rolled back ends it, and an empty first page goes on", async () => {
    const host = await clientOf()
    await host.query("begin")
    await shop.within(host).orders.place(order("ann"))
    const behind = await placed("bob", "q")
    const page = await referenced({ limit: 10, order: "oldest-first" })
    expect(page.items).toEqual([])
    expect(page.nextCursor).toBeTypeOf("string")
    await host.query("rollback")
    expect(await restOf(referenced, page.nextCursor)).toEqual([behind])
  })

  it("an account's list is in the order of commits, whatever the clocks of processes say", async () => {
    const before = [await placed("ann"), await placed("ann")]
    const page = await ofAnn({ limit: 1, order: "oldest-first" })
    // An id of long ago, as a process makes whose clock is behind.
    await ask(`update ${schema}.orders set order_id = '0' || substr(order_id, 2) where order_id = $1`, [
      await placed("ann"),
    ])
    const [newest] = (await shop.orders.ofAccount({ accountId: "ann", limit: 1 })).items
    expect(newest?.orderId.startsWith("0")).toBe(true)
    expect(await restOf(ofAnn, page.nextCursor)).toEqual([before[1], newest?.orderId])
  })

  it("orders of one batch and of one account are numbered one by one, and the account counts them", async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => placed(n % 3 === 0 ? "bob" : "ann", n % 2 === 0 ? "p" : "q")),
    )
    const numbers =
      await ask(`select account_id, array_agg(number order by number)::text as numbers from ${schema}.orders
      group by 1 order by 1`)
    const upTo = (count: number) => `{${Array.from({ length: count }, (_, n) => n + 1).join(",")}}`
    expect(numbers).toEqual([
      { account_id: "ann", numbers: upTo(40) },
      { account_id: "bob", numbers: upTo(20) },
    ])
    expect(await ask(`select account_id, orders::int from ${schema}.account order by 1`)).toEqual([
      { account_id: "ann", orders: 40 },
      { account_id: "bob", orders: 20 },
    ])
    expect((await restOf(ofAnn, undefined)).length).toBe(40)
    expect((await restOf(referenced, undefined)).length).toBe(60)
  })

  it("a restored database goes on behind what was restored, although its transactions have smaller numbers", async () => {
    const before = [await placed("ann"), await placed("bob")]
    const page = await referenced({ limit: 2, order: "oldest-first" })
    expect(page.items.length).toBe(2)
    await shop.stop()
    // As a dump of another cluster that had come to far greater numbers.
    await ask(`update ${schema}.orders set placed_in = placed_in + 1000000000`)
    await ask(`update ${schema}.era set cluster = 'another'`)
    shop = opened()
    const cursor = (await referenced({ limit: 1, order: "oldest-first" })).nextCursor
    const after = await placed("ann")
    expect(await restOf(referenced, undefined)).toEqual([...before, after])
    expect(await restOf(referenced, cursor)).toEqual([before[1], after])
    expect(await restOf(ofAnn, undefined)).toEqual([before[0], after])
    const eras = await ask(`select base, cluster from ${schema}.era`)
    await shop.stop()
    // The same cluster is met again, and counts on.
    shop = opened()
    await placed("ann")
    expect(await ask(`select base, cluster from ${schema}.era`)).toEqual(eras)
  })

  it("orders from before lists had positions stand in front, by their ids", async () => {
    const old = (await Promise.all([placed("ann"), placed("ann"), placed("ann")])).toSorted()
    await ask(`update ${schema}.orders set number = 0, placed_in = 0`)
    await ask(`update ${schema}.account set orders = 0`)
    const after = [await placed("ann"), await placed("ann")]
    for (const list of [ofAnn, referenced]) expect(await restOf(list, undefined)).toEqual([...old, ...after])
    const back = await shop.orders.ofAccount({ accountId: "ann", limit: 5 })
    expect(back.items.map(({ orderId }) => orderId)).toEqual([...old, ...after].toReversed())
  })

  it("a cursor that no page gave is refused", async () => {
    for (const cursor of ["", "7", "x.y", "99999999999999999.a", "-1.a", "1.\u0000"]) {
      await expect(ofAnn({ cursor, limit: 1, order: "oldest-first" })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    }
  })
})
