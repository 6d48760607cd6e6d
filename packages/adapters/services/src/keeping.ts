/**
 * The program of a keeper: it starts servers, tells when they have ended, and outlives the process that asked for it just
 * as long as it takes to end them and to remove their folder. It is asked over a channel that closes when the other side
 * ends, also where that was killed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { openSync, rmSync } from "node:fs"
import type { Launch, Told } from "./Keeper.ts"

const [, , folder = "", log = ""] = process.argv
const words = openSync(log, "a")
const running = new Map<ChildProcess, NodeJS.Signals>()

/** How long a server may take to end by itself once nobody needs it any more. */
const patienceMillis = 10_000

process.on("message", ({ number, command, args, cwd, env, user, endBy }: Launch) => {
  const child = spawn(command, args, { cwd, env, ...user, stdio: ["ignore", words, words] })
  running.set(child, endBy)
  const ended = (why: string): void => {
    if (running.delete(child)) tell({ number, ended: why })
  }
  child.once("spawn", () => tell({ number, begun: child.pid ?? 0 }))
  child.once("error", (error) => ended(error.message))
  child.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`))
})

process.once("disconnect", async () => {
  const late = setTimeout(() => {
    for (const child of running.keys()) child.kill("SIGKILL")
  }, patienceMillis)
  await Promise.all(
    Array.from(running, ([child, endBy]) => {
      const gone = new Promise((resolve) => child.once("exit", resolve))
      child.kill(endBy)
      return gone
    }),
  )
  clearTimeout(late)
  rmSync(folder, { recursive: true, force: true })
})

function tell(told: Told): void {
  if (process.connected) process.send?.(told)
}
