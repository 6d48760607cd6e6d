/**
 * The store on PGlite: PostgreSQL inside this process, in memory or in a folder, with the same statements as the server.
 *
 * It has one session, so one batch decides at a time and reads wait for it. It runs without fsync: what was acknowledged
 * survives the end of the process in a folder, but not a loss of power.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Options } from "@holdfast/core"
import { type Guarantees, Store, type StoreFault, type StoreShape } from "@holdfast/core/ports"
import { Effect, Layer, type Scope } from "effect"
import { openOn } from "../postgres/connect/nativeWire.ts"
import { checkWays, schemaChecks } from "../postgres/options.ts"
import { type Connections, storeOnConnections } from "../postgres/StoreOnConnections.ts"
import { migrate } from "../postgres/schema/migrate.ts"
import { Connection } from "../postgres/session/Connection.ts"
import { notOpened } from "../postgres/session/notOpened.ts"
import { openFromDatabase } from "./databaseWire.ts"
import { duplexOf } from "./duplex.ts"
import { type PgliteOptions, placeChecks } from "./options.ts"
import { openOwn } from "./ownDatabase.ts"

const inMemory: Guarantees = { name: "pglite", durability: "nothing", scope: "one process", lanes: 1 }
const inFolder: Guarantees = { ...inMemory, durability: "process crash" }

const checks: Options.Checks<PgliteOptions> = { ...placeChecks, ...schemaChecks }

const make = (options: PgliteOptions = {}): Effect.Effect<StoreShape, StoreFault, Scope.Scope> => {
  Options.check(options, checks)
  const { dir, database: hosts } = options
  if (hosts === undefined) return Effect.flatMap(openOwn(dir), (database) => storeOnDatabase(database, options))
  if (dir !== undefined) checkWays(options, checks, "dir", "database")
  return storeOnHosts(hosts, options)
}

/** The store on a database of the host, beside the host's own use of it. */
const storeOnHosts = (
  database: PGlite,
  { schema = "holdfast", migrate: mode = "auto", path, reads }: PgliteOptions,
): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.scoped(
      Effect.flatMap(openFromDatabase(database, schema, "migrate"), (wire) => migrate(wire, schema, mode)),
    )
    const connection = yield* Connection.make(openFromDatabase(database, schema, "decide"))
    const { dataDir = "memory://" } = database
    const guarantees = dataDir.startsWith("memory://") ? inMemory : inFolder
    return storeOnConnections(guarantees, schema, allOn(connection), { path, reads })
  })

/** The store on a database that is open already and stays so. Nobody else may use it meanwhile. */
export const storeOnDatabase = (
  database: PGlite,
  { dir, schema = "holdfast", migrate: mode = "auto", path, reads }: PgliteOptions,
): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const config = { stream: () => duplexOf(database), username: "postgres", database: "postgres" }
    // A session that was dropped in the middle of something left its transaction in the database.
    const open = (purpose: "decide" | "migrate") =>
      Effect.andThen(
        Effect.promise(() => database.exec("rollback").then(() => undefined)),
        openOn(config, schema, purpose),
      )
    yield* Effect.scoped(
      Effect.flatMap(Effect.mapError(open("migrate"), notOpened), (wire) => migrate(wire, schema, mode)),
    )
    const connection = yield* Connection.make(open("decide"))
    yield* connection.ready
    const { join: _, ...store } = storeOnConnections(
      dir === undefined ? inMemory : inFolder,
      schema,
      allOn(connection),
      {
        path,
        reads,
      },
    )
    // A host cannot open a transaction in a database that only we hold. Opening its one session anew ends the one before.
    return { ...store, settle: () => Effect.as(connection.ready, true) }
  })

/** There is one session for everything. */
const allOn = (connection: Connection): Connections => ({
  deciding: [connection],
  reading: connection,
  listing: connection,
  scanning: connection,
  delivering: connection,
  probing: connection,
})

/** The store on PGlite: {@link PgliteOptions}. Options that are not as they must be are thrown as a `HoldfastError`. */
export const PgliteStore: {
  /** Of a database in a folder; one in memory survives nothing. */
  readonly guarantees: Guarantees
  readonly make: (options?: PgliteOptions) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>
  readonly layer: (options?: PgliteOptions) => Layer.Layer<Store, StoreFault>
} = {
  guarantees: inFolder,
  make,
  layer: (options = {}) => Layer.effect(Store, make(options)),
}
