/**
 * The list of popular products where a million order lines were sold: exact against the lines, and read from no more than
 * the buckets of its window. Speed is measured by the bench's scenario `popular`; here its cause is held.
 */
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"
import { makeMemoryRanking } from "@holdfast/core/memory"
import { Ranking } from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { captured, explained } from "../support/captured.ts"
import { shopOn, type TestShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const lines = 1_000_000
const products = 200
const hourMillis = 3_600_000

describe("popular products of a million order lines", () => {
  const { url, server } = serverForFile("popular products")
  const schema = freshSchema()
  let shop: TestShop | undefined
  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url(), sql, params))

  beforeAll(async () => {
    if (server() === undefined) return
    shop = shopOn(url(), schema)
    const names = Array.from({ length: products }, (_, n) => `product-${n}`)
    await Promise.all(names.map((productId) => shop?.stock.register({ productId, name: "Thing", price: 1, onHand: 1 })))
    // The best seller has left the shop.
    await shop.stock.retire({ productId: "product-0" })
    // A year of lines, some products far ahead of others, in the order in which they were sold.
    await ask(`create table ${schema}.line (product_id text, quantity bigint, placed_at bigint)`)
    await ask(
      `insert into ${schema}.line
       select 'product-' || (n * n % 9973 * n % ${products} * (n * 7 % 100) / 100), 1 + n % 3,
         $1::bigint - (${lines} - n) * (365 * 24 * ${hourMillis}::bigint / ${lines})
       from generate_series(1, ${lines}::bigint) n`,
      [Date.now()],
    )
    await ask(
      `insert into ${schema}.bucket (product_id, hour, sold)
       select product_id, placed_at / ${hourMillis}, sum(quantity) from ${schema}.line group by 1, 2 order by 2`,
    )
    await ask(`analyze ${schema}.bucket`)
  })
  afterAll(async () => {
    await shop?.stop()
    if (server() !== undefined) await ask(`drop schema if exists ${schema} cascade`)
  })

  it.each([1, 3, 30, 366])("are exact over %d days", async (days) => {
    if (shop === undefined) return
    const { from, products: top } = await shop.popularity.top({ days, limit: 100 })
    const counted = await ask(
      `select product_id, sum(quantity)::float8 as sold from ${schema}.line
       where placed_at >= $1::bigint and product_id <> 'product-0'
       group by 1 order by 2 desc, product_id collate "C" limit 100`,
      [from.getTime()],
    )
    expect(top.length).toBeGreaterThan(50)
    expect(top.map(({ productId, sold }) => ({ product_id: productId, sold }))).toEqual(counted)
  })

  it("fill a ranking that is exact, and goes on with what is sold", async () => {
    if (shop === undefined) return
    const ranking = Effect.runSync(makeMemoryRanking())
    const feeding = createHoldfast({
      store: postgres({ url: url(), schema }),
      ranking: { name: "memory", layer: Layer.succeed(Ranking, ranking) },
      logger: () => {},
    })
    try {
      await feeding.points.open({ accountId: "ann" })
      await feeding.stock.restock({ productId: "product-7", quantity: 100_000, key: "delivery" })
      await feeding.points.charge({ accountId: "ann", amount: 1_000_000, key: "top-up" })
      const exactly = async () => {
        const { from, products: top } = await feeding.popularity.top({ limit: 100 })
        const fromHour = from.getTime() / hourMillis
        const ranked = await Effect.runPromise(ranking.top({ fromHour, untilHour: fromHour + 72 }, 1_000))
        const sales = ranked?.sales.filter(({ productId }) => productId !== "product-0").slice(0, 100)
        return JSON.stringify(sales) === JSON.stringify(top.map(({ productId, sold }) => ({ productId, sold })))
      }
      await expect.poll(exactly).toBe(true)
      const order = { accountId: "ann", lines: [{ productId: "product-7", quantity: 99_999 }], key: "large" }
      const { orderId } = await feeding.orders.place(order)
      expect((await feeding.popularity.top({ limit: 1 })).products[0]?.productId).toBe("product-7")
      await expect.poll(exactly).toBe(true)
      await feeding.orders.cancel({ accountId: "ann", orderId, key: "cancel" })
      await expect.poll(exactly).toBe(true)

      // While events never cease to wait, the moment that is vouched for goes on all the same.
      let isSelling = true
      const selling = Array.from({ length: 4 }, async (_, caller) => {
        for (let n = 0; isSelling; n++) {
          const lines = [{ productId: "product-7", quantity: 1 }]
          await feeding.orders.place({ accountId: "ann", lines, key: `${caller} ${n}` })
        }
      })
      const seen = new Set<number>()
      const soldNow = async () => {
        const { from } = await feeding.popularity.top({ limit: 1 })
        const fromHour = from.getTime() / hourMillis
        const ranked = await Effect.runPromise(ranking.top({ fromHour, untilHour: fromHour + 72 }, 1_000))
        const sold = ranked?.sales.find(({ productId }) => productId === "product-7")?.sold
        if (ranked !== undefined && sold !== undefined && ranked.ageMillis < 5_000) seen.add(sold)
        return seen.size
      }
      await expect.poll(soldNow).toBeGreaterThan(10)
      isSelling = false
      await Promise.all(selling)
      await expect.poll(exactly).toBe(true)
    } finally {
      await feeding.events.unregister("holdfast-ranking")
      await feeding.stop()
    }
  })

  it("are read from the buckets of the window alone, by an index", async () => {
    if (shop === undefined) return
    const untilHour = Math.floor(Date.now() / hourMillis) + 1
    const fromHour = untilHour - 72
    const [[{ Plan: plan }]] = (await explained(
      url(),
      await captured(schema, (reads) => reads.top({ fromHour, untilHour, limit: 5 })),
      "json",
    )) as [[{ Plan: Plan }]]
    const [counted] = await ask(
      `select count(*)::int as wanted, (select count(*)::int from ${schema}.bucket) as all
       from ${schema}.bucket where hour >= $1 and hour < $2`,
      [fromHour, untilHour],
    )
    const wanted = Number(counted?.wanted)
    expect(wanted).toBeGreaterThan(1_000)
    expect(Number(counted?.all)).toBeGreaterThan(20 * wanted)

    const scans = nodesOf(plan).filter(({ "Node Type": type }) => type.includes("Scan") && !type.startsWith("Subquery"))
    const ofBuckets = scans.filter(({ "Relation Name": relation }) => relation === "bucket")
    expect(ofBuckets.length).toBe(1)
    expect(ofBuckets.map(({ "Node Type": type }) => type)).toEqual([expect.stringMatching(/^Index (Only )?Scan$/)])
    // Every row that is read is counted, and each is read once.
    expect(ofBuckets.map((node) => node["Actual Rows"] * node["Actual Loops"])).toEqual([wanted])
    expect(ofBuckets.map((node) => node["Rows Removed by Filter"] ?? 0)).toEqual([0])
    // No more products are looked at than are shown, and those that have left the shop and would have been.
    const ofProducts = scans.filter(({ "Relation Name": relation }) => relation === "product")
    expect(ofProducts.length).toBe(1)
    for (const node of ofProducts) expect(node["Actual Loops"]).toBeLessThanOrEqual(6)
    expect(scans.length).toBe(ofBuckets.length + ofProducts.length)
    // At most one page for a row, beside those of the index, and a handful that lead to a product.
    const pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    expect(pages).toBeLessThan(1.1 * wanted + 4 * 6)
  })
})

interface Plan {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Actual Rows": number
  readonly "Actual Loops": number
  readonly "Rows Removed by Filter"?: number
  readonly "Shared Hit Blocks": number
  readonly "Shared Read Blocks": number
  readonly Plans?: ReadonlyArray<Plan>
}

const nodesOf = (plan: Plan): ReadonlyArray<Plan> => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
