/**
 * Starts servers and load generators, each on a core of its own where there are two and `taskset` can say so.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Load, Report } from "./generator.ts"

const canPin = availableParallelism() >= 2 && spawnSync("taskset", ["-c", "0", "true"]).status === 0

/** The command that runs a file of this folder, on the given core. */
const commandOf = (file: string, core: number | undefined, ...args: ReadonlyArray<string>): [string, Array<string>] => {
  const node = ["--conditions=@holdfast/source", join(import.meta.dirname, file), ...args]
  return canPin && core !== undefined
    ? ["taskset", ["-c", String(core), process.execPath, ...node]]
    : [process.execPath, node]
}

export interface Serving {
  readonly port: number
  /** CPU time of the process so far, in microseconds. */
  readonly cpuMicros: () => Promise<number>
  readonly audit: () => Promise<boolean>
  readonly stop: () => void
}

export const startServer = async (kind: string, core: number | undefined): Promise<Serving> => {
  const [command, args] = commandOf("servers.ts", core, kind)
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const { port } = await answerOf<{ readonly port: number }>(child)
  return {
    port,
    cpuMicros: async () => {
      child.send("cpu")
      const { user, system } = await answerOf<NodeJS.CpuUsage>(child)
      return user + system
    },
    audit: async () => {
      child.send("audit")
      return (await answerOf<{ readonly ok: boolean }>(child)).ok
    },
    stop: () => child.kill(),
  }
}

export const generate = async (load: Load, core: number | undefined): Promise<Report> => {
  const [command, args] = commandOf("generator.ts", core, JSON.stringify(load))
  const { stdout } = await promisify(execFile)(command, args)
  return JSON.parse(stdout)
}

const answerOf = <Answer>(child: ChildProcess): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`A server of the bench ended with ${code}.`))
    child.once("exit", onExit)
    child.once("message", (message) => {
      child.off("exit", onExit)
      resolve(message as Answer)
    })
  })
