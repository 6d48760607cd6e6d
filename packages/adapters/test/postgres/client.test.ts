/**
 * The shop on the SqlClient that an Effect program has already.
 */
import { PgClient } from "@effect/sql-pg"
import { Audit, Holdfast, Orders, Points, Stock } from "@holdfast/core"
import { Store } from "@holdfast/core/ports"
import { Effect, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, Statement } from "effect/sql"
import { beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/index.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("on an Effect program's own client", () => {
  const { url, server } = serverForFile("client")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const clientOf = (maxConnections: number) => PgClient.layer({ url: Redacted.make(url()), maxConnections })
  const withSchema = <A, E>(use: (schema: string) => Effect.Effect<A, E>): Promise<A> => {
    const schema = freshSchema()
    return Effect.runPromise(
      Effect.ensuring(use(schema), Effect.orDie(query(url(), `drop schema if exists ${schema} cascade`))),
    )
  }

  it("sells beside the program's own statements, and changes none of its sessions", () =>
    withSchema((schema) => {
      const settingsOf = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const rows = yield* Effect.all(
          Array.from({ length: 3 }, () =>
            Effect.scoped(
              Effect.flatMap(sql.reserve, (connection) =>
                connection.executeUnprepared(
                  `select (select json_agg(array[name, setting] order by name)::text from pg_settings
                     where name !~ '^(transaction|server|in_hot)') as settings,
                   (select count(*)::int from pg_prepared_statements) as prepared`,
                  [],
                  undefined,
                ),
              ),
            ),
          ),
          { concurrency: 3 },
        )
        return new Set(rows.map((each) => JSON.stringify(each)))
      })
      const selling = Effect.gen(function* () {
        const [points, stock, orders, audit] = [yield* Points, yield* Stock, yield* Orders, yield* Audit]
        yield* stock.register({ productId: "tee", name: "Tee", price: 3, onHand: 40 })
        yield* points.open({ accountId: "ann" })
        yield* points.charge({ accountId: "ann", amount: 1_000, key: "top-up" })
        const place = (n: number) =>
          orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key: `order-${n}` })
        const placed = yield* Effect.all(
          Array.from({ length: 60 }, (_, n) => Effect.exit(place(n))),
          { concurrency: "unbounded" },
        )
        expect(placed.filter(({ _tag }) => _tag === "Success")).toHaveLength(40)
        expect((yield* stock.product("tee")).onHand).toBe(0)
        expect((yield* audit.run()).ok).toBe(true)
      })
      const shop = Holdfast.layer.pipe(Layer.provide(PostgresStore.layerFromClient({ schema })))
      return Effect.gen(function* () {
        const before = yield* settingsOf
        expect(before.size).toBe(1)
        yield* Effect.provide(selling, shop)
        expect(yield* settingsOf).toEqual(before)
        const sql = yield* SqlClient.SqlClient
        expect(yield* sql`select 1 as one`).toEqual([{ one: 1 }])
      }).pipe(Effect.provide(clientOf(3)))
    }))

  it("is refused by a client of two connections, in time", () =>
    withSchema((schema) =>
      Effect.gen(function* () {
        const fault = yield* Effect.flip(
          Effect.provide(Effect.service(Store), PostgresStore.layerFromClient({ schema })),
        )
        expect(fault).toMatchObject({ _tag: "Lost", reason: expect.stringMatching(/no connection within.*in use/) })
      }).pipe(Effect.provide(clientOf(2))),
    ))

  it("refuses a client of another database", () => {
    const other = Effect.flatMap(Effect.service(Reactivity.Reactivity), () =>
      SqlClient.make({
        acquirer: Effect.die(new Error("nobody asks")),
        compiler: Statement.makeCompilerSqlite(),
        spanAttributes: [],
        driver: "other",
      }),
    )
    const started = Effect.provide(Effect.service(Store), PostgresStore.layerFromClient()).pipe(
      Effect.provideServiceEffect(SqlClient.SqlClient, other),
      Effect.provide(Reactivity.layer),
    )
    return expect(Effect.runPromise(Effect.flip(started))).resolves.toMatchObject({
      _tag: "Rejected",
      reason: expect.stringContaining("not one of PostgreSQL"),
    })
  })
})
