/**
 * The tables refuse by themselves what the rules refuse, so that not even a
 * bug of ours, or a hand at the console, can commit it.
 */
import { furnish } from "@holdfast/test-services/furnish"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { orderStates } from "../support/core.ts"
import { shopsForFile } from "../support/shops.ts"

describe("tables", () => {
  const { url, ask, server, open } = shopsForFile("defects of tables")
  const schema = `tables_${process.pid}`
  beforeAll(async () => {
    if (server() === undefined) return
    const shop = open(url(), schema)
    await furnish(shop, {
      accounts: { ada: 50, bob: 50 },
      products: { tea: { price: 10, onHand: 5 } },
      campaigns: { spring: { discount: { type: "flat", amount: 2 }, limit: 2 } },
    })
    await shop.coupons.issue({ accountId: "ada", campaignId: "spring", key: "issue" })
    const lines = [{ productId: "tea", quantity: 1 }]
    await shop.orders.place({ accountId: "ada", lines, campaignId: "spring", key: "cart" })
  })
  // Before the server goes, which is the last to.
  afterAll(() => server() && ask(`drop schema ${schema} cascade`))

  it("know the states of an order that the core's table has, and which of them are closed", async () => {
    const [check] = await ask(
      `select pg_get_constraintdef(oid) as text from pg_constraint
       where conrelid = '${schema}.orders'::regclass and conname = 'orders_sound'`,
    )
    const text = String(check?.text)
    const inTable = [...(/state = ANY \(ARRAY\[(.*?)\]\)/.exec(text)?.[1] ?? "").matchAll(/'(\w+)'/g)].map(
      ([, name]) => name,
    )
    expect(inTable.sort()).toEqual(Object.keys(orderStates).sort())
    const open = Object.entries(orderStates).filter(([, { isClosed }]) => !isClosed)
    expect([...text.matchAll(/state <> '(\w+)'/g)].map(([, name]) => name)).toEqual(open.map(([name]) => name))
  })

  const columns = (changed: string): string => `(select * from (select * from @.${changed}) copied)`

  it.each([
    ["stock below zero", "update @.product set on_hand = -1"],
    ["a movement to below zero", "update @.movement set on_hand = -1"],
    ["a balance below zero", "update @.account set balance = -1"],
    ["an entry to below zero", "update @.entry set balance = -1"],
    ["a balance beyond what is counted exactly", "update @.account set balance = 9007199254740992"],
    ["a charge that takes points", "update @.entry set change = -1 where type = 'charge'"],
    ["a sale that adds stock", "update @.movement set change = 1 where type = 'sale'"],
    ["more coupons than the limit", "update @.campaign set issued = issue_limit + 1"],
    ["a second coupon of one account", `insert into @.coupon ${columns("coupon")}`],
    [
      "one ticket for two accounts",
      `insert into @.coupon select * from json_populate_recordset(null::@.coupon,
       (select json_agg(to_jsonb(c) || '{"account_id": "bob"}') from @.coupon c))`,
    ],
    ["a redeemed coupon without an order", "update @.coupon set order_id = null"],
    ["an order that was paid with other points than it cost", "update @.orders set paid = paid + 1"],
    ["a discount without a coupon", "update @.orders set campaign_id = null"],
    ["a cancelled order that nobody cancelled", "update @.orders set state = 'cancelled'"],
    ["one order twice", `insert into @.orders ${columns("orders")}`],
    ["one position of a ledger twice", `insert into @.entry ${columns("entry limit 1")}`],
    ["one revision of a product twice", `insert into @.movement ${columns("movement limit 1")}`],
    ["a price below zero", "update @.product set price = -1"],
    ["sales below zero", "update @.bucket set sold = -1"],
  ])("SB-44: the tables themselves refuse %s", async (_, sql) => {
    // 23514: a check; 23505: a unique key. Anything else would be a mistake of this test.
    await expect(ask(sql.replaceAll("@", schema))).rejects.toMatchObject({
      reason: { cause: { code: expect.stringMatching(/^(23514|23505)$/) } },
    })
  })

  it("SB-44: the tables themselves refuse a second receipt of one key", async () => {
    const receipt = `insert into ${schema}.receipt select * from ${schema}.receipt limit 1`
    const order = `insert into ${schema}.orders select (jsonb_populate_record(o, '{"order_id": "another"}')).* from ${schema}.orders o where key = 'cart'`
    await expect(ask(order)).rejects.toMatchObject({ reason: { cause: { code: "23505" } } })
    await expect(ask(receipt)).rejects.toMatchObject({ reason: { cause: { code: "23505" } } })
  })

  it("SB-53: a request for a few rows reads only these, among twenty thousand orders and a month of sales", async () => {
    const shop = open(url(), schema)
    const counts = async (): Promise<Record<string, number>> => {
      const rows = await ask(
        `select t.relname::text as name, (t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0))::int as n
         from pg_stat_user_tables t left join pg_stat_user_indexes i on i.relid = t.relid
         where t.schemaname = $1 group by t.relid, t.relname, t.seq_tup_read`,
        [schema],
      )
      return Object.fromEntries(rows.map(({ name, n }) => [String(name), Number(n)]))
    }
    const many = (table: string, count: number, fields: string): Promise<unknown> =>
      ask(
        `insert into ${schema}.${table} select (jsonb_populate_record(null::${schema}.${table}, to_jsonb(t) || jsonb_build_object(${fields}))).*
         from (select * from ${schema}.${table} limit 1) t, generate_series(1, ${count}) n`,
      )
    await many(
      "orders",
      20_000,
      "'order_id', 'x' || n, 'key', 'x' || n, 'account_id', 'other-' || n % 500, 'reference', 'cart-' || n",
    )
    await many("bucket", 20_000, "'product_id', 'other-' || n % 30, 'hour', n / 30")
    const lookUp = async (): Promise<void> => {
      expect((await shop.orders.ofAccount({ accountId: "other-7" })).items.length).toBe(20)
      expect((await shop.orders.byReference({ reference: "cart-9" })).items.length).toBe(1)
      expect((await shop.orders.get("x123")).orderId).toBe("x123")
      expect((await shop.popularity.top({ days: 3, limit: 5 })).products).toMatchObject([{ productId: "tea", sold: 1 }])
    }
    const before = await counts()
    await lookUp()
    // A session tells what it read at the latest when it ends.
    await shop.stop()
    let read = { orders: 0, bucket: 0 }
    const isTold = async (): Promise<boolean> => {
      const after = await counts()
      const readOf = (table: string) => (after[table] ?? 0) - (before[table] ?? 0)
      read = { orders: readOf("orders"), bucket: readOf("bucket") }
      return read.orders > 0 && read.bucket > 0
    }
    await expect.poll(isTold).toBe(true)
    expect(read.orders).toBeLessThanOrEqual(20 + 1 + 1 + 10)
    expect(read.bucket).toBeLessThanOrEqual(10)
  })
})
