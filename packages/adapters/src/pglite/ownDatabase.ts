/**
 * A PGlite of our own: opened for whoever needs it, alone in its folder, and closed with the scope.
 */
import { PGlite } from "@electric-sql/pglite"
import { type StoreFault, textOfThrown } from "@holdfast/core/ports"
import { Effect, type Scope } from "effect"
import { holdFolder } from "./folderLock.ts"

/** Opens the folder, which is made where it is missing and held meanwhile, or without one a database in memory. */
export const openOwn = (dir: string | undefined): Effect.Effect<PGlite, StoreFault, Scope.Scope> =>
  Effect.flatMap(dir === undefined ? Effect.succeed(undefined) : holdFolder(dir), (dataDir) =>
    Effect.acquireRelease(
      Effect.tryPromise({
        try: () => PGlite.create(dataDir === undefined ? {} : { dataDir }),
        catch: (cause): StoreFault => ({
          _tag: "Rejected",
          reason: `PGlite does not open: ${textOfThrown(cause)}`,
          cause,
        }),
      }),
      (opened) => Effect.promise(() => opened.close()),
    ),
  )
