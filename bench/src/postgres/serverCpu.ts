/**
 * What the PostgreSQL server's processes have computed, where they run on this machine and it says so in `/proc`.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import type { Ask } from "./Connections.ts"

/** Reads the CPU time of all processes of the server, in microseconds; of none where it is not here. */
export const serverCpu = async (ask: Ask): Promise<() => number | undefined> => {
  const [row] = await ask("select pg_backend_pid() as pid")
  const backend = statOf(Number(row?.pid))
  if (backend === undefined || !backend.name.startsWith("postgres")) return () => undefined
  const { parent } = backend
  const microsPerTick = 1_000_000 / ticksPerSecond()
  return () => {
    const postmaster = statOf(parent)
    if (postmaster === undefined) return undefined
    // Processes that ended are in what their parent has waited for.
    let ticks = postmaster.own + postmaster.ended
    for (const entry of readdirSync("/proc")) {
      const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined
      if (stat?.parent === parent) ticks += stat.own
    }
    return ticks * microsPerTick
  }
}

const ticksPerSecond = (): number => Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))

/** A process, from `/proc/PID/stat`: fields 4 and 14 to 17, counted behind the name, which may hold anything. */
const statOf = (pid: number) => {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return undefined
  try {
    const text = readFileSync(file, "utf8")
    const end = text.lastIndexOf(")")
    const fields = text.slice(end + 2).split(" ")
    const ticks = (first: number): number => Number(fields[first]) + Number(fields[first + 1])
    return { name: text.slice(text.indexOf("(") + 1, end), parent: Number(fields[1]), own: ticks(11), ended: ticks(13) }
  } catch {
    // It ended meanwhile.
    return undefined
  }
}
