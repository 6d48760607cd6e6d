/**
 * A volume that can be filled without harm to the machine: a tmpfs of a few hundred megabytes, mounted over a folder.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { User } from "./serverUser.ts"

export interface SmallVolume {
  /** Writes until there is no room. */
  readonly fill: () => void
  /** Removes what `fill` wrote. */
  readonly free: () => void
  /** Takes the volume away, with what is on it once nobody has it open. */
  readonly unmount: () => void
}

const chunk = new Uint8Array(1_000_000)

/** Undefined where this user may mount nothing: most containers do not let anybody. */
export const smallVolume = (folder: string, megabytes: number, user: User | undefined): SmallVolume | undefined => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const owner = user === undefined ? "" : `,uid=${user.uid},gid=${user.gid}`
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700${owner}`, "holdfast", folder], {
      stdio: "pipe",
    })
  } catch {
    return undefined
  }
  const ballast = join(folder, "ballast")
  return {
    fill: () => {
      try {
        for (;;) writeFileSync(ballast, chunk, { flag: "a" })
      } catch (error) {
        if (!String(error).includes("ENOSPC")) throw error
      }
    },
    free: () => rmSync(ballast, { force: true }),
    // Whoever still has a file open there keeps it until it ends.
    unmount: () => void execFileSync("umount", ["--lazy", folder]),
  }
}
