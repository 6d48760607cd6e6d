/**
 * The options of the stores and of `archive`, checked before anything is opened.
 */
import { Options } from "@holdfast/core"
import type { Path } from "@holdfast/core/ports"
import type { RetentionOptions } from "./archiveOn.ts"
import { addressOf } from "./connect/address.ts"
import type { Pooler } from "./connect/nativeOpen.ts"
import { type HostPool, whyNotPool } from "./connect/poolWire.ts"
import type { MigrateMode } from "./schema/migrate.ts"
import { whyNotSchema } from "./session/text.ts"

/** What is for tests and measurements. */
export interface Ways {
  /** Which way batches go. Default: `any`; the others are for tests and measurements. */
  readonly path?: Path | undefined
  /** Whether callers who ask for the same at once share a read. Default: `together`; the other is for measurements. */
  readonly reads?: "together" | "apart" | undefined
}

/** Where the shop is kept, whatever the way to it. */
export interface SchemaOptions extends Ways {
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
}

/** By address: needs the package `@effect/sql-pg`, and is the fast way. */
export interface UrlOptions extends SchemaOptions {
  /**
   * `postgres://user:password@host:port/database`, with one host or several, and the parameters that libpq knows. Each is
   * honoured as libpq's documentation says, or refused by its name. Of several hosts the first one that takes changes is
   * used, as with `target_session_attrs=read-write`, which is the default. Without `sslmode` nothing is encrypted.
   */
  readonly url: string
  readonly pool?: undefined
  /**
   * What stands between the shop and the server. Default: what sessions look like. Where the process id that greets a
   * connection is not the one that serves it, a pooler may give each transaction another session: `transaction`. A pooler
   * that keeps one session for each connection looks the same from here, and is faster when it is named: `session`.
   */
  readonly pooler?: Pooler | undefined
}

/** Through a pool of the host: needs nothing but that. */
export interface PoolOptions extends SchemaOptions {
  /**
   * A `pg.Pool` or the like, of three connections or more. Two are kept as long as the shop runs, and given back when it
   * stops. Statements run one after the other, so a batch costs more round trips than with `url`.
   */
  readonly pool: HostPool
  readonly url?: undefined
  readonly pooler?: undefined
}

export type PostgresOptions = UrlOptions | PoolOptions

/** Of every store that lives in a schema. */
export const schemaChecks: Options.Checks<Pick<SchemaOptions, "schema" | "migrate" | "path" | "reads">> = {
  schema: whyNotSchema,
  migrate: Options.oneOf("auto", "check", "off"),
  path: Options.oneOf("any", "blind", "snapshot", "locked"),
  reads: Options.oneOf("together", "apart"),
}

export const storeChecks: Options.Checks<SchemaOptions> = { ...schemaChecks, lanes: Options.oneOf(1, 2) }

export const retentionChecks: Options.Checks<RetentionOptions> = {
  schema: whyNotSchema,
  keepDays: Options.wholeNumber(1, 36_500),
  batch: Options.wholeNumber(1, 100_000),
}

/** Of a way to a server: by address, or through a pool that lends so many connections at once. */
export const wayChecks = (connections: number): Options.Checks<Pick<PostgresOptions, "url" | "pool" | "pooler">> => ({
  url: whyNotUrl,
  pool: (pool) => whyNotPool(pool, connections),
  pooler: Options.oneOf("transaction", "session"),
})

/** Throws where the options are not as the checks say, or do not name one of two ways. */
export const checkWays = <Of extends object, Name extends keyof Of & string>(
  options: Of,
  checks: Options.Checks<Of>,
  either: Name,
  or: Name,
): void => {
  Options.check(options, checks)
  const given = [either, or].filter((name) => options[name] !== undefined)
  const message = `pass either a \`${either}\` or a \`${or}\``
  if (given.length !== 1) Options.refuse([{ pointer: given.length === 0 ? "" : `/${or}`, message }])
}

/** What of an address can be seen without connecting: all that it says. Its password is never repeated. */
const whyNotUrl: Options.Check = (url) => {
  const address = typeof url === "string" ? addressOf(url) : "must be text"
  // The reasons stand alone elsewhere; a message has its own full stop.
  return typeof address === "string" ? address.replace(/\.$/, "") : undefined
}
