/**
 * Three shop processes on one store, each as `npm run serve` starts it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { resolve } from "node:path"
import { clockAhead, freePort } from "@holdfast/test-services"

const root = resolve(import.meta.dirname, "../../..")

interface ShopProcess {
  readonly url: string
  readonly kill: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM") => void
  /** Starts it again on its port, once it has ended. `ahead` is how far its clock is, such as `+10m`. */
  readonly restart: (ahead?: string) => Promise<void>
}

/** What all of them use. */
export interface FleetOptions {
  readonly storeUrl: string
  readonly catalogue: string
  readonly redisUrl: string | undefined
  readonly brokers: ReadonlyArray<string> | undefined
}

export interface Fleet {
  readonly shops: ReadonlyArray<ShopProcess>
  readonly stop: () => Promise<void>
}

export const startFleet = async (size: number, options: FleetOptions): Promise<Fleet> => {
  const shops: Array<ShopProcess & { readonly end: () => Promise<void> }> = []
  for (let number = 0; number < size; number++) shops.push(await startShop(options))
  return { shops, stop: async () => void (await Promise.all(shops.map((shop) => shop.end()))) }
}

const startShop = async (options: FleetOptions) => {
  const port = await freePort()
  let { child, ended } = await served(port, options)
  return {
    url: `http://127.0.0.1:${port}`,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    restart: async (ahead?: string) => {
      await ended
      ;({ child, ended } = await served(port, options, ahead))
    },
    end: async () => {
      child.kill("SIGCONT")
      child.kill("SIGKILL")
      await ended
    },
  }
}

const served = async (port: number, options: FleetOptions, ahead?: string) => {
  const { storeUrl, catalogue, redisUrl, brokers } = options
  const main = resolve(root, "examples/http-server/src/main.ts")
  const flags = ["--store", "postgres", "--url", storeUrl, "--port", String(port), "--catalogue", catalogue]
  if (redisUrl !== undefined) flags.push("--redis", redisUrl)
  if (brokers !== undefined) flags.push("--kafka", brokers.join(","))
  const child: ChildProcess = spawn(process.execPath, ["--conditions=@holdfast/source", main, ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: ahead === undefined ? process.env : { ...process.env, ...clockAhead(ahead) },
  })
  const ended = new Promise<void>((end) => child.once("exit", () => end()))
  let said = ""
  child.stderr?.on("data", (chunk) => {
    said += chunk
  })
  await new Promise<void>((ready, failed) => {
    child.stdout?.once("data", () => ready())
    void ended.then(() => failed(new Error(`A shop process ended: ${said.slice(-500)}`)))
  })
  return { child, ended }
}
