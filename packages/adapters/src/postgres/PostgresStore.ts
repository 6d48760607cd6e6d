/**
 * The store on a PostgreSQL server, 15 or later.
 *
 * With a `url` it opens its own connections: two that decide and one more while keys are busy, one for reads, one for
 * scans, one for the outbox. They pipeline, so that a batch costs two round trips and one commit. With a `pool` or a
 * client of the host it borrows instead: two connections as long as it runs, and for everything else one at a time and
 * only for a moment. What the host passed in stays the host's.
 */

import { type Guarantees, Store, type StoreFault, type StoreShape } from "@holdfast/core"
import { Effect, Layer, Redacted, Schedule, type Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isPostgres, openFromClient } from "./clientWire.ts"
import { Line, type OpenWire } from "./Line.ts"
import { type MigrateMode, migrate } from "./migrate.ts"
import { nativeDriver } from "./nativeDriver.ts"
import { type HostPool, openFromPool, shopConnections, whyNotPool } from "./poolWire.ts"
import { storeOnLines } from "./StoreOnLines.ts"
import type { Purpose } from "./settings.ts"
import type { Path } from "./transact.ts"
import type { Failure } from "./wire.ts"

const guarantees = {
  name: "postgres",
  durability: "power loss",
  scope: "many machines",
  lanes: 2,
} as const satisfies Guarantees

/** Where the shop is kept, whatever the way to it. */
export interface SchemaOptions {
  /** The schema that holds the shop, and nothing else. Default: `holdfast`. */
  readonly schema?: string | undefined
  /** What happens at the start where the schema is missing or old. Default: `auto`. */
  readonly migrate?: MigrateMode | undefined
  /**
   * How many batches this process decides at once: 1 or 2. Default: 2, which suits orders of many products, and reading
   * beside selling. Where several processes sell the same few rows, 1 in each sells more: their batches are larger, and
   * fewer of them wait for one row.
   */
  readonly lanes?: 1 | 2 | undefined
  /** Which way batches go. Default: `any`; the others are for tests and measurements. */
  readonly path?: Path | undefined
}

/** By address: needs the package `@effect/sql-pg`, and is the fast way. */
export interface UrlOptions extends SchemaOptions {
  /** `postgres://user:password@host:port/database`, with the parameters that libpq knows. */
  readonly url: string
  readonly pool?: undefined
}

/** Through a pool of the host: needs nothing but that. */
export interface PoolOptions extends SchemaOptions {
  /**
   * A `pg.Pool` or the like, of three connections or more. Two are kept as long as the shop runs, and given back when it
   * stops. Statements run one after the other, so a batch costs more round trips than with `url`.
   */
  readonly pool: HostPool
  readonly url?: undefined
}

export type PostgresOptions = UrlOptions | PoolOptions

/** How sessions are come by. */
export interface Door {
  readonly open: (purpose: Purpose) => OpenWire
  /** Whether they are somebody else's, and so given back whenever nobody needs them. */
  readonly lends: boolean
}

/** A start tries again for a moment, so that a shop and its server may start together. Attempts may take long themselves. */
const startAgain = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 4, duration: "2 seconds" }))

const whileLost = <A>(attempt: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> =>
  Effect.retry(attempt, { schedule: startAgain, while: ({ _tag }) => _tag === "Lost" })

const make = (options: PostgresOptions): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.flatMap(doorOf(options), (door) => storeBehind(door, options))

const makeFromClient = (options: SchemaOptions = {}): Effect.Effect<StoreShape, StoreFault, Scope.Scope | SqlClient> =>
  Effect.flatMap(SqlClient, (client) => {
    if (!isPostgres(client)) return refuse("The SqlClient is not one of PostgreSQL.")
    const { schema = defaultSchema } = options
    return storeBehind({ open: (purpose) => openFromClient(client, schema, purpose), lends: true }, options)
  })

const defaultSchema = "holdfast"

/** Opens nothing yet. `connections` are needed at once of a pool: as many as a shop needs, unless less is done with it. */
export const doorOf = (
  { url, pool, schema = defaultSchema }: PostgresOptions,
  connections: number = shopConnections,
): Effect.Effect<Door, StoreFault> => {
  if ((url === undefined) === (pool === undefined)) return refuse("Pass either a `url` or a `pool`.")
  if (pool === undefined) {
    return Effect.map(nativeDriver, ({ openNative }) => ({
      open: (purpose) => openNative({ url: Redacted.make(url) }, schema, purpose),
      lends: false,
    }))
  }
  const whyNot = whyNotPool(pool, connections)
  return whyNot === undefined
    ? Effect.succeed({ open: (purpose) => openFromPool(pool, schema, purpose), lends: true })
    : refuse(whyNot)
}

const refuse = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })

const storeBehind = Effect.fnUntraced(function* (
  { open, lends }: Door,
  { schema = defaultSchema, migrate: mode = "auto", lanes = guarantees.lanes, path = "any" }: SchemaOptions,
): Effect.fn.Return<StoreShape, StoreFault, Scope.Scope> {
  const inSession = (purpose: Purpose, use: (wire: Effect.Success<OpenWire>) => Effect.Effect<void, StoreFault>) =>
    whileLost(Effect.scoped(Effect.flatMap(Effect.mapError(open(purpose), notOpened), use)))
  if (lanes !== 1 && lanes !== 2) return yield* refuse(`\`lanes\` is 1 or 2, not ${String(lanes)}.`)
  yield* inSession("migrate", (wire) => migrate(wire, schema, mode))
  // The spare one is opened when keys are busy for the first time, or borrowed whenever they are.
  const kept = yield* Effect.forEach(Array.from({ length: lanes }), () => Line.make(open("decide"), !lends))
  const spare = yield* Line.make(open("decide"), !lends, lends)
  for (const line of kept) yield* whileLost(line.ready)
  // Where the lanes took all that there is, nothing else would ever be answered.
  if (lends) yield* inSession("read", () => Effect.void)
  return storeOnLines(
    { ...guarantees, lanes },
    schema,
    {
      deciding: [...kept, spare],
      // Our own session pipelines what several callers ask. On a lent one they take turns.
      reading: yield* Line.make(open("read"), !lends, lends),
      scanning: yield* Line.make(open("read"), !lends, lends),
      delivering: yield* Line.make(open("deliver"), false, lends),
    },
    path,
  )
})

export const notOpened = ({ message, cause }: Failure): StoreFault => ({ _tag: "Lost", reason: message, cause })

/** The store on a PostgreSQL server. */
export const PostgresStore: {
  readonly guarantees: Guarantees
  readonly make: (options: PostgresOptions) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>
  /** By address, or through a pool of the host: {@link PostgresOptions}. */
  readonly layer: (options: PostgresOptions) => Layer.Layer<Store, StoreFault>
  /**
   * On the `SqlClient` that a program has already, such as that of `PgClient.layer`. It borrows connections as from a
   * pool: the client needs three or more, two are kept, and statements run one after the other. Where speed matters
   * more than one pool for everything, pass a `url` to `layer`.
   */
  readonly layerFromClient: (options?: SchemaOptions) => Layer.Layer<Store, StoreFault, SqlClient>
} = {
  guarantees,
  make,
  layer: (options) => Layer.effect(Store, make(options)),
  layerFromClient: (options) => Layer.effect(Store, makeFromClient(options)),
}
