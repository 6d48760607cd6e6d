/**
 * The options of the store and of `archive`, checked before anything is opened.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Options } from "@holdfast/core"
import type { Ways } from "../postgres/options.ts"
import type { MigrateMode } from "../postgres/schema/migrate.ts"

export interface PgliteOptions extends Ways {
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
}

/** What says where a database is. */
export const placeChecks: Options.Checks<Pick<PgliteOptions, "dir" | "database">> = {
  // One folder by two names would have two locks.
  dir: Options.must(
    "the path of a folder, and no URL",
    (dir) => typeof dir === "string" && dir !== "" && !dir.includes("\u0000") && !/^[a-z-]+:\/\//.test(dir),
  ),
  database: Options.must(
    "a PGlite",
    (database) =>
      typeof database === "object" &&
      database !== null &&
      typeof Reflect.get(database, "execProtocolRaw") === "function",
  ),
}
