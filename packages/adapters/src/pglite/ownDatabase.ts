/**
 * A PGlite of our own: opened for whoever needs it, alone in its folder, and closed with the scope.
 */
import { PGlite } from "@electric-sql/pglite"
import type { StoreFault } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { holdFolder } from "./folderLock.ts"

/** Opens the folder, which is made where it is missing and held meanwhile, or without one a database in memory. */
export const openOwn = (dir: string | undefined): Effect.Effect<PGlite, StoreFault, Scope.Scope> =>
  Effect.andThen(
    dir === undefined ? Effect.void : holdFolder(dir),
    Effect.acquireRelease(
      Effect.tryPromise({
        try: () => PGlite.create(dir === undefined ? {} : { dataDir: dir }),
        catch: (cause): StoreFault => ({ _tag: "Rejected", reason: `PGlite does not open: ${String(cause)}`, cause }),
      }),
      (opened) => Effect.promise(() => opened.close()),
    ),
  )

/** What is said to whoever leaves open which database is meant. */
export const notBoth: Effect.Effect<never, StoreFault> = Effect.fail({
  _tag: "Rejected",
  reason: "Pass either a `dir` or a `database`.",
})
