/**
 * One opener for a folder: PGlite itself would let two processes write into the same one.
 *
 * The lock is an exclusive transaction of SQLite on a file in the folder, which stays open and writes nothing. The kernel
 * keeps it for the process, so it ends with its holder, however that ends; a holder that stands still goes on having it. No
 * process id is judged: in a container every start has the same one. A successor waits for a while, because the holder may be
 * on its way out.
 *
 * It reaches every process of one kernel, containers that share a volume included, by whatever name they call the folder. It
 * does not reach another machine through a network volume. A process that itself opens and closes the file, as one does
 * that copies the folder, gives its own lock away: that is how locks of files work.
 */
import { mkdirSync, realpathSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { messageOfThrown, type StoreFault } from "@holdfast/core/ports"
import { Effect, Schedule, type Scope } from "effect"
import { nodeSqlite } from "./sqlite.ts"

const lockName = "holdfast.lock.db"
/** What earlier versions left: a process id, which says nothing. */
const formerName = "holdfast.lock"

/** How long a successor waits for the holder to leave, and how often it looks. */
const patienceMillis = 5_000
const lookAgain = Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: patienceMillis }))

/** Makes the folder where it is missing, holds it until the scope closes, and answers its one real name. */
export const holdFolder = (folder: string): Effect.Effect<string, StoreFault, Scope.Scope> =>
  Effect.gen(function* () {
    const real = yield* using(folder, () => realFolder(folder))
    const lock = yield* Effect.acquireRelease(
      using(folder, () => new FolderLock(real)),
      (opened) => Effect.sync(() => opened.release()),
    )
    // Outside of the acquisition, so that a start that is given up does not wait to the end.
    yield* Effect.retry(
      Effect.flatMap(
        using(folder, () => lock.take()),
        (holder) => (holder === undefined ? Effect.void : Effect.fail(inUse(real, holder))),
      ),
      { schedule: lookAgain, while: ({ _tag }) => _tag === "Lost" },
    )
    rmSync(join(real, formerName), { force: true })
    return real
  })

const realFolder = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  return realpathSync(folder)
}

/** What does not work with a folder today does not work tomorrow either: no right to it, a file in its place. */
const using = <A>(folder: string, use: () => A): Effect.Effect<A, StoreFault> =>
  Effect.try({
    try: use,
    catch: (cause): StoreFault => ({
      _tag: "Rejected",
      reason: `the folder ${folder} cannot be used: ${messageOfThrown(cause)}`,
      cause,
    }),
  })

type Holder = "this process" | "another process or thread"

const inUse = (folder: string, holder: Holder): StoreFault => ({
  _tag: "Lost",
  reason: `the folder ${folder} is in use by ${holder}, which did not leave it within ${patienceMillis / 1_000} s; one opener at a time may have it`,
})

/**
 * Folders that this process has open. SQLite would tell its own connections apart as well, also those of worker threads;
 * this says who it is, and holds where a file system knows no locks.
 */
const openHere = new Set<string>()

class FolderLock {
  readonly #folder: string
  readonly #database: DatabaseSync
  #held = false

  constructor(folder: string) {
    const sqlite = nodeSqlite()
    if (sqlite === undefined) throw new Error("its lock needs node:sqlite, which Node has from 22.19 on")
    this.#folder = folder
    this.#database = new sqlite.DatabaseSync(join(folder, lockName), { timeout: 0 })
  }

  /** Takes it at once, or answers who has it. */
  take(): Holder | undefined {
    if (openHere.has(this.#folder)) return "this process"
    try {
      // No journal beside the file: nothing is ever written, so there is nothing to roll back.
      this.#database.exec("pragma journal_mode = memory; begin exclusive")
    } catch (error) {
      if (isBusy(error)) return "another process or thread"
      throw error
    }
    openHere.add(this.#folder)
    this.#held = true
    return undefined
  }

  release(): void {
    if (this.#held) openHere.delete(this.#folder)
    this.#database.close()
  }
}

/** SQLITE_BUSY, whatever its extended code. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 5
