/**
 * How a schema comes to be, and when a store refuses one.
 */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { embedded, shaped } from "../../scripts/embed-migrations.ts"
import { type MigrateMode, postgres, postgresSql } from "../../src/postgres/index.ts"
import { migrations } from "../../src/postgres/schema/migrations.generated.ts"
import { inSchema } from "../../src/postgres/session/text.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const sources = join(import.meta.dirname, "../../src/postgres/schema")

it("the embedded migrations are the files", () => {
  expect(readFileSync(join(sources, "migrations.generated.ts"), "utf8")).toBe(embedded())
})

it("the shape that a start compares with is what the migrations make", async () => {
  expect(readFileSync(join(sources, "shape.generated.ts"), "utf8")).toBe(await shaped())
})

describe("on a server", () => {
  const { url, server } = serverForFile("migrations")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url(), sql, params))
  const start = async (schema: string, migrate?: MigrateMode): Promise<string> => {
    const shop = createHoldfast({ store: postgres({ url: url(), schema, migrate }), workers: false, logger: () => {} })
    try {
      await shop.start()
      return "started"
    } catch (error) {
      return isHoldfastError(error) ? error.message : String(error)
    } finally {
      await shop.stop()
    }
  }

  /** Everything of a schema that statements can tell: columns, constraints, indexes, storage. */
  const shapeOf = async (schema: string): Promise<string> => {
    const lines = await ask(
      `select line from (
        select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
          || case when a.attcollation = 'pg_catalog."C"'::regcollation then ' collate C' else '' end
          || case when a.attnotnull then ' not null' else '' end as line
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = $1::regnamespace and c.relkind = 'r'
        union all
        select c.relname || ' ' || pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        where c.relnamespace = $1::regnamespace and k.contype in ('c', 'p', 'u', 'f')
        union all
        select replace(pg_get_indexdef(i.indexrelid), $1 || '.', '')
        from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = $1::regnamespace
        union all
        select c.relname || ' with ' || array_to_string(c.reloptions, ', ')
        from pg_class c where c.relnamespace = $1::regnamespace and c.reloptions is not null
      ) shape order by line collate "C"`,
      [schema],
    )
    return `${lines.map((row) => row.line).join("\n")}\n`
  }

  it("the schema is the one on record", async () => {
    const schema = freshSchema()
    expect(await start(schema)).toBe("started")
    await expect(await shapeOf(schema)).toMatchFileSnapshot("schema.snapshot.txt")
    // No foreign key: it would lock the hot row that it points to.
    expect(await shapeOf(schema)).not.toContain("FOREIGN KEY")
    await ask(`drop schema ${schema} cascade`)
  })

  it("shops that start together make it once", async () => {
    const schema = freshSchema()
    const starts = await Promise.all(Array.from({ length: 6 }, () => start(schema)))
    expect(starts).toEqual(Array.from({ length: 6 }, () => "started"))
    expect(await ask(`select version, name from ${schema}.migration`)).toEqual([
      { version: 1, name: "shop" },
      { version: 2, name: "delivery" },
      { version: 3, name: "order_lists" },
      { version: 4, name: "requests" },
      { version: 5, name: "terms" },
    ])
    await ask(`drop schema ${schema} cascade`)
  })

  it("check refuses a schema that is missing and says what to do; off asks nothing", async () => {
    const schema = freshSchema()
    expect(await start(schema, "check")).toMatch(/has no shop.*migrate: "auto".*postgresSql\(/)
    expect(await start(schema, "off")).toBe("started")
    expect(await start(schema, "auto")).toBe("started")
    expect(await start(schema, "check")).toBe("started")
    await ask(`drop schema ${schema} cascade`)
  })

  it("a schema that needs newer code is refused, and one that is merely newer is not", async () => {
    const schema = freshSchema()
    await start(schema)
    await ask(`insert into ${schema}.migration (version, name, minimum_code_version) values (98, 'later', 1)`)
    expect(await start(schema)).toBe("started")
    await ask(`insert into ${schema}.migration (version, name, minimum_code_version) values (99, 'breaking', 99)`)
    expect(await start(schema)).toMatch(/needs code of version 99/)
    expect(await start(schema, "check")).toMatch(/needs code of version 99/)
    // What broke it is not undone by what came later.
    await ask(`insert into ${schema}.migration (version, name, minimum_code_version) values (100, 'later still', 1)`)
    expect(await start(schema)).toMatch(/needs code of version 99/)
    await ask(`drop schema ${schema} cascade`)
  })

  it("a database from before the history of terms begins it with what is so by then, and code from before is refused", async () => {
    const schema = freshSchema()
    const shopOn = () => createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
    const lines = (productId: string) => [{ productId, quantity: 1 }]
    const before = shopOn()
    await before.points.open({ accountId: "ada" })
    await before.points.charge({ accountId: "ada", amount: 100, key: "charge" })
    await before.stock.register({ productId: "pen", name: "Pen", price: 5, onHand: 9 })
    await before.stock.register({ productId: "pot", name: "Pot", price: 9, onHand: 9 })
    await before.coupons.createCampaign({
      campaignId: "sale",
      name: "Sale",
      discount: { type: "flat", amount: 1 },
      limit: 9,
    })
    await before.orders.place({ accountId: "ada", lines: lines("pen"), key: "first" })
    await before.stock.changePrice({ productId: "pen", price: 6 })
    await before.coupons.changeLimit({ campaignId: "sale", limit: 8 })
    await before.orders.place({ accountId: "ada", lines: lines("pen"), key: "second" })
    await before.stop()
    await ask(`drop table ${schema}.terms`)
    await ask(`delete from ${schema}.migration where version = 5`)
    // A host whose clock is ahead.
    await ask(`update ${schema}.orders set placed_at = placed_at + 3600000 where key = 'second'`)
    await ask(`update ${schema}.movement m set at = o.placed_at from ${schema}.orders o where o.order_id = m.order_id`)
    await ask(`update ${schema}.entry e set at = o.placed_at from ${schema}.orders o where o.order_id = e.order_id`)
    await ask(`insert into ${schema}.bucket select product_id, hour + 1, 1 from ${schema}.bucket`)
    await ask(`update ${schema}.bucket set sold = 1`)
    expect(await start(schema, "check")).toMatch(/is at version 4, and this code needs 5/)

    const shop = shopOn()
    expect((await shop.audit.run()).ok).toBe(true)
    expect(
      await ask(`select id, owner, version::int, counter::int, before, after from ${schema}.terms order by id`),
    ).toEqual([
      {
        id: "pen",
        owner: "product",
        version: 2,
        counter: 3,
        before: null,
        after: { name: "Pen", price: 6, retired: false },
      },
      { id: "sale", owner: "campaign", version: 2, counter: 0, before: null, after: { limit: 8, state: "open" } },
    ])
    expect(
      await ask(`select from ${schema}.terms where at < (select max(placed_at) from ${schema}.orders)`),
    ).toHaveLength(0)
    expect(await ask(`select minimum_code_version as least from ${schema}.migration where version = 5`)).toEqual([
      { least: 5 },
    ])
    await shop.stock.retire({ productId: "pot" })
    expect((await shop.audit.run()).ok).toBe(true)
    await ask(`update ${schema}.terms set counter = 0 where id = 'pot'`)
    await ask(`insert into ${schema}.movement values ('pot', 2, 'restock', 1, 10, null, null, 'nobody', 0)`)
    await ask(`update ${schema}.product set revision = 2, on_hand = 10 where product_id = 'pot'`)
    const { checks } = await shop.audit.run()
    expect(checks.filter(({ violations }) => violations > 0).map(({ id }) => id)).toContain("movement-terms")
    await shop.stop()
    await ask(`drop schema ${schema} cascade`)
  })

  it("given a transaction that is open, a migration holds up no sale, and is done when that transaction ends", async () => {
    const schema = freshSchema()
    const [first] = migrations
    const sql = inSchema(schema)(
      `create schema ${schema}; create table @.migration (version int primary key, name text not null,
        minimum_code_version int not null, applied_at timestamptz not null default now());
      ${first?.sql}; insert into @.migration values (1, 'shop', 1);`,
    )
    const [host, sales] = [new pg.Client(url()), new pg.Client(url())]
    await Promise.all([host.connect(), sales.connect()])
    await host.query(sql)
    const append = `insert into ${schema}.outbox (events, size) select '[]', 1 where not exists (select from ${schema}.subscription)`
    await host.query("begin")
    await host.query(append)
    let isStarted = false
    const starting = start(schema).then((how) => {
      isStarted = true
      return how
    })
    // A sale that stood behind a lock of the migration would wait for the host, which waits for it.
    await sales.query("set lock_timeout = '5s'")
    const [pid] = await ask("select pg_backend_pid() as pid")
    for (let waited = 0; waited === 0 && !isStarted; ) {
      await sales.query(append)
      const waiting = await sales.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%alter table%' and pid <> $1",
        [pid?.pid],
      )
      waited += waiting.rowCount ?? 0
    }
    expect(isStarted).toBe(false)
    await host.query("commit")
    expect(await starting).toBe("started")
    await Promise.all([host.end(), sales.end()])
    await ask(`drop schema ${schema} cascade`)
  })

  it("is not cut off, however long a migration takes", async () => {
    const schema = freshSchema()
    await start(schema)
    // The last one is to be run again, and says what holds for it.
    await ask(`drop table ${schema}.terms`)
    await ask(`delete from ${schema}.migration where version = 5`)
    await ask(`create table ${schema}.noted (statement text, lock text)`)
    await ask(`create function ${schema}.note() returns trigger language plpgsql as $$ begin
      insert into ${schema}.noted values (current_setting('statement_timeout'), current_setting('lock_timeout'));
      return new; end $$`)
    await ask(`create trigger note before insert on ${schema}.migration for each row execute function ${schema}.note()`)
    expect(await start(schema)).toBe("started")
    expect(await ask(`select statement, lock from ${schema}.noted`)).toEqual([{ statement: "0", lock: "100ms" }])
    await ask(`drop schema ${schema} cascade`)
  })

  it("the SQL for other migration tools makes the same schema", async () => {
    const [ours, theirs] = [freshSchema(), freshSchema()]
    await start(ours)
    // As a tool sends a file: all of it, in the one transaction that it says.
    const tool = new pg.Client(url())
    await tool.connect()
    await tool.query(postgresSql({ schema: theirs }))
    await tool.end()
    expect(await start(theirs, "check")).toBe("started")
    expect(await shapeOf(theirs)).toBe((await shapeOf(ours)).replaceAll(ours, theirs))
    await ask(`drop schema ${ours} cascade`)
    await ask(`drop schema ${theirs} cascade`)
  })

  it("the SQL for a version is refused by a schema of another one, and leaves no version out", async () => {
    const schema = freshSchema()
    await start(schema)
    const tool = new pg.Client(url())
    await tool.connect()
    await tool.query(`drop table ${schema}.terms; delete from ${schema}.migration where version > 3`)
    await expect(tool.query(postgresSql({ schema, after: 4 }))).rejects.toThrow(/for version 4 of the schema/)
    await tool.query(`rollback; insert into ${schema}.migration values (4, 'requests', 0)`)
    await tool.query(postgresSql({ schema, after: 4 }))
    await tool.end()
    expect(await start(schema, "check")).toBe("started")
    await ask(`drop schema ${schema} cascade`)
  })

  it("constraints refuse what no bug of ours may commit", async () => {
    const schema = freshSchema()
    await start(schema)
    const refused = [
      `insert into ${schema}.account values ('a', -1, 0, 'open', 10, 0, 1)`,
      `insert into ${schema}.product values ('p', -1, 0, 'P', 1, false, 'P', 1, 0, 1)`,
      `insert into ${schema}.movement values ('p', 1, 'sale', -1, -1, 'o', null, 'c', 0)`,
      `insert into ${schema}.entry values ('a', 1, 'spend', -1, -1, 'o', null, 'c', 0)`,
      `insert into ${schema}.campaign values ('c', 2, 'C', '{}', 1, null, null, 1, 'open', 1, 'open', 1)`,
      `insert into ${schema}.orders values ('o', 'a', '[]', 10, 1, 8, 'c', null, null, 'placed', 0, null, null, null, 1)`,
      `insert into ${schema}.coupon values ('c', 'a', 1, '{}', 0, 1, 'redeemed', null, 0, 'x', 1)`,
    ]
    for (const sql of refused)
      await expect(ask(sql), sql).rejects.toMatchObject({ reason: { _tag: "ConstraintError" } })
    await ask(`drop schema ${schema} cascade`)
  })
})
