/**
 * The store on a PostgreSQL server, 15 or later.
 *
 * It opens its own connections: two that decide and one more while keys are busy, one for reads, one for scans, one for
 * the outbox. They pipeline, so that a batch costs two round trips and one commit.
 */

import { type Guarantees, Store, type StoreFault, type StoreShape } from "@holdfast/core"
import { Effect, Layer, Redacted, Schedule, type Scope } from "effect"
import { Line } from "./Line.ts"
import { type MigrateMode, migrate } from "./migrate.ts"
import { type ConnectionConfig, openNative, type Purpose } from "./nativeWire.ts"
import { type Path, storeOnLines } from "./StoreOnLines.ts"

const guarantees: Guarantees = {
  name: "postgres",
  durability: "power loss",
  scope: "many machines",
  lanes: 2,
}

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, with the parameters that libpq knows. */
  readonly url: string
  /** The schema that holds the shop, and nothing else. Default: `holdfast`. */
  readonly schema?: string | undefined
  /** What happens at the start where the schema is missing or old. Default: `auto`. */
  readonly migrate?: MigrateMode | undefined
  /** Whether batches may be decided on a snapshot. Default: `any`; `locked` is for measurements. */
  readonly path?: Path | undefined
}

/** A start tries again for about this long, so that a shop and its server may start together. */
const startAgain = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 4 }))

const whileLost = <A>(attempt: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> =>
  Effect.retry(attempt, { schedule: startAgain, while: ({ _tag }) => _tag === "Lost" })

const make = ({
  url,
  schema = "holdfast",
  migrate: mode = "auto",
  path = "any",
}: PostgresOptions): Effect.Effect<StoreShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const config: ConnectionConfig = { url: Redacted.make(url) }
    const open = (purpose: Purpose) => openNative(config, schema, purpose)
    const prepared = Effect.scoped(
      Effect.flatMap(
        Effect.mapError(
          open("migrate"),
          ({ message, cause }): StoreFault => ({ _tag: "Lost", reason: message, cause }),
        ),
        (wire) => migrate(wire, schema, mode),
      ),
    )
    yield* whileLost(prepared)
    const deciding = yield* Effect.forEach(Array.from({ length: guarantees.lanes + 1 }), () =>
      Line.make(open("decide")),
    )
    // The spare one is opened when keys are busy for the first time.
    for (const line of deciding.slice(0, guarantees.lanes)) yield* whileLost(line.ready)
    return storeOnLines(
      guarantees,
      schema,
      {
        deciding,
        reading: yield* Line.make(open("read"), true),
        scanning: yield* Line.make(open("read"), true),
        delivering: yield* Line.make(open("deliver")),
      },
      path,
    )
  })

/** The store on a PostgreSQL server: {@link PostgresOptions}. */
export const PostgresStore: {
  readonly guarantees: Guarantees
  readonly make: (options: PostgresOptions) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>
  readonly layer: (options: PostgresOptions) => Layer.Layer<Store, StoreFault>
} = {
  guarantees,
  make,
  layer: (options) => Layer.effect(Store, make(options)),
}
