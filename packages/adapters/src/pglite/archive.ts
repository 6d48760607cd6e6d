/**
 * Retention on PGlite: in the folder of a shop that is stopped, or in a database of the host, beside a shop that runs.
 *
 * Each batch is one transaction of PGlite's own, which keeps everybody else out: in a database of the host neither the
 * shop's statements nor the host's ever stand inside it, nor it inside theirs.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { PGlite } from "@electric-sql/pglite"
import type { Options } from "@holdfast/core"
import type { StoreFault } from "@holdfast/core/ports"
import { Effect, type Scope } from "effect"
import { type Archived, archiveOn, type RetentionOptions } from "../postgres/archiveOn.ts"
import { checkWays, retentionChecks } from "../postgres/options.ts"
import { openFromDatabase } from "./databaseWire.ts"
import { placeChecks } from "./options.ts"
import { openOwn } from "./ownDatabase.ts"

/** In a folder whose shop is stopped. */
export interface ArchiveDirOptions extends RetentionOptions {
  /** As the store's own. It is held meanwhile as a shop holds it: a shop that is running there is in the way. */
  readonly dir: string
  readonly database?: undefined
}

/** In a PGlite of the host, whether its shop runs or not. */
export interface ArchiveDatabaseOptions extends RetentionOptions {
  /** As the store's own: it stays open. Call `archive` outside its transactions, since each batch waits for its turn. */
  readonly database: PGlite
  readonly dir?: undefined
}

export type ArchiveOptions = ArchiveDirOptions | ArchiveDatabaseOptions

/**
 * Archives what is older than `keepDays`, batch by batch, each a short transaction. May be repeated, and goes on where it
 * was interrupted. Rejects where an option is not as it must be, another opener has the folder or the database fails; what
 * moved until then has moved.
 */
export const archive = async (options: ArchiveOptions): Promise<Archived> => {
  checkWays(options, checks, "dir", "database")
  return archiveOn(
    (schema) => Effect.flatMap(databaseOf(options), (database) => openFromDatabase(database, schema, "migrate")),
    options,
  )
}

const checks: Options.Checks<ArchiveOptions> = { ...placeChecks, ...retentionChecks }

const databaseOf = ({ dir, database }: ArchiveOptions): Effect.Effect<PGlite, StoreFault, Scope.Scope> => {
  if (dir === undefined) return Effect.succeed(database)
  // Opening would make one, and nobody archives what is not there: the name is wrong.
  if (!existsSync(join(dir, "PG_VERSION")))
    return Effect.fail({ _tag: "Rejected", reason: `There is no database in the folder ${dir}.` })
  return openOwn(dir)
}
