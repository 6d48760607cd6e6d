/**
 * What somebody dropped or changed in a schema is named, and no shop starts on it: whatever part it is.
 */
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { firstOf } from "../../src/postgres/connect/poolWire.ts"
import { failureOf, sequentialWire } from "../../src/postgres/connect/sequentialWire.ts"
import { type MigrateMode, postgres } from "../../src/postgres/index.ts"
import { type Part, shape } from "../../src/postgres/schema/shape.generated.ts"
import { driftOf, lookForDrift } from "../../src/postgres/schema/shape.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("on a server", () => {
  const { url, server } = serverForFile("drift")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  const ask = (sql: string) => Effect.runPromise(query(url(), sql))
  const start = async (schema: string, migrate: MigrateMode): Promise<string> => {
    const shop = createHoldfast({ store: postgres({ url: url(), schema, migrate }), workers: false, logger: () => {} })
    try {
      await shop.start()
      return "started"
    } catch (error) {
      return isHoldfastError(error) ? `${error.code} ${error.retryable} ${error.message}` : String(error)
    } finally {
      await shop.stop()
    }
  }

  /** Does something to a schema, looks at it, and undoes it. */
  const looking = async (
    schema: string,
    use: (drift: (change: string) => Promise<string | undefined>) => Promise<void>,
  ): Promise<void> => {
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    const asked = (sql: string, params: ReadonlyArray<string | null>) =>
      Effect.map(Effect.tryPromise({ try: () => client.query(sql, [...params]), catch: failureOf }), firstOf)
    const wire = sequentialWire(asked, schema, [])
    await client.query(`set search_path to ${schema}`)
    try {
      await use(async (change) => {
        await client.query(`begin; ${change}`)
        const drift = await Effect.runPromise(lookForDrift(wire, schema))
        await client.query("rollback")
        return drift
      })
    } finally {
      await client.end()
    }
  }

  const dropping = ([relation, part]: Part): string => {
    const [kind, name] = part.split(" ")
    switch (kind) {
      case "column":
      case "constraint":
        return `alter table ${relation} drop ${kind} ${name} cascade`
      case "index":
        return `drop index ${name}`
      default:
        return `drop ${kind} ${relation} cascade`
    }
  }

  it("every table, view, column, constraint and index that is dropped is named", async () => {
    const schema = freshSchema()
    await start(schema, "auto")
    await looking(schema, async (drift) => {
      expect(await drift("select")).toBeUndefined()
      // However a server writes names.
      expect(await drift("set local quote_all_identifiers = on; set local search_path = ''")).toBeUndefined()
      let dropped = 0
      // A column of a view cannot be dropped alone.
      for (const part of shape.filter(([relation, part]) => relation !== "receipts" || part === "view")) {
        const [relation, name] = part
        const missing = ["table", "view", "sequence"].includes(name)
          ? `the ${name} ${relation}`
          : `the ${name} of ${relation}`
        expect(await drift(dropping(part)), missing).toContain(`${missing} is missing`)
        dropped++
      }
      expect(dropped).toBeGreaterThan(200)
    })
    await ask(`drop schema ${schema} cascade`)
  })

  it.each([
    ["alter table account set unlogged", 'the table account is "unlogged", and was made plain'],
    [
      "alter table orders alter paid drop not null",
      'column paid of orders is "bigint", and was made "bigint not null"',
    ],
    [
      "alter table orders alter reference type varchar(8)",
      'column reference of orders is "character varying(8)", and was made "text collate C"',
    ],
    [
      `alter table product alter product_id type text collate "default"`,
      'column product_id of product is "text not null", and was made "text collate C not null"',
    ],
    [
      "drop index orders_by_key; create index orders_by_key on orders (scope, key) where key is not null",
      'index orders_by_key of orders is "(scope, key) of some rows", and was made "unique (scope, key) of some rows"',
    ],
    [
      "update pg_index set indisvalid = false where indexrelid = 'orders_by_key'::regclass",
      "index orders_by_key of orders is missing",
    ],
    [
      "alter table account drop constraint account_sound, add constraint account_sound check (balance >= 0) not valid",
      'constraint account_sound of account is "check not valid", and was made "check"',
    ],
    [
      "alter table coupon drop constraint coupon_pkey, add constraint coupon_pkey primary key (campaign_id, account_id, ticket)",
      'constraint coupon_pkey of coupon is "primary key (campaign_id, account_id, ticket)"',
    ],
  ])(
    "what is changed is named with what it was: %s",
    async (change, told) => {
      const schema = freshSchema()
      await start(schema, "auto")
      await looking(schema, async (drift) => expect(await drift(change)).toContain(told))
      await ask(`drop schema ${schema} cascade`)
    },
    30_000,
  )

  it("what a host added is the host's", async () => {
    const schema = freshSchema()
    await start(schema, "auto")
    await looking(schema, async (drift) => {
      expect(
        await drift(
          "create table mine (id int primary key); create index mine_by_time on orders (placed_at); alter table product add column note text; alter table orders add constraint mine_too check (reference <> 'x')",
        ),
      ).toBeUndefined()
    })
    await ask(`drop schema ${schema} cascade`)
  })

  it("a shop starts on none of it, in mode check and in mode auto, and says what is missing", async () => {
    const schema = freshSchema()
    await start(schema, "auto")
    await ask(`drop table ${schema}.bucket cascade`)
    await ask(`drop index ${schema}.orders_by_key`)
    for (const mode of ["check", "auto"] as const) {
      const told = await start(schema, mode)
      expect(told).toMatch(
        /^STORE_REJECTED false .*the table bucket is missing; the index orders_by_key of orders is missing\. /,
      )
      expect(told).toMatch(/Restore it from a backup/)
    }
    expect(await start(schema, "off")).toBe("started")
    // It made nothing up.
    expect(await ask(`select to_regclass('${schema}.bucket') is null as gone`)).toEqual([{ gone: true }])
    await ask(`drop schema ${schema} cascade`)
  })

  it("what newer code dropped on purpose is not for this code to judge", async () => {
    const schema = freshSchema()
    await start(schema, "auto")
    await ask(`insert into ${schema}.migration (version, name, minimum_code_version) values (99, 'later', 1)`)
    await ask(`drop index ${schema}.orders_by_transaction`)
    expect(await start(schema, "auto")).toBe("started")
    expect(await start(schema, "check")).toBe("started")
    await ask(`drop schema ${schema} cascade`)
  })
})

it("names a bounded number of what is missing", () => {
  const told = driftOf(shape, [])
  expect(told?.split("; ")).toHaveLength(9)
  expect(told).toMatch(/; and \d+ more$/)
})
