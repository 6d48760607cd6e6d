/**
 * The transactions that hosts have, by the library that they come from, each as the library's own users open one.
 */
import { PgClient } from "@effect/sql-pg"
import type { PGlite } from "@electric-sql/pglite"
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres"
import { drizzle as drizzlePglite } from "drizzle-orm/pglite"
import { sql as drizzleSql } from "drizzle-orm/sql"
import { Data, Effect, Exit, ManagedRuntime, Option, Redacted } from "effect"
import knex from "knex"
import { CamelCasePlugin, Kysely, ParseJSONResultsPlugin, PGliteDialect, PostgresDialect, sql } from "kysely"
import pg from "pg"
import { prismaOn } from "./prisma.ts"

/** A transaction of a library, while it is open. */
export interface Inside {
  /** What is passed to `within`. */
  readonly handle: object
  /** A statement of the host's own. */
  readonly execute: (text: string) => Promise<unknown>
  /** A transaction inside this one, undone where `use` throws. */
  readonly nested: (use: (inside: Inside) => Promise<void>) => Promise<void>
}

export interface Library {
  /** The database itself, where that is a handle that must not be joined. */
  readonly outside: object | undefined
  /** Commits, or rolls back where `use` throws. */
  readonly transaction: <A>(use: (inside: Inside) => Promise<A>) => Promise<A>
  readonly close: () => Promise<unknown>
}

/** By savepoint, for libraries whose transactions do not nest. */
const inside = (handle: object, execute: Inside["execute"]): Inside => ({
  handle,
  execute,
  nested: async (use) => {
    await execute("savepoint inner_one")
    try {
      await use(inside(handle, execute))
      await execute("release savepoint inner_one")
    } catch (error) {
      await execute("rollback to savepoint inner_one")
      throw error
    }
  },
})

/** A server that stops says so to a connection that is just being closed, which is no failure of any test. */
export const poolOf = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on("error", () => {})
  pool.on("connect", (client) => client.on("error", () => {}))
  return pool
}

const onClient = (
  url: string,
  handleOf: (client: pg.PoolClient) => object,
  outsideOf: (pool: pg.Pool) => object | undefined,
): Library => {
  const pool = poolOf(url)
  return {
    outside: outsideOf(pool),
    transaction: async (use) => {
      const client = await pool.connect()
      try {
        await client.query("begin")
        const answer = await use(inside(handleOf(client), (text) => client.query(text)))
        await client.query("commit")
        return answer
      } catch (error) {
        await client.query("rollback")
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

const onDrizzle = (db: ReturnType<typeof drizzlePg> | ReturnType<typeof drizzlePglite>): Library => {
  type Transaction = Parameters<Parameters<ReturnType<typeof drizzlePg>["transaction"]>[0]>[0]
  const around = (tx: Transaction): Inside => ({
    handle: tx,
    execute: (text) => tx.execute(drizzleSql.raw(text)),
    nested: (use) => tx.transaction((inner) => use(around(inner))),
  })
  return {
    outside: db,
    transaction: (use) => (db as ReturnType<typeof drizzlePg>).transaction((tx) => use(around(tx))),
    close: () => Promise.resolve(),
  }
}

const onKysely = (db: Kysely<unknown>, close: () => Promise<unknown>): Library => ({
  outside: db,
  transaction: (use) => db.transaction().execute((trx) => use(inside(trx, (text) => sql.raw(text).execute(trx)))),
  close,
})

const onKnex = (url: string): Library => {
  const db = knex({ client: "pg", connection: url, pool: { min: 0, max: 4 } })
  const around = (trx: knex.Knex.Transaction): Inside => ({
    handle: trx,
    execute: async (text) => trx.raw(text),
    nested: (use) => trx.transaction((inner) => use(around(inner))),
  })
  return {
    outside: db,
    transaction: (use) => db.transaction((trx) => use(around(trx))),
    close: () => db.destroy(),
  }
}

class Thrown extends Data.TaggedError("Thrown")<{ readonly thrown: unknown }> {}

const onEffect = (url: string): Library => {
  const runtime = ManagedRuntime.make(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 }))
  return {
    outside: undefined,
    transaction: (use) =>
      runtime
        .runPromiseExit(
          Effect.gen(function* () {
            const client = yield* PgClient.PgClient
            return yield* client.withTransaction(
              Effect.gen(function* () {
                const [connection] = Option.getOrThrow(yield* Effect.serviceOption(client.transactionService))
                const execute = (text: string) => Effect.runPromise(connection.executeUnprepared(text, [], undefined))
                return yield* Effect.tryPromise({
                  try: () => use(inside(connection, execute)),
                  catch: (thrown) => new Thrown({ thrown }),
                })
              }),
            )
          }),
        )
        .then((exit) => {
          if (Exit.isSuccess(exit)) return exit.value
          const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
          throw error instanceof Thrown ? error.thrown : (error ?? exit.cause)
        }),
    close: () => runtime.dispose(),
  }
}

const onPrisma = (url: string): Library => {
  const prisma = prismaOn(url)
  return {
    outside: prisma,
    transaction: (use) =>
      // Its own limit of 5 s is none of these tests' promises.
      prisma.$transaction((tx) => use(inside(tx, (text) => tx.$executeRawUnsafe(text))), { timeout: 30_000 }),
    close: () => prisma.$disconnect(),
  }
}

/** Handles of transactions on a server. */
export const librariesOnServer: ReadonlyArray<readonly [name: string, open: (url: string) => Library]> = [
  [
    "pg",
    (url) =>
      onClient(
        url,
        (client) => client,
        (pool) => pool,
      ),
  ],
  [
    "Drizzle",
    (url) => {
      const pool = poolOf(url)
      return { ...onDrizzle(drizzlePg(pool)), close: () => pool.end() }
    },
  ],
  [
    "Kysely",
    (url) => {
      const pool = poolOf(url)
      // Plugins that rename columns and read JSON: a host's taste is none of ours to be misled by.
      const plugins = [new CamelCasePlugin(), new ParseJSONResultsPlugin()]
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), plugins })
      return onKysely(db, () => db.destroy())
    },
  ],
  ["Knex", onKnex],
  ["an Effect SqlClient", onEffect],
  ["Prisma", onPrisma],
  [
    "a wrapper of one line",
    (url) =>
      onClient(
        url,
        (client) => ({ query: (text: string, params: Array<string | null>) => client.query(text, params) }),
        () => undefined,
      ),
  ],
]

/** Handles of transactions on a PGlite that the shop is on, too. */
export const librariesOnPglite: ReadonlyArray<readonly [name: string, open: (database: PGlite) => Library]> = [
  [
    "PGlite",
    (database) => ({
      outside: database,
      transaction: (use) => database.transaction((tx) => use(inside(tx, (text) => tx.exec(text)))),
      close: () => Promise.resolve(),
    }),
  ],
  ["Drizzle", (database) => onDrizzle(drizzlePglite(database))],
  [
    "Kysely",
    (database) =>
      onKysely(new Kysely<unknown>({ dialect: new PGliteDialect({ pglite: database }) }), () => Promise.resolve()),
  ],
]
