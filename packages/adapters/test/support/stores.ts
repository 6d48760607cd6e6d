/**
 * The stores that every behavioural suite runs on: a server and PGlite, each deciding on snapshots and under locks, and the
 * server through a pool of the host. Every store gets a schema of its own, so that tests share a database and nothing else.
 */

import { PgConnection } from "@effect/sql-pg"
import { PGlite } from "@electric-sql/pglite"
import { type Path, Store, type StoreFault, type StoreShape } from "@holdfast/core/ports"
import type { StoreSuites } from "@holdfast/core/testing"
import { anyServer, type Server } from "@holdfast/test-services"
import { Effect, Layer, Redacted, type Scope } from "effect"
import pg from "pg"
import { afterAll, beforeAll, type TestContext } from "vitest"
import { storeOnDatabase } from "../../src/pglite/PgliteStore.ts"
import { addressOf } from "../../src/postgres/connect/address.ts"
import { openAt } from "../../src/postgres/connect/nativeOpen.ts"
import type { Purpose } from "../../src/postgres/connect/settings.ts"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import type { Failure, Wire } from "../../src/postgres/session/wire.ts"

export type Make = Effect.Effect<StoreShape, StoreFault, Scope.Scope>

let schemas = 0
/** A schema name that no other test uses, in this process or another. */
export const freshSchema = (): string => `t${process.pid}_${Date.now().toString(36)}_${schemas++}`

/** A server for the tests of one file. */
export const serverForFile = (
  who: string,
): { readonly server: () => Server | undefined; readonly url: () => string } => {
  let server: Server | undefined
  beforeAll(async () => {
    server = await anyServer(who)
  })
  afterAll(() => server?.stop())
  return { server: () => server, url: () => server?.url ?? "" }
}

/** A store in a schema that is dropped when the test is over. */
export const storeOn = (url: string, path: Path = "any", schema: string = freshSchema()): Make =>
  Effect.andThen(
    Effect.acquireRelease(Effect.void, () => Effect.orDie(query(url, `drop schema if exists ${schema} cascade`))),
    PostgresStore.make({ url, schema, path }),
  )

/** The same through a pool, as small as one may be. */
const storeOnPool = (url: string, schema: string = freshSchema()): Make =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(Effect.void, () => Effect.orDie(query(url, `drop schema if exists ${schema} cascade`)))
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => new pg.Pool({ connectionString: url, max: 3 })),
      (opened) => Effect.promise(() => opened.end()),
    )
    pool.on("error", () => {})
    return yield* PostgresStore.make({ pool, schema })
  })

/** A session of the store's, alone. */
export const openWire = (url: string, schema: string, purpose: Purpose): Effect.Effect<Wire, Failure, Scope.Scope> => {
  const address = addressOf(url)
  return typeof address === "string" ? Effect.die(new Error(address)) : openAt(address, schema, purpose, undefined)
}

/** Runs one statement on a connection of its own. */
export const query = (url: string, sql: string, params: ReadonlyArray<unknown> = []) =>
  Effect.scoped(
    Effect.flatMap(PgConnection.make({ url: Redacted.make(url) }), (connection) =>
      Effect.map(connection.query(sql, params), ({ rows }) => rows),
    ),
  )

const ways: Readonly<Record<Path, string>> = {
  any: "any way",
  blind: "blindly where it may",
  snapshot: "on snapshots",
  locked: "under locks",
}

/** Each build makes a store of its own, when the server is there. */
const layerOf = (make: () => Make) => Layer.effect(Store, Effect.suspend(make))

export interface StoreOfFile extends StoreSuites.SuiteStore {
  /** Runs before each case, and leaves it out where there is no server. */
  readonly before: (context: TestContext) => void
}

/** Every store, for one test file. */
export const storesForFile = (who: string): ReadonlyArray<StoreOfFile> => {
  const { url, server } = serverForFile(who)
  let database: PGlite | undefined
  beforeAll(async () => {
    database = await PGlite.create()
  })
  afterAll(() => database?.close())
  // The harness has said so already.
  const skipWithoutServer = (context: TestContext) => context.skip(server() === undefined, "no PostgreSQL here")
  const onPool: StoreOfFile = {
    name: "a pool of the host",
    layer: layerOf(() => storeOnPool(url())),
    onSnapshots: true,
    before: skipWithoutServer,
  }
  const onServer = (path: Path): StoreOfFile => ({
    name: `the server, ${ways[path]}`,
    layer: layerOf(() => storeOn(url(), path)),
    onSnapshots: path !== "locked",
    before: skipWithoutServer,
  })
  const onPglite = (path: Path): StoreOfFile => ({
    name: `PGlite, ${ways[path]}`,
    layer: layerOf(() =>
      database === undefined
        ? Effect.die(new Error("PGlite did not start"))
        : storeOnDatabase(database, { schema: freshSchema(), path }),
    ),
    onSnapshots: path !== "locked",
    before: () => {},
  })
  return [onServer("snapshot"), onServer("blind"), onServer("locked"), onPool, onPglite("any"), onPglite("locked")]
}
