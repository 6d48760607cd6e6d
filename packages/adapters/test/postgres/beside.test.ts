/**
 * A host's own statements beside a joined call, in one `Promise.all` on one connection: the host is never told that its statement
 * succeeded, and its commit, where the statement is gone. Nor is a call ever answered as done that is not.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast, type Shop } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
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

const ends = {
  "is answered": () => ({ accountId: "account-0", amount: 1 }),
  "is refused": () => ({ accountId: "nobody", amount: 1 }),
  "is rejected by the store": () => ({ accountId: "account-0", amount: 666 }),
} as const

/** How many statements the host sends before the one that counts, so that it falls in every place between ours. */
const places = Array.from({ length: 10 }, (_, before) => before)

/** The host's statement and a call side by side, and what is left of both when the host commits. */
const beside = async (
  { library, shop, schema, rows }: World,
  charge: { readonly accountId: string; readonly amount: number },
  before: number,
  key: string,
): Promise<{ readonly host: string; readonly call: string }> => {
  const host = async (inside: Inside) => {
    for (let n = 0; n < before; n++) await inside.execute("select 1")
    await inside.execute(`insert into ${schema}.note values ('${key}')`)
  }
  const ended = await library
    .transaction(async (inside) => {
      const calls = await Promise.allSettled([
        shop.within(inside.handle).points.charge({ ...charge, key }),
        host(inside),
      ])
      return calls.map((call) => (call.status === "fulfilled" ? "fulfilled" : String(call.reason.code ?? call.reason)))
    })
    .then(
      ([call, own]) => ({ call: String(call), host: String(own), committed: true }),
      () => ({ call: "gone", host: "gone", committed: false }),
    )
  const [notes] = await rows(`select count(*)::int as n from ${schema}.note where text = '${key}'`)
  const [entries] = await rows(`select count(*)::int as n from ${schema}.entry where key = '${key}'`)
  const told = (what: string, kept: unknown) => {
    if (ended.committed) expect([what, kept]).toEqual([what, what === "fulfilled" ? 1 : 0])
    else expect(kept).toBe(0)
    return what
  }
  return { host: told(ended.host, notes?.n), call: told(ended.call, entries?.n) }
}

const stories = (world: () => World): void => {
  it.each(Object.entries(ends))(
    "stays where the call %s, wherever it falls",
    async (end, charge) => {
      const here = world()
      for (const before of places) {
        const { host, call } = await beside(here, charge(), before, `${end}-${before}`)
        expect(host).toBe("fulfilled")
        expect(call).toBe(
          {
            "is answered": "fulfilled",
            "is refused": "ACCOUNT_NOT_FOUND",
            "is rejected by the store": "STORE_REJECTED",
          }[end],
        )
      }
    },
    60_000,
  )

  it("that fails takes the transaction with it, and no call is told otherwise", async () => {
    const here = world()
    for (const before of places) {
      const key = `failing-${before}`
      const fails = async (inside: Inside) => {
        for (let n = 0; n < before; n++) await inside.execute("select 1")
        await inside.execute("select 1 / 0")
      }
      const moved = here.library.transaction(async (inside) => {
        await Promise.all([
          here.shop.within(inside.handle).points.charge({ ...ends["is answered"](), key }),
          fails(inside),
        ])
      })
      await expect(moved).rejects.toThrow()
      expect((await here.shop.outcome({ operation: "points.charge", key, calledAt: longAgo })).status).toBe("not-found")
    }
  }, 60_000)
}

const around = (
  name: string,
  open: () => {
    readonly library: Library
    readonly store: (schema: string) => ReturnType<typeof postgres>
    readonly rows: Rows
  },
  more: (world: () => World) => void = () => {},
): void => {
  describe(name, () => {
    let world: World | undefined
    const here = (): World => {
      if (world === undefined) throw new Error("The world is not there yet.")
      return world
    }
    beforeEach(async (context) => {
      const opened = (() => {
        try {
          return open()
        } catch {
          return undefined
        }
      })()
      if (opened === undefined) return context.skip("no database here")
      const schema = freshSchema()
      const shop = createHoldfast({ store: opened.store(schema), workers: false, logger: () => {} })
      await furnishShop(shop, { accounts: 2, products: 1, onHand: 5 })
      await opened.rows(`create table ${schema}.note (text text)`)
      // Somebody's rule, which the core knows nothing of.
      await opened.rows(`alter table ${schema}.entry add constraint odd check (change <> 666)`)
      world = { library: opened.library, shop, schema, rows: opened.rows }
    })
    afterEach(async () => {
      if (world === undefined) return
      expect((await world.shop.audit.run()).ok).toBe(true)
      await world.shop.stop()
      await world.rows(`drop schema ${world.schema} cascade`)
      await world.library.close()
      world = undefined
    })
    stories(here)
    more(here)
  })
}

/** When a call was made that is final by now, whichever process made it. */
const longAgo = new Date(0)

describe("a host's statement beside a call on a server, of", () => {
  const { url, server } = serverForFile("beside")
  const rows: Rows = (sql) => Effect.runPromise(query(url(), sql))
  for (const [name, libraryOf] of librariesOnServer) {
    around(
      name,
      () => {
        if (server() === undefined) throw new Error("no PostgreSQL here")
        return { library: libraryOf(url()), store: (schema) => postgres({ url: url(), schema }), rows }
      },
      (world) => {
        it("stays where the call is refused a lock, wherever it falls", async () => {
          const here = world()
          const holder = new pg.Client({ connectionString: url() })
          await holder.connect()
          await holder.query(`begin; select from ${here.schema}.account for update`)
          try {
            for (const before of places) {
              const { host, call } = await beside(here, ends["is answered"](), before, `locked-${before}`)
              expect([host, call]).toEqual(["fulfilled", "TRANSACTION_CONFLICT"])
            }
          } finally {
            await holder.end()
          }
        }, 60_000)
      },
    )
  }
})

describe("two calls by two handles of one connection", () => {
  const { url, server } = serverForFile("beside, by two handles")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  it("undo nothing of each other's", async () => {
    const schema = freshSchema()
    const shop = createHoldfast({ store: postgres({ url: url(), schema }), workers: false, logger: () => {} })
    await furnishShop(shop, { accounts: 2, products: 1 })
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    await client.query(`alter table ${schema}.entry add constraint odd check (change <> 666)`)
    const handle = () => ({ query: (text: string, params: Array<string | null>) => client.query(text, params) })
    for (const before of places) {
      await client.query("begin")
      const [kept, undone] = await Promise.allSettled([
        shop.within(handle()).points.charge({ accountId: "account-1", amount: 1, key: `kept-${before}` }),
        (async () => {
          for (let n = 0; n < before; n++) await client.query("select 1")
          await shop.within(handle()).points.charge({ accountId: "account-0", amount: 666, key: `undone-${before}` })
        })(),
      ])
      await client.query("commit")
      expect([kept.status, undone.status]).toEqual(["fulfilled", "rejected"])
      expect((await shop.outcome({ operation: "points.charge", key: `kept-${before}` })).status).toBe("accepted")
      const asked = { operation: "points.charge", key: `undone-${before}`, calledAt: longAgo } as const
      expect((await shop.outcome(asked)).status).toBe("not-found")
    }
    expect((await shop.audit.run()).ok).toBe(true)
    await shop.stop()
    await client.query(`drop schema ${schema} cascade`)
    await client.end()
  }, 60_000)
})

describe("a host's statement beside a call on the host's PGlite, of", () => {
  let database: PGlite | undefined
  beforeAll(async () => {
    database = await PGlite.create()
  }, 60_000)
  afterAll(() => database?.close())
  for (const [name, libraryOf] of librariesOnPglite) {
    around(name, () => {
      const here = database
      if (here === undefined) throw new Error("PGlite did not start.")
      return {
        library: libraryOf(here),
        store: (schema) => pglite({ database: here, schema }),
        rows: async (sql) => (await here.query<Record<string, unknown>>(sql)).rows,
      }
    })
  }
})
