/**
 * Inside a transaction of the host, whatever library opened it: committed with it, rolled back with it, and never in its
 * way. Every library goes through the same table of stories.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast, type Shop } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { pglite } from "../../src/pglite/index.ts"
import { PostgresStore, postgres } from "../../src/postgres/index.ts"
import { SubscriptionName } from "../support/core.ts"
import { type Inside, type Library, librariesOnPglite, librariesOnServer, poolOf } from "../support/handles.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

interface World {
  readonly library: Library
  readonly shop: Shop
  readonly schema: string
  readonly execute: (sql: string) => Promise<unknown>
  /** A number that the database answers. */
  readonly number: (sql: string) => Promise<number>
}

const order = (key: string, product = 0, quantity = 1) => ({
  accountId: "account-0",
  lines: [{ productId: `product-${product}`, quantity }],
  key,
})

const stories = (world: () => World): void => {
  const note = (inside: Inside, text = "the host was here") =>
    inside.execute(`insert into ${world().schema}.note values ('${text}')`)
  /** Notes of the host, orders, and units sold of the first product. */
  const kept = async (): Promise<ReadonlyArray<number>> => {
    const { schema, number } = world()
    return [
      await number(`select count(*)::int as n from ${schema}.note`),
      await number(`select count(*)::int as n from ${schema}.orders`),
      await number(`select (5 - on_hand)::int as n from ${schema}.product where product_id = 'product-0'`),
    ]
  }

  it("an order is committed with the host's rows", async () => {
    const { library, shop } = world()
    const placed = await library.transaction(async (inside) => {
      await note(inside)
      const joined = shop.within(inside.handle)
      const answer = await joined.orders.place(order("joined"))
      // It sees what it did, and nobody else does yet.
      expect(await joined.orders.get(answer.orderId)).toMatchObject({ state: "placed" })
      expect((await joined.stock.product("product-0")).onHand).toBe(4)
      const { items, nextCursor } = await joined.points.entries({ accountId: "account-0", limit: 1 })
      expect(items.map(({ seq, orderId }) => [seq, orderId])).toEqual([[2, answer.orderId]])
      const before = await joined.points.entries({ accountId: "account-0", limit: 3, cursor: nextCursor })
      expect(before.items.map(({ seq }) => seq)).toEqual([1])
      return answer
    })
    expect(await kept()).toEqual([1, 1, 1])
    expect(await shop.orders.get(placed.orderId)).toMatchObject({ orderId: placed.orderId })
    expect((await shop.orders.place(order("joined"))).replayed).toBe(true)
  })

  it("an order is rolled back with the host's rows, and its key is free again", async () => {
    const { library, shop } = world()
    const gone = library.transaction(async (inside) => {
      await note(inside)
      await shop.within(inside.handle).orders.place(order("joined"))
      throw new Error("the host thought better of it")
    })
    await expect(gone).rejects.toThrow("the host thought better of it")
    expect(await kept()).toEqual([0, 0, 0])
    expect((await shop.orders.place(order("joined"))).replayed).toBe(false)
  })

  it("text that would mean something to somebody is kept as it is", async () => {
    const { library, shop } = world()
    const odd = "it's \\'; a \"?\" and $1 @.account @@ :name $$ E'' %s {}"
    for (const setting of ["on", "off"]) {
      const reference = `${odd} ${setting}`
      await library.transaction(async (inside) => {
        await inside.execute(`set local standard_conforming_strings = ${setting}`)
        const joined = shop.within(inside.handle)
        const metadata = { note: odd, nested: [odd] }
        const placed = await joined.orders.place({ ...order(reference), reference, metadata })
        expect(await joined.orders.get(placed.orderId)).toMatchObject({ reference, metadata })
      })
      const { items } = await shop.orders.byReference({ reference })
      expect(items).toMatchObject([{ reference, metadata: { note: odd, nested: [odd] } }])
      expect((await shop.outcome({ operation: "orders.place", key: reference })).status).toBe("accepted")
    }
  })

  it("a refusal of ours leaves the host's transaction usable", async () => {
    const { library, shop } = world()
    await library.transaction(async (inside) => {
      await note(inside)
      await expect(shop.within(inside.handle).orders.place(order("much", 0, 99))).rejects.toMatchObject({
        code: "OUT_OF_STOCK",
      })
      await note(inside, "and goes on")
    })
    expect(await kept()).toEqual([2, 0, 0])
  })

  it("an error of the host after ours undoes both", async () => {
    const { library, shop } = world()
    const failing = library.transaction(async (inside) => {
      await note(inside)
      await shop.within(inside.handle).orders.place(order("joined"))
      await inside.execute("select 1 / 0")
    })
    await expect(failing).rejects.toThrow()
    expect(await kept()).toEqual([0, 0, 0])
  })

  it("what is nested in the host's transaction is undone with it, and the rest is kept", async () => {
    const { library, shop } = world()
    await library.transaction(async (inside) => {
      await note(inside)
      await shop.within(inside.handle).orders.place(order("outer"))
      const undone = inside.nested(async (inner) => {
        await note(inner, "inner")
        await shop.within(inner.handle).orders.place(order("undone"))
        throw new Error("only the inner one")
      })
      await expect(undone).rejects.toThrow("only the inner one")
      await inside.nested((inner) =>
        shop
          .within(inner.handle)
          .orders.place(order("inner"))
          .then(() => {}),
      )
    })
    expect(await kept()).toEqual([1, 2, 2])
  })

  it("two moving calls against a busy lane end, as a success or as a conflict to run again", async () => {
    const { library, shop } = world()
    await shop.stock.restock({ productId: "product-0", quantity: 100_000, key: "more-0" })
    await shop.stock.restock({ productId: "product-1", quantity: 100_000, key: "more-1" })
    let stop = false
    const lanes = Array.from({ length: 6 }, async (_, n) => {
      for (let i = 0; !stop; i++) await buy(shop, n % 2, n % 2, `lane-${n}-${i}`)
    })
    const move = (n: number) =>
      library.transaction(async (inside) => {
        const joined = shop.within(inside.handle)
        // The products come after the accounts, and then an account again: against the lock order.
        await joined.orders.place(order(`two-${n}`, 1))
        await joined.points.charge({ accountId: "account-1", amount: 1, key: `two-${n}` })
      })
    // Of a call that was made long ago, so that what is not there now never will be.
    const calledAt = new Date(0)
    const outcomeOf = async (n: number) =>
      (await shop.outcome({ operation: "points.charge", key: `two-${n}`, calledAt })).status
    const conflicts: Array<number> = []
    try {
      for (let n = 0; n < 8; n++) {
        await move(n).catch((error) => {
          expect(error).toMatchObject({ code: "TRANSACTION_CONFLICT", retryable: true })
          conflicts.push(n)
        })
        expect(await outcomeOf(n)).toBe(conflicts.includes(n) ? "not-found" : "accepted")
      }
    } finally {
      stop = true
      await Promise.all(lanes)
    }
    // How many conflicts there are depends on how long a lane holds its rows. Run again they end as well.
    for (const n of conflicts) await move(n)
    for (const n of conflicts) expect(await outcomeOf(n)).toBe("accepted")
  })

  it("calls of one transaction that are not awaited in turn take turns", async () => {
    const { library, shop } = world()
    await library.transaction(async (inside) => {
      const joined = shop.within(inside.handle)
      const [first, second, balance] = await Promise.all([
        joined.orders.place(order("first")),
        joined.orders.place(order("second")),
        joined.points.balance("account-1"),
      ])
      expect(first.orderId).not.toBe(second.orderId)
      expect(balance).toBe(1_000_000)
    })
    expect(await kept()).toEqual([0, 2, 2])
  })

  it("leaves the session's settings as they were", async () => {
    const { library, shop, schema, number } = world()
    await library.transaction(async (inside) => {
      const keep = (table: string) =>
        inside.execute(
          `create table ${schema}.${table} as select name, setting from pg_settings where name !~ '^(transaction|server|in_hot)'`,
        )
      await inside.execute("set local lock_timeout = '1234ms'")
      await keep("before")
      await shop.within(inside.handle).orders.place(order("joined"))
      await expect(shop.within(inside.handle).orders.place(order("much", 0, 99))).rejects.toThrow()
      await keep("after")
    })
    expect(
      await number(
        `select count(*)::int as n from ${schema}.before b full join ${schema}.after a using (name) where b.setting is distinct from a.setting`,
      ),
    ).toBe(0)
    expect(await number(`select count(*)::int as n from ${schema}.before`)).toBeGreaterThan(100)
  })

  it.each(["repeatable read", "serializable"])("refuses to read or move at %s, and says why", async (level) => {
    const { library, shop } = world()
    // A client that was joined at read committed before, as a pool gives it to its next user.
    await library.transaction(async (inside) => {
      await shop.within(inside.handle).points.balance("account-0")
    })
    await library.transaction(async (inside) => {
      await inside.execute(`set transaction isolation level ${level}`)
      const joined = shop.within(inside.handle)
      const refused = {
        code: "JOIN_NOT_SUPPORTED",
        retryable: false,
        outcome: "nothing-happened",
        message: expect.stringContaining(`it runs at ${level}`),
      }
      await expect(joined.points.balance("account-0")).rejects.toMatchObject(refused)
      await expect(joined.orders.place(order("old"))).rejects.toMatchObject(refused)
      await note(inside)
    })
    expect(await kept()).toEqual([1, 0, 0])
  })

  it("refuses what is in no transaction", async () => {
    const { library, shop } = world()
    const refused = { code: "JOIN_NOT_SUPPORTED", retryable: false }
    if (library.outside !== undefined) {
      await expect(shop.within(library.outside).orders.place(order("outside"))).rejects.toMatchObject(refused)
      await expect(shop.within(library.outside).points.balance("account-0")).rejects.toMatchObject(refused)
    }
    await expect(shop.within({}).orders.place(order("none"))).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining("query(sql, params)"),
    })
    expect(await kept()).toEqual([0, 0, 0])
  })
}

/** Stories for which the host has changed our tables. */
const changedStories = (world: () => World): void => {
  it.each([
    ["a check", "alter table @.orders add constraint odd check (reference <> 'odd')"],
    ["a unique index", "create unique index odd on @.orders ((reference = 'odd' or null))"],
  ])("%s that somebody added rejects the call that meets it, and leaves the transaction usable", async (_, change) => {
    const { library, shop, schema, execute } = world()
    const placed = (key: string, reference: string) => ({ ...order(key), reference })
    // An index wants a row to collide with.
    if (change.includes("index")) await shop.orders.place(placed("first", "odd"))
    await execute(change.replace("@", schema))
    await library.transaction(async ({ handle }) => {
      const joined = shop.within(handle)
      await expect(joined.orders.place(placed("odd", "odd"))).rejects.toMatchObject({
        code: "STORE_REJECTED",
        outcome: "nothing-happened",
        retryable: false,
      })
      await joined.orders.place(placed("even", "even"))
    })
    const asked = { operation: "orders.place", key: "odd", calledAt: new Date(0) } as const
    expect((await shop.outcome(asked)).status).toBe("not-found")
    expect((await shop.outcome({ operation: "orders.place", key: "even" })).status).toBe("accepted")
  })
}

/** Stories in which the host's transaction allows less than a call needs: what the server undid is certain. */
const strictStories = (world: () => World): void => {
  it("a transaction that is read-only rejects a change, answers reads, and stays usable", async () => {
    const { library, shop } = world()
    await library.transaction(async (inside) => {
      await inside.execute("set transaction read only")
      const joined = shop.within(inside.handle)
      await expect(joined.orders.place(order("read only"))).rejects.toMatchObject({
        code: "STORE_REJECTED",
        outcome: "nothing-happened",
        retryable: false,
      })
      expect(await joined.points.balance("account-1")).toBe(1_000_000)
    })
  })
}

/** Stories for which somebody else has to be in the database at the same time. */
const contendedStories = (world: () => World, url: () => string): void => {
  it("a statement time-out of the host's own undoes the call, certainly, and leaves the transaction usable", async () => {
    const { library, shop, schema } = world()
    const holder = new pg.Client({ connectionString: url() })
    await holder.connect()
    await holder.query(`begin; select from ${schema}.account where account_id = 'account-1' for update`)
    try {
      await library.transaction(async (inside) => {
        await inside.execute("set local statement_timeout = '100ms'")
        const joined = shop.within(inside.handle)
        await expect(joined.points.charge({ accountId: "account-1", amount: 1, key: "slow" })).rejects.toMatchObject({
          code: "STORE_UNAVAILABLE",
          outcome: "nothing-happened",
        })
        await holder.query("rollback")
        await inside.execute("set local statement_timeout = 0")
        await joined.points.charge({ accountId: "account-1", amount: 1, key: "slow" })
      })
    } finally {
      await holder.end()
    }
  })

  it("a lock that somebody else holds is a conflict, which leaves the transaction usable", async () => {
    const { library, shop, schema } = world()
    const holder = new pg.Client({ connectionString: url() })
    await holder.connect()
    await holder.query("begin")
    await holder.query(`select from ${schema}.account where account_id = 'account-1' for update`)
    await library.transaction(async ({ handle }) => {
      const joined = shop.within(handle)
      const charge = { accountId: "account-1", amount: 1, key: "held" }
      const conflict = { code: "TRANSACTION_CONFLICT", retryable: true, outcome: "nothing-happened" }
      await expect(joined.points.charge(charge)).rejects.toMatchObject(conflict)
      await joined.orders.place(order("beside"))
      await expect(joined.points.charge(charge)).rejects.toMatchObject(conflict)
      await holder.query("rollback")
      await joined.points.charge(charge)
    })
    await holder.end()
    expect((await shop.outcome({ operation: "points.charge", key: "held" })).status).toBe("accepted")
  })
}

const around = (
  name: string,
  open: () => Promise<{ readonly library: Library; readonly store: (schema: string) => ReturnType<typeof postgres> }>,
  number: (sql: string) => Promise<number>,
  execute: (sql: string) => Promise<unknown>,
  server?: { readonly url: () => string; readonly skipIfMissing: Parameters<typeof beforeEach>[0] },
): void => {
  describe(name, () => {
    let opened: Awaited<ReturnType<typeof open>> | undefined
    let world: World | undefined
    const here = (): World => {
      if (world === undefined) throw new Error("The world is not there yet.")
      return world
    }
    if (server !== undefined) beforeEach(server.skipIfMissing)
    beforeEach(async () => {
      opened ??= await open()
      const schema = freshSchema()
      const shop = createHoldfast({ store: opened.store(schema), workers: false, logger: () => {} })
      await furnishShop(shop, { accounts: 2, products: 2, onHand: 5 })
      await execute(`create table ${schema}.note (text text)`)
      world = { library: opened.library, shop, schema, execute, number }
    })
    afterEach(async () => {
      if (world === undefined) return
      const report = await world.shop.audit.run()
      expect(report.ok, JSON.stringify(report)).toBe(true)
      await world.shop.stop()
      await execute(`drop schema if exists ${world.schema} cascade`)
      world = undefined
    })
    afterAll(() => opened?.library.close())
    stories(here)
    changedStories(here)
    strictStories(here)
    if (server !== undefined) contendedStories(here, server.url)
  })
}

describe("within a transaction on a server, of", () => {
  const { url, server } = serverForFile("within")
  const rows = (sql: string) => Effect.runPromise(query(url(), sql))
  for (const [name, libraryOf] of librariesOnServer) {
    around(
      name,
      async () => ({ library: libraryOf(url()), store: (schema) => postgres({ url: url(), schema }) }),
      async (sql) => Number((await rows(sql))[0]?.n),
      rows,
      { url, skipIfMissing: (context) => context.skip(server() === undefined, "no PostgreSQL here") },
    )
  }
})

describe("within a transaction on the host's PGlite, of", () => {
  let database: PGlite | undefined
  const here = (): PGlite => {
    if (database === undefined) throw new Error("PGlite did not start.")
    return database
  }
  beforeAll(async () => {
    database = await PGlite.create()
  })
  afterAll(() => database?.close())
  for (const [name, libraryOf] of librariesOnPglite) {
    around(
      name,
      async () => ({ library: libraryOf(here()), store: (schema) => pglite({ database: here(), schema }) }),
      async (sql) => Number((await here().query<{ n: number }>(sql)).rows[0]?.n),
      (sql) => here().exec(sql),
    )
  }
})

describe("a role that may not use PL/pgSQL", () => {
  const { url, server } = serverForFile("within: language")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  it("joins nothing, and says why", async () => {
    const [database, role] = [freshSchema(), freshSchema()]
    const ask = (sql: string, at = url()) => Effect.runPromise(query(at, sql))
    await ask(`create database ${database}`)
    const at = Object.assign(new URL(url()), { pathname: `/${database}` })
    await ask("revoke usage on language plpgsql from public", at.href)
    await ask(`create role ${role} login`)
    const shop = createHoldfast({ store: postgres({ url: at.href }), workers: false, logger: () => {} })
    await furnishShop(shop, { accounts: 1, products: 1 })
    await ask(`grant usage on schema holdfast to ${role}`, at.href)
    await ask(`grant select on all tables in schema holdfast to ${role}`, at.href)
    const client = new pg.Client({ connectionString: Object.assign(new URL(at), { username: role }).href })
    await client.connect()
    await client.query("begin")
    await expect(shop.within(client).points.balance("account-0")).rejects.toMatchObject({
      code: "JOIN_NOT_SUPPORTED",
      message: expect.stringContaining("PL/pgSQL"),
    })
    await client.query("commit")
    await client.end()
    await shop.stop()
    await ask(`drop database ${database}`)
    await ask(`drop role ${role}`)
  })
})

describe("the locks of a joined call", () => {
  const { url, server } = serverForFile("within: locks")
  let pool: pg.Pool
  let shop: Shop
  const schema = freshSchema()
  beforeAll(async () => {
    if (server() === undefined) return
    pool = poolOf(url())
    shop = createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
    await furnishShop(shop, { accounts: 2, products: 2 })
  })
  afterAll(async () => {
    if (server() === undefined) return
    await shop.stop()
    await pool.query(`drop schema ${schema} cascade`)
    await pool.end()
  })
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  it("are waited for, but those that come before what the transaction holds only for a moment", async () => {
    const client = await pool.connect()
    const patiences: Array<string> = []
    const handle = {
      query: (text: string, params: Array<string | null>) => {
        for (const [, patience] of text.matchAll(/set_config\('{4}lock_timeout'{4}[^)]*\)'' .*?using E''(\w+)''/g))
          patiences.push(String(patience))
        return client.query(text, params)
      },
    }
    const joined = shop.within(handle)
    for (const key of ["one", "two"]) {
      await client.query("begin")
      await joined.orders.place(order(key))
      await joined.points.charge({ accountId: "account-1", amount: 1, key })
      // The host has its own patience back.
      expect((await client.query("show lock_timeout")).rows).toEqual([{ lock_timeout: "0" }])
      await client.query("commit")
    }
    client.release()
    // Of each call the locks, in one part or two, and then what it changes.
    const each = ["200ms", "200ms", "20ms", "200ms", "200ms"]
    expect(patiences).toEqual([...each, ...each])
  })

  it("of what it makes keep whoever makes the same waiting, and nobody beside", async () => {
    const client = await pool.connect()
    await client.query("begin")
    await shop.within(client).points.open({ accountId: "new" })
    // Together in one batch. No lock can be seen of an account that is not there yet.
    const same = shop.points.open({ accountId: "new" }).catch((error: unknown) => error)
    const others = Array.from({ length: 20 }, (_, n) =>
      shop.points.charge({ accountId: `account-${n % 2}`, amount: 1, key: `beside-${n}` }),
    )
    const told = await Promise.allSettled(others)
    await client.query("commit")
    client.release()
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set(["fulfilled"]))
    expect(await same).toMatchObject({ replayed: true })
  })

  it("end with the host's transaction: whatever has an end of its own is not done inside", async () => {
    const client = await pool.connect()
    await client.query("begin")
    await client.query(`create table ${schema}.unfinished (text text)`)
    const registered = Effect.scoped(
      Effect.gen(function* () {
        const store = yield* PostgresStore.make({ url: url(), schema })
        const joined = yield* store.join?.(client) ?? Effect.die(new Error("The store joins nothing."))
        return yield* Effect.flip(joined.outbox.register(SubscriptionName.make("mails")))
      }),
    )
    expect((await Effect.runPromise(registered))._tag).toBe("Rejected")
    await client.query("rollback")
    client.release()
    expect((await pool.query("select to_regclass($1) as table", [`${schema}.unfinished`])).rows).toEqual([
      { table: null },
    ])
  })
})
