/**
 * Synchronous standbys: what is acknowledged is there when a standby takes over, also where an operator cancelled a wait.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { asked, type Pair, privatePair, until } from "@holdfast/test-services"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { freshSchema } from "../support/stores.ts"
import { booksName, judge } from "../trials/judge.ts"
import { type Heard, visitAll } from "../trials/visits.ts"

describe("with a synchronous standby", () => {
  let pair: Pair | undefined
  beforeAll(async () => {
    pair = await privatePair("standbys")
    await pair?.synchronise()
  })
  afterAll(() => pair?.stop(), 60_000)
  beforeEach((context) => context.skip(pair === undefined, "no PostgreSQL here"))
  const cleanUps: Array<() => unknown> = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const both = (): Pair => pair ?? expect.fail("no pair")
  const opened = (store: Parameters<typeof postgres>[0], deadlineMillis: number): Shop => {
    const shop = createHoldfast({ store: postgres(store), deadlineMillis, workers: false, logger: () => {} })
    cleanUps.push(() => shop.stop({ drainMillis: 100 }))
    return shop
  }
  const shopOn = (schema: string, deadlineMillis = 60_000): Shop =>
    opened({ url: both().primary.url, schema }, deadlineMillis)

  const waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
  /** An operator loses patience: every commit that waits is told to wait no more. */
  const cancelWaits = async (how = "pg_cancel_backend"): Promise<void> => {
    await until(both().primary.url, waiting)
    await asked(both().primary.url, `select ${how}(pid) from (${waiting}) w`)
  }
  /** Where the row of an order is there to be read. */
  const isOn = async (server: "primary" | "standby", schema: string, key: string): Promise<boolean> =>
    (await asked(both()[server].url, `select 1 from ${schema}.orders where key = '${key}'`)).length > 0
  const isReadable = (schema: string, key: string) =>
    until(both().primary.url, `select 1 from ${schema}.orders where key = '${key}'`)

  /** What a promise came to so far. */
  const watched = (call: Promise<unknown>) => {
    const seen: { told: string } = { told: "nothing yet" }
    void call.then(
      () => (seen.told = "done"),
      ({ code }) => (seen.told = String(code)),
    )
    return seen
  }

  describe.each(["url", "pool"] as const)("through a %s", (way) => {
    it.each(["pg_cancel_backend", "pg_terminate_backend"])(
      "a commit whose wait is ended by %s is acknowledged once the standby has it, and not before",
      async (how) => {
        const { primary, standby } = both()
        const schema = freshSchema()
        const pool = new pg.Pool({ connectionString: primary.url, max: 5 })
        pool.on("error", () => {})
        cleanUps.push(() => pool.end())
        const shop = way === "url" ? shopOn(schema) : opened({ pool, schema }, 60_000)
        await furnishShop(shop, { accounts: 1, products: 1 })
        await standby.kill()
        const order = buy(shop, 0, 0, "order")
        const seen = watched(order)
        await cancelWaits(how)
        await isReadable(schema, "order")
        // It found its own receipt, and waits with a commit of its own.
        await until(primary.url, waiting)
        expect(seen.told).toBe("nothing yet")
        await standby.restart()
        expect(await order).toMatchObject({ state: "placed", replayed: false })
        expect(await isOn("standby", schema, "order")).toBe(true)
      },
      60_000,
    )
  })

  it("no repeat and no outcome is answered from a row that only this server has", async () => {
    const { standby, primary } = both()
    const schema = freshSchema()
    const shop = shopOn(schema, 1_500)
    await furnishShop(shop, { accounts: 1, products: 1 })
    await standby.kill()
    const order = buy(shop, 0, 0, "order")
    const told = expect(order).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    await cancelWaits("pg_terminate_backend")
    await isReadable(schema, "order")
    await told
    const other = shopOn(schema, 1_500)
    await expect(buy(other, 0, 0, "order")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    const outcome = watched(other.outcome({ operation: "orders.place", key: "order" }))
    await until(primary.url, waiting)
    expect(outcome.told).toBe("nothing yet")
    // A refusal promises nothing: it says what is so on this server now.
    await expect(other.stock.product("product-1")).rejects.toMatchObject({ code: "PRODUCT_NOT_FOUND" })
    await standby.restart()
    await expect.poll(() => outcome.told).toBe("done")
    await expect.poll(() => buy(shopOn(schema), 0, 0, "order")).toMatchObject({ replayed: true })
  })

  it("no event of a commit that only this server has is handed out", async () => {
    const { standby, primary } = both()
    const schema = freshSchema()
    const shop = createHoldfast({ store: postgres({ url: primary.url, schema }), logger: () => {} })
    cleanUps.push(() => shop.stop({ drainMillis: 100 }))
    const heard: Array<string> = []
    await shop.events.subscribe("mails", ({ type }) => void heard.push(type))
    await furnishShop(shop, { accounts: 1, products: 1 })
    await shop.events.settled("mails")
    heard.length = 0
    await standby.kill()
    const order = watched(buy(shop, 0, 0, "order"))
    await cancelWaits()
    await isReadable(schema, "order")
    await until(primary.url, waiting)
    expect([order.told, heard]).toEqual(["nothing yet", []])
    await standby.restart()
    await expect.poll(() => heard).toEqual(["orders.placed"])
  })

  it("a shop on a client of Effect's says that it does not hear of cancelled waits", async () => {
    expect(PostgresStore.guarantees.standbys).toBe("heard")
    const { PgClient } = await import("@effect/sql-pg")
    const { Context, Layer, Redacted } = await import("effect")
    const { Store } = await import("@holdfast/core")
    const client = PgClient.layer({ url: Redacted.make(both().primary.url), maxConnections: 4 })
    const schema = freshSchema()
    const guarantees = await Effect.runPromise(
      Effect.scoped(
        Effect.map(
          Layer.build(Layer.provide(PostgresStore.layerFromClient({ schema }), client)),
          (context) => Context.get(context, Store).guarantees,
        ),
      ),
    )
    expect(guarantees.standbys).toBe("unheard")
  })

  // Last: the standby takes over.
  it("nothing that was acknowledged is missing when the standby takes over in the middle of a sale", async () => {
    const { primary, standby, promote } = both()
    const schema = freshSchema()
    const shop = shopOn(schema, 2_500)
    await shop.events.subscribe(booksName, () => {})
    const heard: Array<Heard> = []
    const sale = visitAll(shop, 21, 300, (told) => heard.push(told))
    while (heard.length < 30) await new Promise((resolve) => setTimeout(resolve, 5))
    await standby.kill()
    for (let n = 0; n < 4; n++) await cancelWaits(n % 2 === 0 ? "pg_cancel_backend" : "pg_terminate_backend")
    await primary.kill()
    await sale
    await shop.stop({ drainMillis: 100 })
    await standby.restart()
    await promote()
    const next = createHoldfast({
      store: postgres({ url: standby.url, schema }),
      deadlineMillis: 60_000,
      logger: () => {},
    })
    cleanUps.push(() => next.stop())
    expect(await judge(next, 21, heard)).toEqual([])
  })
})
