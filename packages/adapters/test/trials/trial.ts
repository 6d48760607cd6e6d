/**
 * One trial: a shop on a schema of its own, blows that are drawn from the seed, and the verdict.
 *
 * One seed in six is a process of its own that is killed; the others are a shop behind a wire that is cut, loses replies,
 * and whose backends are terminated or have their statements or their commits cancelled. Where there is a PgBouncer, and
 * where servers may have standbys, some shops are behind the one, which is killed too, and some are on a server that another
 * one follows and takes over from.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { privatePair, privatePooler, proxyTo } from "@holdfast/test-services"
import { Effect } from "effect"
import { patientMillis, seeded, shopOn } from "../support/shop.ts"
import { query } from "../support/stores.ts"
import { booksName, judge, saleThrough } from "./judge.ts"
import { type Heard, visitAll } from "./visits.ts"

/** What a trial is about: see above. */
export type Kind = "drops" | "kill" | "pooler" | "failover"

export interface Verdict {
  readonly seed: number
  readonly kind: Kind
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
  commitsCancelled: number
  processesKilled: number
  poolersKilled: number
  waitsCancelled: number
  failovers: number
}

export const noBlows = (): Blows => ({
  connectionsCut: 0,
  repliesLost: 0,
  backendsTerminated: 0,
  statementsCancelled: 0,
  commitsCancelled: 0,
  processesKilled: 0,
  poolersKilled: 0,
  waitsCancelled: 0,
  failovers: 0,
})

/** The kind of a seed's trial, unless somebody asks for another one. */
export const kindOf = (seed: number): Kind => (seed % 6 === 0 ? "kill" : "drops")

/** Runs one trial on a server. Never fails: whatever goes wrong is in the verdict. */
export const runTrial = async (url: string, seed: number, kind = kindOf(seed)): Promise<Verdict> => {
  const schema = `trial_${process.pid}_${seed}`
  const heard: Array<Heard> = []
  const blows = noBlows()
  try {
    const broken = await trials[kind]({ url, schema, seed, heard, blows })
    return { seed, kind, heard, blows, broken }
  } catch (error) {
    return { seed, kind, heard, blows, broken: [`a defect: ${error instanceof Error ? error.stack : error}`] }
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

type Trial = (scene: Scene) => Promise<ReadonlyArray<string>>

const ask = (url: string, sql: string): Promise<ReadonlyArray<unknown>> => Effect.runPromise(query(url, sql))
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Short enough that a call which hangs twice is told with the seed of its trial, before the test ends for being too long. */
const patienceMillis = patientMillis / 4

/** How long visitors keep arriving: about as long as there are blows. */
export const rushMillis = 150

const dropTrial: Trial = async ({ url, schema, seed, heard, blows }) => {
  const random = seeded(seed)
  const proxy = await proxyTo(url)
  const shop = shopOn(proxy.url, schema, patienceMillis, true)
  try {
    const trouble = async (): Promise<void> => {
      for (let blow = 0; blow < 4; blow++) {
        await pause(random(70))
        const kind = random(5)
        if (kind === 0) blows.connectionsCut += proxy.cut()
        else if (kind === 1) blows.repliesLost += await proxy.swallowReplies(random(40))
        else if (kind === 2) blows.backendsTerminated += await endBusy("pg_terminate_backend", url, schema)
        else if (kind === 3) proxy.cancel("commit", 1 + random(3))
        else blows.statementsCancelled += await endBusy("pg_cancel_backend", url, schema)
      }
    }
    return await saleThrough(shop, { seed, rushMillis, trouble, heard })
  } finally {
    blows.commitsCancelled += proxy.cancelled()
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

const killTrial: Trial = async ({ url, schema, seed, heard, blows }) => {
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
  const shop = shopOn(url, schema, patienceMillis, true)
  try {
    return await judge(shop, seed, heard)
  } finally {
    await shop.stop()
  }
}

/**
 * Behind a pooler nobody can end what a lost session may still do, so a shop that lost a reply does not refuse that call for
 * good. The verdict is that of a shop that comes after it.
 */
const poolerTrial: Trial = async ({ url, schema, seed, heard, blows }) => {
  const random = seeded(seed)
  const pooler = await privatePooler("trials", url, "transaction")
  if (pooler === undefined) return []
  const proxy = await proxyTo(pooler.url)
  const shop = shopOn(proxy.url, schema, patienceMillis)
  try {
    const trouble = async (): Promise<void> => {
      for (let blow = 0; blow < 4; blow++) {
        await pause(random(70))
        const kind = random(4)
        if (kind === 0) blows.connectionsCut += proxy.cut()
        else if (kind === 1) blows.repliesLost += await proxy.swallowReplies(random(40))
        else if (kind === 2) blows.backendsTerminated += await endBusy("pg_terminate_backend", url, schema)
        else {
          await pooler.kill()
          await pause(random(30))
          await pooler.restart()
          blows.poolersKilled++
        }
      }
    }
    await shop.events.subscribe(booksName, () => {})
    await Promise.all([visitAll(shop, seed, rushMillis, (told) => heard.push(told)), trouble()])
    await shop.stop()
    const next = shopOn(pooler.url, schema, patienceMillis, true)
    try {
      return await judge(next, seed, heard)
    } finally {
      await next.stop()
    }
  } finally {
    await shop.stop()
    await proxy.close()
    await pooler.stop()
  }
}

/**
 * A server and its synchronous standby, both of this trial alone. The standby is stopped for a while, and commits that wait
 * for it are cancelled or ended; then the primary is killed and the standby takes over, with what it had.
 */
const failoverTrial: Trial = async ({ schema, seed, heard, blows }) => {
  const random = seeded(seed)
  const pair = await privatePair("trials")
  if (pair === undefined) return []
  const shop = shopOn(pair.url, schema, patienceMillis, true)
  const cancel = async (): Promise<void> => {
    const how = random(2) === 0 ? "pg_cancel_backend" : "pg_terminate_backend"
    const waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
    blows.waitsCancelled += (await ask(pair.primary.url, `select ${how}(pid) from (${waiting}) w`)).length
  }
  try {
    await pair.synchronise()
    const trouble = async (): Promise<void> => {
      await pause(random(200))
      const [cancels, comesBack] = [random(4), random(2) === 0]
      if (cancels > 0) {
        await pair.standby.kill()
        for (let n = 0; n < cancels; n++) {
          await pause(random(40))
          await cancel()
        }
        if (comesBack) await pair.standby.restart()
        await pause(random(100))
      }
      await pair.primary.kill()
      if (cancels > 0 && !comesBack) await pair.standby.restart()
      await pair.promote()
      blows.failovers++
    }
    return await saleThrough(shop, { seed, rushMillis: 2 * rushMillis, trouble, heard })
  } finally {
    await shop.stop()
    await pair.stop()
  }
}

const trials: Readonly<Record<Kind, Trial>> = {
  drops: dropTrial,
  kill: killTrial,
  pooler: poolerTrial,
  failover: failoverTrial,
}
