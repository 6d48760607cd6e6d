/**
 * Starts servers and load generators, each on a core of its own where there are two and `taskset` can say so.
 */
import { spawn, spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { advisedFlag } from "../heap.ts"
import type { Load, Report } from "./generator.ts"

const canPin = availableParallelism() >= 2 && spawnSync("taskset", ["-c", "0", "true"]).status === 0

export interface Serving {
  readonly port: number
  /** CPU time of the process so far, in microseconds. */
  readonly cpuMicros: () => Promise<number>
  readonly audit: () => Promise<boolean>
  /** Turns of its event loop since the last time that this was asked, in milliseconds of CPU time each. */
  readonly turns: () => Promise<ReadonlyArray<number>>
  readonly stop: () => void
}

export type ServerKind = "bare" | "surface" | "memory" | "postgres" | "apart" | "cached" | "sealed" | "unsealed"

/** A server of `servers.ts`; `place` is the address and schema of its store, where that is PostgreSQL. */
export const startServer = async (
  kind: ServerKind,
  core: number | undefined,
  ...place: ReadonlyArray<string>
): Promise<Serving> => {
  const { heard, ask, stop } = start("servers.ts", core, kind, ...place)
  const { port } = (await heard()) as { readonly port: number }
  return {
    port,
    cpuMicros: async () => {
      const { user, system } = (await ask("cpu")) as NodeJS.CpuUsage
      return user + system
    },
    audit: async () => ((await ask("audit")) as { readonly ok: boolean }).ok,
    turns: async () => (await ask("turns")) as ReadonlyArray<number>,
    stop,
  }
}

export interface Generating {
  readonly run: (load: Load) => Promise<Report>
  readonly stop: () => void
}

export const startGenerator = async (core: number | undefined): Promise<Generating> => {
  const { heard, ask, stop } = start("generator.ts", core)
  await heard()
  return {
    run: async (load) => {
      const report = (await ask(load)) as Report
      if (report.failures > 0) throw new Error(`${report.failures} answers were neither a success nor a refusal.`)
      return report
    },
    stop,
  }
}

const flags = [advisedFlag, "--conditions=@holdfast/source"]

/** Runs a file of this folder on the given core. Waiting for a process that ends rejects instead of taking forever. */
const start = (file: string, core: number | undefined, ...args: ReadonlyArray<string>) => {
  const node = [process.execPath, ...flags, join(import.meta.dirname, file), ...args]
  const [command = "", ...rest] = canPin && core !== undefined ? ["taskset", "-c", String(core), ...node] : node
  const child = spawn(command, rest, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject)
    child.once("exit", (code, signal) => reject(new Error(`${file} of the bench ended with ${code ?? signal}.`)))
  })
  ended.catch(() => {})
  const heard = (): Promise<unknown> =>
    Promise.race([new Promise<unknown>((resolve) => child.once("message", resolve)), ended])
  const ask = (question: Load | "cpu" | "audit" | "turns"): Promise<unknown> => {
    child.send(question)
    return heard()
  }
  return { heard, ask, stop: () => child.kill() }
}
