import { execFileSync } from "node:child_process"

export interface User {
  readonly uid: number
  readonly gid: number
}

/**
 * Who runs a server that refuses to run as root: whoever runs the test, or where that is root a user that every system
 * has. Undefined where there is none.
 */
export const serverUser = (): User | undefined => {
  const uid = process.getuid?.() ?? 1
  const gid = process.getgid?.() ?? 1
  if (uid !== 0) return { uid, gid }
  for (const name of ["postgres", "nobody"]) {
    try {
      const idOf = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }))
      return { uid: idOf("-u"), gid: idOf("-g") }
    } catch {}
  }
  return undefined
}
