/**
 * One trial: a shop on a schema of its own, blows that are drawn from the seed, and the verdict.
 *
 * One seed in six is a process of its own that is killed; the others are a shop behind a wire that is cut, loses replies,
 * and whose backends are terminated or have their statements cancelled.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { proxyTo } from "../support/proxy.ts"
import { seeded, shopOn } from "../support/shop.ts"
import { query } from "../support/stores.ts"
import { judge, saleThrough } from "./judge.ts"
import type { Heard } from "./visits.ts"

export interface Verdict {
  readonly seed: number
  readonly killed: boolean
  readonly heard: ReadonlyArray<Heard>
  readonly blows: Blows
  /** What was broken; empty where everything held. */
  readonly broken: ReadonlyArray<string>
}

/** What was done to it, as far as there was anything to do it to. */
export interface Blows {
  connectionsCut: number
  repliesLost: number
  backendsTerminated: number
  statementsCancelled: number
  processesKilled: number
}

export const noBlows = (): Blows => ({
  connectionsCut: 0,
  repliesLost: 0,
  backendsTerminated: 0,
  statementsCancelled: 0,
  processesKilled: 0,
})

const isKill = (seed: number): boolean => seed % 6 === 0

/** Runs one trial on a server. Never fails: whatever goes wrong is in the verdict. */
export const runTrial = async (url: string, seed: number): Promise<Verdict> => {
  const schema = `trial_${process.pid}_${seed}`
  const heard: Array<Heard> = []
  const blows = noBlows()
  const killed = isKill(seed)
  try {
    const broken = await (killed ? killTrial : dropTrial)({ url, schema, seed, heard, blows })
    return { seed, killed, heard, blows, broken }
  } catch (error) {
    return { seed, killed, heard, blows, broken: [`a defect: ${error instanceof Error ? error.stack : error}`] }
  } finally {
    await ask(url, `drop schema if exists ${schema} cascade`)
  }
}

interface Scene {
  readonly url: string
  readonly schema: string
  readonly seed: number
  readonly heard: Array<Heard>
  readonly blows: Blows
}

const ask = (url: string, sql: string): Promise<ReadonlyArray<unknown>> => Effect.runPromise(query(url, sql))
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Longer than any blow lasts, so that a call gives up only where a bug keeps it waiting. */
const deadlineMillis = 20_000

/** How long visitors keep arriving: about as long as there are blows. */
export const rushMillis = 150

const dropTrial = async ({ url, schema, seed, heard, blows }: Scene): Promise<ReadonlyArray<string>> => {
  const random = seeded(seed)
  const proxy = await proxyTo(url)
  const shop = shopOn(proxy.url, schema, deadlineMillis, true)
  try {
    const trouble = async (): Promise<void> => {
      for (let blow = 0; blow < 4; blow++) {
        await pause(random(70))
        const kind = random(4)
        if (kind === 0) blows.connectionsCut += proxy.cut()
        else if (kind === 1) blows.repliesLost += await proxy.swallowReplies(random(40))
        else if (kind === 2) blows.backendsTerminated += await endBusy("pg_terminate_backend", url, schema)
        else blows.statementsCancelled += await endBusy("pg_cancel_backend", url, schema)
      }
    }
    return await saleThrough(shop, { seed, rushMillis, trouble, heard })
  } finally {
    await shop.stop()
    await proxy.close()
  }
}

/** How often it is looked for somebody to hit: a batch is in the middle of something for a millisecond or two. */
const maxLooks = 10

/** Ends the sessions, or their statements, that are in the middle of something with the tables of a schema. */
const endBusy = async (how: "pg_terminate_backend" | "pg_cancel_backend", url: string, schema: string) => {
  for (let look = 0; look < maxLooks; look++) {
    const ended = await ask(
      url,
      `select ${how}(pid) from (select distinct l.pid from pg_locks l join pg_class c on c.oid = l.relation
       join pg_namespace n on n.oid = c.relnamespace where n.nspname = '${schema}' and l.pid <> pg_backend_pid()) busy`,
    )
    if (ended.length > 0) return ended.length
  }
  return 0
}

const killTrial = async ({ url, schema, seed, heard, blows }: Scene): Promise<ReadonlyArray<string>> => {
  const random = seeded(seed)
  // While it starts, after some answers, or with the last one.
  const [whileStarting, startMillis, answers] = [random(4) === 0, random(400), random(110)]
  const child = spawn(
    process.execPath,
    ["--conditions=@holdfast/source", new URL("./killedProcess.ts", import.meta.url).pathname, url, schema, `${seed}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  )
  const ended = new Promise((resolve) => child.once("close", resolve))
  const kill = () => child.kill("SIGKILL")
  let isLoaded = false
  const lines = createInterface({ input: child.stdout })
  lines.on("line", (line) => {
    if (line === "loaded") {
      isLoaded = true
      if (whileStarting) setTimeout(kill, startMillis)
    } else if (line === "done") kill()
    else if (line.endsWith("}")) {
      // A line that was cut off was not acknowledged.
      heard.push(JSON.parse(line))
      if (!whileStarting && heard.length >= answers) kill()
    }
  })
  await ended
  if (!isLoaded || child.signalCode !== "SIGKILL") return [`the process ended by itself with ${child.exitCode}`]
  blows.processesKilled++
  const shop = shopOn(url, schema, deadlineMillis, true)
  try {
    return await judge(shop, seed, heard)
  } finally {
    await shop.stop()
  }
}
