/**
 * Retention on a PostgreSQL server: one session, by address or lent by a pool of the host, and what is old moves on it.
 */
import type { Options } from "@holdfast/core"
import { Effect } from "effect"
import { type Archived, archiveOn, type RetentionOptions } from "./archiveOn.ts"
import type { HostPool } from "./connect/poolWire.ts"
import { checkWays, retentionChecks, wayChecks } from "./options.ts"
import { sessionsOf } from "./PostgresStore.ts"
import { lost } from "./session/faults.ts"

/** By address: needs the package `@effect/sql-pg`. */
export interface ArchiveUrlOptions extends RetentionOptions {
  /** As the store's own. */
  readonly url: string
  readonly pool?: undefined
}

/** Through a pool of the host: needs nothing but that. */
export interface ArchivePoolOptions extends RetentionOptions {
  /** As the store's own, but one connection is enough: it is borrowed for the run, and given back as it was. */
  readonly pool: HostPool
  readonly url?: undefined
}

export type ArchiveOptions = ArchiveUrlOptions | ArchivePoolOptions

/**
 * Archives what is older than `keepDays`, batch by batch, each a short transaction. May be repeated, and goes on where it
 * was interrupted. Rejects where an option is not as it must be or the server fails; what moved until then has moved.
 */
export const archive = async (options: ArchiveOptions): Promise<Archived> => {
  checkWays(options, checks, "url", "pool")
  return archiveOn(
    () => Effect.flatMap(sessionsOf(options), ({ open }) => Effect.mapError(open("migrate"), lost)),
    options,
  )
}

const checks: Options.Checks<ArchiveOptions> = { ...wayChecks(1), ...retentionChecks }
