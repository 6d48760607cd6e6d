/**
 * A host that ends its transaction while a call is still running in it, as where something else of a `Promise.all` has failed:
 * the call is a part of that transaction or of none. It never commits by itself, and never in the transaction that comes next.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast, type Shop } from "@holdfast/core"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { pglite } from "../../src/pglite/index.ts"
import { postgres } from "../../src/postgres/index.ts"
import { type Inside, type Library, librariesOnPglite, librariesOnServer } from "../support/handles.ts"
import { furnishShop } from "../support/shop.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

type Rows = (sql: string) => Promise<ReadonlyArray<Record<string, unknown>>>

interface World {
  readonly library: Library
  readonly shop: Shop
  readonly schema: string
  readonly rows: Rows
}

/** How many statements the host sends before the end, so that it falls in every place between ours. */
const places = Array.from({ length: 8 }, (_, before) => before)
/** More than a call has. */
const meanwhile = Array.from({ length: 12 }, () => "select 1")

/** What a host sends at that place, in a transaction in which `nested` is a savepoint. */
const ends = {
  "rolls back": ["rollback"],
  "rolls back, and begins another": ["rollback", "begin", ...meanwhile, "commit"],
  "rolls back, and uses another for long": [
    "rollback",
    "begin",
    "savepoint nested",
    ...meanwhile,
    ...meanwhile,
    "commit",
  ],
  "goes back to a savepoint": ["rollback to savepoint nested", ...meanwhile, "commit"],
  commits: ["commit"],
  "commits, and begins another that it rolls back": ["commit", "begin", ...meanwhile, "rollback"],
} as const

const send = async (inside: Inside, statements: ReadonlyArray<string>) => {
  for (const sql of statements) await inside.execute(sql)
}

const chargedAs = (key: string) => ({ accountId: "account-0", amount: 1, key })

/** What a call was told beside which the host sent these statements, and how often it was done. */
const told = async ({ library, shop, schema, rows }: World, key: string, statements: ReadonlyArray<string>) => {
  const call = await library.transaction(async (inside) => {
    await send(inside, ["savepoint nested"])
    const [ended] = await Promise.all([
      shop
        .within(inside.handle)
        .points.charge(chargedAs(key))
        .then(
          () => "answered",
          (error) => String(error.outcome),
        ),
      send(inside, statements),
    ])
    return ended
  })
  const [entries] = await rows(`select count(*)::int as n from ${schema}.entry where key = '${key}'`)
  return { call, kept: entries?.n }
}

const stories = (world: () => World): void => {
  it.each(Object.entries(ends))(
    "%s, wherever that falls",
    async (end, statements) => {
      const calls: Array<string> = []
      for (const before of places) {
        const { call, kept } = await told(world(), `${end}-${before}`, [...meanwhile.slice(0, before), ...statements])
        calls.push(call)
        if (!end.startsWith("commits")) expect([before, kept]).toEqual([before, 0])
        else if (call !== "unknown") expect([before, kept]).toEqual([before, call === "answered" ? 1 : 0])
      }
      // What was rolled back is certain.
      if (!end.startsWith("commits")) expect(calls).not.toContain("unknown")
      expect(calls).toContain("nothing-happened")
    },
    60_000,
  )

  it("has a call that waits for another one's end: it does nothing in the transaction that comes next", async () => {
    const { library, shop, schema, rows } = world()
    const waited = await library.transaction(async (inside) => {
      const joined = shop.within(inside.handle)
      const refused = joined.points.charge({ ...chargedAs("refused"), accountId: "nobody" })
      const waiting = joined.points.charge(chargedAs("waiting"))
      await expect(refused).rejects.toMatchObject({ code: "ACCOUNT_NOT_FOUND" })
      const [ended] = await Promise.allSettled([waiting, send(inside, ["rollback", "begin", ...meanwhile])])
      return ended
    })
    expect(waited).toMatchObject({ status: "rejected", reason: { outcome: "nothing-happened", retryable: false } })
    expect(await rows(`select from ${schema}.entry where key = 'waiting'`)).toEqual([])
  })

  it("may call the shop in the next one at once, whatever is left of the one before", async () => {
    const { library, shop, schema, rows } = world()
    for (const before of places) {
      await library.transaction(async (inside) => {
        const first = shop.within(inside.handle).points.charge(chargedAs(`first-${before}`))
        const other = async () => {
          await send(inside, [...meanwhile.slice(0, before), "rollback", "begin"])
          await shop.within(inside.handle).points.charge(chargedAs(`next-${before}`))
        }
        const [, next] = await Promise.allSettled([first, other()])
        expect(next.status).toBe("fulfilled")
      })
    }
    const kept = await rows(`select key from ${schema}.entry where key ~ '^(next|first)-' order by key`)
    expect(kept.map(({ key }) => key)).toEqual(places.map((before) => `next-${before}`))
  }, 60_000)
}

const around = (
  name: string,
  open: () =>
    | {
        readonly library: Library
        readonly store: (schema: string) => ReturnType<typeof postgres>
        readonly rows: Rows
      }
    | undefined,
): void => {
  describe(name, () => {
    let world: World | undefined
    const here = (): World => {
      if (world === undefined) throw new Error("The world is not there yet.")
      return world
    }
    beforeAll(async () => {
      const opened = open()
      if (opened === undefined) return
      const schema = freshSchema()
      const shop = createHoldfast({ store: opened.store(schema), workers: false, logger: () => {} })
      await furnishShop(shop, { accounts: 1, products: 1 })
      world = { library: opened.library, shop, schema, rows: opened.rows }
    }, 60_000)
    beforeEach((context) => context.skip(world === undefined, "no database here"))
    afterAll(async () => {
      if (world === undefined) return
      expect((await world.shop.audit.run()).ok).toBe(true)
      await world.shop.stop()
      await world.rows(`drop schema ${world.schema} cascade`)
      await world.library.close()
    }, 60_000)
    stories(here)
  })
}

describe("a host that ends its transaction beside a call on a server, of", () => {
  const { url, server } = serverForFile("ended")
  const rows: Rows = (sql) => Effect.runPromise(query(url(), sql))
  for (const [name, libraryOf] of librariesOnServer) {
    around(name, () =>
      server() === undefined
        ? undefined
        : { library: libraryOf(url()), store: (schema) => postgres({ url: url(), schema }), rows },
    )
  }
})

describe("a host that ends its transaction beside a call on the host's PGlite, of", () => {
  let database: PGlite | undefined
  const here = (): PGlite => {
    if (database === undefined) throw new Error("PGlite did not start.")
    return database
  }
  beforeAll(async () => {
    database = await PGlite.create()
  }, 60_000)
  afterAll(() => database?.close())
  for (const [name, libraryOf] of librariesOnPglite) {
    around(name, () => ({
      library: libraryOf(here()),
      store: (schema) => pglite({ database: here(), schema }),
      rows: async (sql) => (await here().query<Record<string, unknown>>(sql)).rows,
    }))
  }
})
