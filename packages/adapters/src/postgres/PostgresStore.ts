/**
 * The store on a PostgreSQL server, 15 or later.
 *
 * With a `url` it opens its own connections: two that decide and one more while keys are busy, one each for small reads, for
 * lists, for scans, for the outbox and for probes. Those that nobody asks for anything are not opened. They pipeline, so that
 * a batch costs two round trips and one commit. With a `pool` or a client of the host it borrows instead: two connections
 * as long as it runs, and for everything else one at a time and only for a moment. What the host passed in stays the host's.
 */

import { Options } from "@holdfast/core"
import { type Guarantees, Store, type StoreFault, type StoreShape } from "@holdfast/core/ports"
import { Effect, Layer, Schedule, type Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { addressOf } from "./connect/address.ts"
import { settleOn } from "./connect/Backend.ts"
import { isPostgres, openFromClient } from "./connect/clientWire.ts"
import { nativeDriver } from "./connect/nativeDriver.ts"
import type { Pooler } from "./connect/nativeOpen.ts"
import type { Target } from "./connect/parameters.ts"
import { openFromPool, shopConnections } from "./connect/poolWire.ts"
import type { Purpose } from "./connect/settings.ts"
import { whyNotFiles } from "./connect/socket.ts"
import {
  checkWays,
  type PostgresOptions,
  type SchemaOptions,
  storeChecks,
  type UrlOptions,
  wayChecks,
} from "./options.ts"
import { storeOnConnections } from "./StoreOnConnections.ts"
import { migrate } from "./schema/migrate.ts"
import { answeringWithin, ask, Connection, type OpenWire } from "./session/Connection.ts"
import { claimingConfirmed } from "./session/confirm.ts"
import { notOpened } from "./session/notOpened.ts"
import { begin, commit, statement, type Wire } from "./session/wire.ts"

const guarantees = {
  name: "postgres",
  durability: "power loss",
  scope: "many machines",
  standbys: "heard",
  lanes: 2,
} as const satisfies Guarantees

/** How sessions are come by. */
export interface Sessions {
  readonly open: (purpose: Purpose) => OpenWire
  /** Whether they are somebody else's, and so given back whenever nobody needs them. */
  readonly lends: boolean
  /** The database, where the address names it. */
  readonly database?: string | undefined
}

/** A start tries again for a moment, so that a shop and its server may start together. Attempts may take long themselves. */
const startAgain = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 4, duration: "2 seconds" }))

/** No statement of a start takes longer: a server that is there gives up on one of a migration after 60 s, and says so. */
const startMillis = 75_000

const whileLost = <A>(attempt: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> =>
  Effect.retry(attempt, { schedule: startAgain, while: ({ _tag }) => _tag === "Lost" })

const checks: Options.Checks<PostgresOptions> = { ...wayChecks(shopConnections), ...storeChecks }

const make = (options: PostgresOptions): Effect.Effect<StoreShape, StoreFault, Scope.Scope> => {
  checkWays(options, checks, "url", "pool")
  return Effect.flatMap(sessionsOf(options), (sessions) => storeBehind(sessions, options))
}

const makeFromClient = (options: SchemaOptions): Effect.Effect<StoreShape, StoreFault, Scope.Scope | SqlClient> => {
  Options.check(options, storeChecks)
  return Effect.flatMap(SqlClient, (client) => {
    if (!isPostgres(client)) return refuse("The SqlClient is not one of PostgreSQL.")
    const { schema = defaultSchema } = options
    return storeBehind({ open: (purpose) => openFromClient(client, schema, purpose), lends: true }, options)
  })
}

const defaultSchema = "holdfast"

/** Opens nothing yet. The options have been checked. `target` is what a server has to be, whatever the address says. */
export const sessionsOf = (
  { url, pool, pooler, schema = defaultSchema }: PostgresOptions,
  target?: Target,
): Effect.Effect<Sessions, StoreFault> =>
  pool === undefined
    ? sessionsAt(url, pooler, schema, target)
    : Effect.succeed({ open: (purpose) => openFromPool(pool, schema, purpose), lends: true })

const sessionsAt = (
  url: string,
  pooler: Pooler | undefined,
  schema: string,
  target: Target | undefined,
): Effect.Effect<Sessions, StoreFault> => {
  const address = addressOf(url)
  if (typeof address === "string") return refuse(address)
  const whyNot = whyNotFiles(address.ssl)
  if (whyNot !== undefined) return refuse(whyNot)
  const meant = target === undefined ? address : { ...address, target }
  return Effect.map(nativeDriver, ({ openAt }) => ({
    open: (purpose) => openAt(meant, schema, purpose, pooler),
    lends: false,
    database: address.database,
  }))
}

const refuse = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })

const storeBehind = Effect.fnUntraced(function* (
  { open, lends, database }: Sessions,
  options: SchemaOptions & Pick<UrlOptions, "pooler">,
): Effect.fn.Return<StoreShape, StoreFault, Scope.Scope> {
  const { schema = defaultSchema, migrate: mode = "auto", lanes = guarantees.lanes, pooler } = options
  const inSession = (purpose: Purpose, use: (wire: Wire) => Effect.Effect<void, StoreFault>) =>
    whileLost(
      Effect.scoped(
        Effect.flatMap(Effect.mapError(open(purpose), notOpened), (wire) => use(answeringWithin(startMillis, wire))),
      ),
    )
  let [isPooled, hearsWarnings] = [false, false]
  yield* inSession("migrate", (wire) => {
    isPooled = wire.isPooled === true
    hearsWarnings = wire.hearsWarnings === true
    return Effect.andThen(isPooled ? whetherTransactions(wire) : Effect.void, migrate(wire, schema, mode))
  })
  if (isPooled && pooler === undefined) yield* Effect.logWarning(behindPooler)
  // Batches of a lane follow each other down one session, and behind a pooler there is none.
  const overlaps = !lends && !isPooled
  // The spare one is opened when keys are busy for the first time, or borrowed whenever they are.
  const kept = yield* Effect.forEach(Array.from({ length: lanes }), () => Connection.make(open("decide"), overlaps))
  const spare = yield* Connection.make(open("decide"), overlaps, lends)
  for (const connection of kept) yield* whileLost(connection.ready)
  // Where the lanes took all that there is, nothing else would ever be answered.
  if (lends) yield* inSession("read", () => Effect.void)
  // Our own session pipelines what several callers ask. On a lent one they take turns.
  const reading = yield* Connection.make(open("read"), !lends, lends)
  const delivering = yield* Connection.make(open("deliver"), false, lends)
  const store = storeOnConnections(
    { ...guarantees, lanes, standbys: hearsWarnings ? "heard" : "unheard" },
    schema,
    {
      deciding: [...kept, spare],
      reading,
      listing: yield* Connection.make(open("read"), !lends, lends),
      scanning: yield* Connection.make(open("read"), !lends, lends),
      delivering,
      isOwnSession: overlaps,
      probing: yield* Connection.make(open("read"), !lends, lends),
    },
    options,
  )
  const outbox = claimingConfirmed(store.outbox, delivering)
  const namespace = database === undefined ? schema : `${database}|${schema}`
  return {
    ...store,
    database: { system: "postgresql", namespace },
    outbox,
    settle: settleOn(reading),
    now: clockOn(reading),
  }
})

/** The server's own clock: several machines ask it, and agree. */
const clockOn = (connection: Connection): Effect.Effect<number, StoreFault> =>
  Effect.map(ask(connection, statement("select (extract(epoch from clock_timestamp()) * 1000)::bigint::text")), Number)

/** A pooler in statement mode has none, and every batch would be refused. */
const whetherTransactions = (wire: Wire): Effect.Effect<void, StoreFault> =>
  Effect.flatMap(wire.run([begin, commit]), ({ failed }) => {
    if (failed === undefined) return Effect.void
    const { code, message, cause } = failed.failure
    const reason = `The pooler at this address gives no transactions (${message}): let it pool by transaction or by session.`
    return Effect.fail<StoreFault>({ _tag: code === undefined ? "Lost" : "Rejected", reason, cause })
  })

const behindPooler =
  'The connections of the shop lead to a pooler: the process that greets one is not the one that serves it. The shop takes it for one that pools by transaction, which costs speed, and after a lost reply a refusal is told as an unknown outcome. Name what it is: pooler: "transaction", or pooler: "session" where each connection keeps its session; or pass the address of the server itself.'

/**
 * The store on a PostgreSQL server. Options that are unknown or not as they must be are thrown as a `HoldfastError` by the
 * call that they are passed to, before anything is opened.
 */
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
  layerFromClient: (options = {}) => Layer.effect(Store, makeFromClient(options)),
}
