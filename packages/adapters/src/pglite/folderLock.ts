/**
 * One opener for a folder: PGlite itself would let two processes write into the same one.
 *
 * The lock is a file with the process id in it. One that was left by a process that is gone is taken over.
 */
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { StoreFault } from "@holdfast/core"
import { Effect, type Scope } from "effect"

const lockName = "holdfast.lock"

/** Holds the folder until the scope closes, or is refused. */
export const holdFolder = (folder: string): Effect.Effect<void, StoreFault, Scope.Scope> => {
  const file = join(folder, lockName)
  return Effect.asVoid(
    Effect.acquireRelease(
      Effect.suspend(() => {
        mkdirSync(folder, { recursive: true })
        const holder = take(file)
        return holder === undefined
          ? Effect.void
          : Effect.fail<StoreFault>({
              _tag: "Rejected",
              reason: `The folder ${folder} is in use by process ${holder}. One process at a time may open it.`,
            })
      }),
      () => Effect.sync(() => rmSync(file, { force: true })),
    ),
  )
}

/** Undefined where the lock is ours now, else who holds it. */
const take = (file: string): number | undefined => {
  const mine = `${file}.${process.pid}.${openers++}`
  const descriptor = openSync(mine, "wx")
  writeSync(descriptor, String(process.pid))
  closeSync(descriptor)
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      // A link appears with its content, so nobody ever reads an empty lock.
      if (linked(mine, file)) return undefined
      const holder = holderOf(file)
      if (holder !== undefined && isAlive(holder)) return holder
      rmSync(file, { force: true })
    }
    return holderOf(file) ?? 0
  } finally {
    rmSync(mine, { force: true })
  }
}

let openers = 0

const linked = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch {
    return false
  }
}

const holderOf = (file: string): number | undefined => {
  try {
    const holder = Number(readFileSync(file, "utf8"))
    return Number.isSafeInteger(holder) && holder > 0 ? holder : undefined
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // A process of another user is alive, too.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
