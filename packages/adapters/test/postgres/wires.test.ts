/**
 * What a wire sends of frames that it is given, and what their failures mean.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { describe, expect, it } from "vitest"
import { duplexOf } from "../../src/pglite/duplex.ts"
import { addressOf } from "../../src/postgres/connect/address.ts"
import { openAt, type Pooler } from "../../src/postgres/connect/nativeOpen.ts"
import { openOn } from "../../src/postgres/connect/nativeWire.ts"
import type { Purpose } from "../../src/postgres/connect/settings.ts"
import { postgres } from "../../src/postgres/index.ts"
import { lost } from "../../src/postgres/session/faults.ts"
import { begin, commit, statement, type Wire } from "../../src/postgres/session/wire.ts"
import { furnishShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

const one = statement("select 'one'::text")
const ownId = statement("select pg_current_xact_id()::text")
const isReading = statement("select current_setting('transaction_read_only')")

describe("a wire", () => {
  const { url, schema, open, proxied } = shopsForFile("wires")
  const onWire = <A>(
    at: string,
    purpose: Purpose,
    pooler: Pooler,
    use: (wire: Wire) => Effect.Effect<A>,
  ): Promise<A> => {
    const address = addressOf(at)
    if (typeof address === "string") throw new Error(address)
    return Effect.runPromise(Effect.scoped(Effect.flatMap(openAt(address, "public", purpose, pooler), use)))
  }

  it.for(["decide", "read", "deliver", "migrate"] as const)(
    "of our own, to %s, writes nothing outside of a transaction",
    async (purpose) => {
      const { failed } = await onWire(url(), purpose, "session", (wire) =>
        wire.run([statement("create table never_made (id int)")]),
      )
      expect(failed?.failure.code).toBe("25006")
    },
  )

  it("of our own has plans discarded between transactions, and never inside one: it would fail with that", async () => {
    const proxy = await proxied()
    await onWire(proxy.url, "migrate", "session", (wire) =>
      Effect.gen(function* () {
        const frames = 40
        const sentFor = Effect.gen(function* () {
          const before = proxy.statements()
          for (let n = 0; n < frames; n++) yield* wire.run([one])
          return proxy.statements() - before
        })
        yield* wire.run([begin])
        expect(yield* sentFor).toBe(frames)
        yield* wire.run([commit])
        expect(yield* sentFor).toBeGreaterThan(frames)
      }),
    )
  })

  it("of our own is ended by no time-out of transactions that its host has set", async () => {
    const database = await PGlite.create()
    await database.exec("set transaction_timeout = '50ms'")
    const config = { stream: () => duplexOf(database), username: "postgres", database: "postgres" }
    const asked = statement("select current_setting('transaction_timeout')")
    const wire = openOn(config, "public", "migrate")
    const { values } = await Effect.runPromise(Effect.scoped(Effect.flatMap(wire, (opened) => opened.run([asked]))))
    expect(values).toEqual(["0"])
    await database.close()
  })

  it("behind a pooler reads first and begins then where a frame says so", async () => {
    const { values, failed } = await onWire(url(), "read", "transaction", (wire) =>
      wire.run([isReading, begin, isReading, ownId, commit]),
    )
    expect(failed).toBeUndefined()
    expect(values).toEqual(["on", null, "off", expect.stringMatching(/^[0-9]+$/), null])
  })

  it("behind a pooler keeps frames that are sent at once apart", async () => {
    const replies = await onWire(url(), "read", "transaction", (wire) => {
      const reading = wire.run([isReading])
      const writing = wire.run([begin, ownId, ownId, isReading, commit])
      const all = Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? writing : reading))
      return Effect.all(all, { concurrency: "unbounded" })
    })
    const ids = new Set<unknown>()
    for (const [n, { values, failed }] of replies.entries()) {
      expect(failed).toBeUndefined()
      if (n % 3 !== 0) expect(values).toEqual(["on"])
      else {
        expect(values).toEqual([null, values[1], values[1], "off", null])
        ids.add(values[1])
      }
    }
    expect(ids.size).toBe(20)
  })

  it("behind a pooler tells a beginning that was cancelled, and is of use at once", async () => {
    const proxy = await proxied()
    await onWire(proxy.url, "decide", "transaction", (wire) =>
      Effect.gen(function* () {
        const before = proxy.statements()
        proxy.cancel(begin.sql, 1)
        const { failed } = yield* wire.run([begin, ownId, commit])
        expect(failed).toMatchObject({ index: 0, failure: { code: "57014" } })
        // It, the settings, and an end.
        expect(proxy.statements() - before).toBe(3)
        expect((yield* wire.run([isReading])).values).toEqual(["on"])
        expect((yield* wire.run([begin, isReading, commit])).failed).toBeUndefined()
      }),
    )
  })

  it("does not say that nothing happened where the server itself does not know", () => {
    expect(lost({ code: "40003", message: "statement completion unknown", cause: undefined })).toMatchObject({
      _tag: "Lost",
      attempt: undefined,
    })
  })

  it("of a host's transaction that has failed is rejected, nothing happened, and is of use when that was ended", async () => {
    const name = schema()
    const host = open(url(), name)
    await furnishShop(host, { accounts: 1, products: 1 })
    const shop = createHoldfast({ store: postgres({ url: url(), schema: name }), workers: false })
    const client = new pg.Client(url())
    await client.connect()
    try {
      const query = client.query.bind(client)
      let fails = true
      /** A statement of the host's that comes between what a call finds out at first and all else, and fails. */
      const between = async (sql: string, params?: Array<string>) => {
        const result = await query(sql, params)
        if (fails && sql.includes("transaction_isolation"))
          await expect(query("select 1 / 0")).rejects.toThrow("division")
        return result
      }
      const joined = shop.within({ query: between })
      const order = () =>
        joined.orders.place({ accountId: "account-0", lines: [{ productId: "product-0", quantity: 1 }], key: "joined" })
      const rejected = { code: "STORE_REJECTED", outcome: "nothing-happened" }
      for (const call of [order, () => joined.points.balance("account-0")]) {
        await query("begin")
        await expect(call()).rejects.toMatchObject(rejected)
        await query("rollback")
      }
      fails = false
      await query("begin")
      await expect(order()).resolves.toMatchObject({ replayed: false })
      await query("commit")
      expect((await host.stock.product("product-0")).onHand).toBe(999_999)
    } finally {
      await client.end()
      await shop.stop()
    }
  })
})
