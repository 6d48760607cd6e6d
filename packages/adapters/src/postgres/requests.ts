/**
 * The request log in the shop's own PostgreSQL: an accepted request is as durable as an order, and every process may decide.
 *
 * Processes do not agree on who decides: each reads the first claims that are not decided, and of those who decide the same
 * ones the store lets one through. A process that came late pauses, so that under load one goes on and the others look after
 * it a few times a second.
 */
import { type InProcessRequestsOptions, Options } from "@holdfast/core"
import {
  type Claim,
  type LogFull,
  type LogGuarantees,
  placeOf,
  RequestLog,
  type RequestLogShape,
  requestIdOf,
  type Slice,
  type StoreFault,
  sliceLimit,
} from "@holdfast/core/ports"
import { Effect, Latch, Layer, Random, type Scope } from "effect"
import { shopConnections } from "./connect/poolWire.ts"
import { checkWays, type PostgresOptions, schemaChecks, wayChecks } from "./options.ts"
import { sessionsOf } from "./PostgresStore.ts"
import { ask, Connection } from "./session/Connection.ts"
import { rowsOf, texts, values } from "./session/text.ts"
import { transaction } from "./session/transaction.ts"
import * as sql from "./statements/requestLog.ts"

/** The way to the database is that of the store: the log is a table of its schema. */
export type PostgresRequestsOptions = Pick<PostgresOptions, "schema" | "pooler"> &
  Pick<InProcessRequestsOptions, "maxWaiting"> &
  ({ readonly url: string; readonly pool?: undefined } | Extract<PostgresOptions, { readonly url?: undefined }>)

const guarantees: LogGuarantees = { name: "postgres", durability: "power loss", scope: "many machines" }

const { schema } = schemaChecks
const checks: Options.Checks<PostgresRequestsOptions> = {
  ...wayChecks(shopConnections),
  schema,
  maxWaiting: Options.wholeNumber(1, 10_000_000),
}

/** How often a process looks for requests that others have accepted, and how long one pauses that came late. */
const pollMillis = 250
const retryAfterMillis = 1_000
/** Decided claims that one statement deletes: as many as were decided since the last one. */
const trimLimit = sliceLimit
/** How often an append is tried whose row others hold. */
const appendTries = 5

type ClaimRow = readonly [
  place: number,
  campaignId: Claim["campaignId"],
  accountId: Claim["accountId"],
  at: number,
  commandId: Claim["commandId"],
  scope: Claim["scope"],
  key: Claim["key"],
]
type SliceRow = readonly [log: string, waiting: number, claims: ReadonlyArray<ClaimRow> | null]

interface RequestConnections {
  readonly appending: Connection
  readonly reading: Connection
  readonly trimming: Connection
}

const logOn = ({ appending, reading, trimming }: RequestConnections, maxWaiting: number, hasWork: Latch.Latch) => {
  const append = (claims: ReadonlyArray<Claim>): Effect.Effect<string | null, StoreFault> =>
    Effect.map(
      transaction(appending, [
        sql.append(
          texts(claims.map(({ campaignId }) => campaignId)),
          texts(claims.map(({ accountId }) => accountId)),
          values(claims.map(({ at }) => at)),
          texts(claims.map(({ commandId }) => commandId)),
          texts(claims.map(({ scope }) => scope)),
          texts(claims.map(({ key }) => key)),
          String(claims.length),
          String(maxWaiting),
        ),
      ]),
      ([answer]) => answer ?? null,
    )
  const nextSlice: Effect.Effect<Slice | undefined, StoreFault> = Effect.map(
    ask(reading, sql.slice(String(sliceLimit))),
    (json) => sliceOf(rowsOf<SliceRow>(json)[0]),
  )
  const pauseAfterFault = (fault: StoreFault) =>
    Effect.andThen(
      fault._tag === "Rejected" ? Effect.logWarning(`The request log fails: ${fault.reason}`) : Effect.void,
      pause(retryAfterMillis),
    )
  const shape: RequestLogShape = {
    guarantees,
    append: Effect.fnUntraced(function* (claims): Effect.fn.Return<ReturnType<typeof idsOf>, StoreFault | LogFull> {
      const json = yield* Effect.retry(append(claims), { times: appendTries, while: ({ _tag }) => _tag === "Busy" })
      const [first] = rowsOf<readonly [log: string, first: number]>(json)
      if (first === undefined) return yield* Effect.fail<LogFull>({ _tag: "LogFull", retryAfterMillis })
      hasWork.openUnsafe()
      return idsOf(first, claims)
    }),
    serve: (decide) =>
      Effect.forever(
        Effect.gen(function* () {
          hasWork.closeUnsafe()
          const slice = yield* nextSlice
          if (slice === undefined) return yield* Effect.timeoutOption(hasWork.await, pollMillis)
          const { next, isLate } = yield* decide(slice)
          yield* transaction(trimming, [sql.trim(String(next), String(trimLimit))])
          return isLate ? yield* pause(pollMillis) : undefined
        }).pipe(Effect.catch(pauseAfterFault)),
      ),
    holds: (requestId) => {
      const place = placeOf(requestId)
      if (place === undefined || place.partition !== 0) return Effect.succeed(false)
      const asked = ask(reading, sql.holds(place.log, String(place.offset), place.commandId))
      return Effect.map(asked, (found) => found !== null)
    },
    waiting: Effect.map(ask(reading, sql.waiting()), Number),
  }
  return shape
}

/** Those who came late together part again. */
const pause = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (random) => Effect.sleep(millis * (0.5 + random)))

const idsOf = ([log, first]: readonly [string, number], claims: ReadonlyArray<Claim>) =>
  claims.map(({ commandId }, index) => requestIdOf({ log, partition: 0, offset: first + index }, commandId))

const sliceOf = (row: SliceRow | undefined): Slice | undefined => {
  if (row === undefined) return undefined
  const [log, , claims] = row
  const last = claims?.at(-1)
  if (claims === null || last === undefined) return undefined
  return {
    log,
    partition: 0,
    requests: claims.map(([offset, campaignId, accountId, at, commandId, scope, key]) => ({
      offset,
      claim: { campaignId, accountId, at, commandId, scope, key },
    })),
    end: last[0] + 1,
  }
}

const make = (options: PostgresRequestsOptions): Effect.Effect<RequestLogShape, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const { open, lends } = yield* sessionsOf(options)
    const connections = {
      appending: yield* Connection.make(open("deliver"), false, lends),
      reading: yield* Connection.make(open("read"), !lends, lends),
      trimming: yield* Connection.make(open("deliver"), false, lends),
    }
    const log = logOn(connections, options.maxWaiting ?? 100_000, yield* Latch.make(false))
    // By the schema alone: one database may have two names, as behind a pooler.
    return { ...log, database: { system: "postgresql", namespace: options.schema ?? "holdfast" } }
  })

/**
 * The request log in the shop's PostgreSQL, as an option of a shop. Pass the address, or the pool, and the schema of its
 * store. What was accepted survives the loss of power; any process of the shop decides it.
 */
export const postgresRequests = (
  options: PostgresRequestsOptions,
): { readonly name: string; readonly layer: Layer.Layer<RequestLog, StoreFault> } => {
  checkWays(options, checks, "url", "pool")
  return { name: guarantees.name, layer: Layer.effect(RequestLog, make(options)) }
}
