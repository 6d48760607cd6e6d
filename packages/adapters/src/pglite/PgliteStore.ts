/**
 * The store on PGlite: PostgreSQL inside this process, in memory or in a folder, with the same statements as the server.
 *
 * It has one session, so one batch decides at a time and reads wait for it. It runs without fsync: what was acknowledged
 * survives the end of the process in a folder, but not a loss of power.
 */
import type { PGlite } from "@electric-sql/pglite"
import { type Guarantees, Store, type StoreFault, type StoreShape } from "@holdfast/core"
import { Effect, Layer, type Scope } from "effect"
import { Line } from "../postgres/Line.ts"
import { type MigrateMode, migrate } from "../postgres/migrate.ts"
import { openNative } from "../postgres/nativeWire.ts"
import { storeOnLines } from "../postgres/StoreOnLines.ts"
import type { Path } from "../postgres/transact.ts"
import { openFromDatabase } from "./databaseWire.ts"
import { duplexOf } from "./duplex.ts"
import { notBoth, openOwn } from "./ownDatabase.ts"

const inMemory: Guarantees = { name: "pglite", durability: "nothing", scope: "one process", lanes: 1 }
const inFolder: Guarantees = { ...inMemory, durability: "process crash" }

export interface PgliteOptions {
  /** Where the database is kept. Default: in memory, until the shop stops. */
  readonly dir?: string | undefined
  /**
   * A PGlite of the host instead, which stays open. The shop takes turns in it with the host's own queries, and can join
   * its transactions. Inside one, call the shop by `within` only: any other call waits for that transaction to end.
   */
  readonly database?: PGlite | undefined
  /** The schema that holds the shop, and nothing else. Default: `holdfast`. */
  readonly schema?: string | undefined
  /** What happens at the start where the schema is missing or old. Default: `auto`. */
  readonly migrate?: MigrateMode | undefined
  /** Which way batches go. Default: `any`; the others are for tests and measurements. */
  readonly path?: Path | undefined
}

const make = (options: PgliteOptions = {}): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const { dir, database: hosts } = options
    if (hosts !== undefined && dir !== undefined) return yield* notBoth
    if (hosts !== undefined) return yield* storeOnHosts(hosts, options)
    return yield* storeOnDatabase(yield* openOwn(dir), options)
  })

/** The store on a database of the host, beside the host's own use of it. */
const storeOnHosts = (
  database: PGlite,
  { schema = "holdfast", migrate: mode = "auto", path = "any" }: PgliteOptions,
): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.scoped(
      Effect.flatMap(openFromDatabase(database, schema, "migrate"), (wire) => migrate(wire, schema, mode)),
    )
    const line = yield* Line.make(openFromDatabase(database, schema, "decide"))
    const { dataDir = "memory://" } = database
    const guarantees = dataDir.startsWith("memory://") ? inMemory : inFolder
    return storeOnLines(guarantees, schema, { deciding: [line], reading: line, scanning: line, delivering: line }, path)
  })

/** The store on a database that is open already and stays so. Nobody else may use it meanwhile. */
export const storeOnDatabase = (
  database: PGlite,
  { dir, schema = "holdfast", migrate: mode = "auto", path = "any" }: PgliteOptions,
): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const config = { stream: () => duplexOf(database), username: "postgres", database: "postgres" }
    // A session that was dropped in the middle of something left its transaction in the database.
    const open = (purpose: "decide" | "migrate") =>
      Effect.andThen(
        Effect.promise(() => database.exec("rollback").then(() => undefined)),
        openNative(config, schema, purpose),
      )
    yield* Effect.scoped(
      Effect.flatMap(
        Effect.mapError(
          open("migrate"),
          ({ message, cause }): StoreFault => ({ _tag: "Lost", reason: message, cause }),
        ),
        (wire) => migrate(wire, schema, mode),
      ),
    )
    const line = yield* Line.make(open("decide"))
    yield* line.ready
    const lines = { deciding: [line], reading: line, scanning: line, delivering: line }
    const { join: _, ...store } = storeOnLines(dir === undefined ? inMemory : inFolder, schema, lines, path)
    // A host cannot open a transaction in a database that only we hold.
    return store
  })

/** The store on PGlite: {@link PgliteOptions}. */
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
