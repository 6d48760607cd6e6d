/**
 * What `holdfast doctor --redis` says of a Redis: whether it may forget, how far away it is, and whose time it has.
 */
import { messageOfThrown } from "@holdfast/core/ports"
import type { Redis } from "ioredis"
import { addressOf, keepToDatabase, whyNotUrl } from "../redis/address.ts"
import type { Finding } from "./findings.ts"

/** How often it is asked to see how long an answer takes. */
const pings = 20
/** Where an answer takes longer, reading the store is no slower. */
const farMillis = 5
/** Ages are durations and need no common clock; a failover between servers that are apart by more shows. */
const apartMillis = 1_000

/** What was read of a server. */
export interface RedisServer {
  /** The lines of INFO, by name. */
  readonly about: ReadonlyMap<string, string>
  /** How long each answer took. */
  readonly millis: ReadonlyArray<number>
  /** How far its clock is ahead of ours. */
  readonly aheadMillis: number
}

export const redisFindings = async (url: string): Promise<ReadonlyArray<Finding>> => {
  const loaded = await import("ioredis").catch(() => undefined)
  if (loaded === undefined)
    return [{ level: "wrong", what: "The package ioredis is not installed.", todo: "npm install ioredis" }]
  const whyNot = whyNotUrl(url)
  if (whyNot !== undefined) return [{ level: "wrong", what: `The url of --redis ${whyNot}.` }]
  try {
    return judged(await serverAt(loaded.Redis, url))
  } catch (error) {
    const todo = "Sales go on without it, at the store's speed."
    return [{ level: "wrong", what: `Redis does not answer: ${messageOfThrown(error)}`, todo }]
  }
}

const serverAt = async (Client: typeof Redis, at: string): Promise<RedisServer> => {
  const { url, database: db } = addressOf(at)
  const options = { db, lazyConnect: true, connectTimeout: 3_000, commandTimeout: 3_000, retryStrategy: null }
  const redis = new Client(url, options)
  const refused = keepToDatabase(redis)
  // The client says of a connection that comes to nothing that it is closed, and why beside it.
  let why: Error | undefined
  redis.on("error", (error) => {
    why = error
  })
  try {
    await redis.connect()
    return await readOf(redis)
  } catch (error) {
    throw refused() ?? why ?? error
  } finally {
    redis.disconnect()
  }
}

const readOf = async (redis: Redis): Promise<RedisServer> => {
  const about = new Map(
    (await redis.info()).split("\r\n").flatMap((line) => {
      const [name, value] = line.split(":")
      return name !== undefined && value !== undefined ? [[name, value] as const] : []
    }),
  )
  const millis: Array<number> = []
  for (let n = 0; n < pings; n++) {
    const askedAt = performance.now()
    await redis.ping()
    millis.push(performance.now() - askedAt)
  }
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number)
  return { about, millis, aheadMillis: seconds * 1_000 + micros / 1_000 - Date.now() }
}

/** What is to be said of a server. */
export const judged = ({ about, millis, aheadMillis }: RedisServer): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const version = about.get("redis_version") ?? "?"
  const mode = about.get("redis_mode") === "cluster" ? "one of a cluster" : "a server of its own"
  findings.push({ level: "ok", what: `Redis ${version}, ${mode}.` })
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major < 6 || (major === 6 && minor < 2)) {
    findings.push({
      level: "warn",
      what: `Redis ${version} is older than those that this is tested on.`,
      todo: "Use 6.2 or later.",
    })
  }
  const policy = about.get("maxmemory_policy") ?? "noeviction"
  if (Number(about.get("maxmemory") ?? 0) > 0 && policy === "noeviction") {
    findings.push({
      level: "warn",
      what: "It refuses what it has no room for (maxmemory-policy noeviction), and is left alone then.",
      todo: "Set maxmemory-policy allkeys-lru: what is evicted here is read from the store again.",
    })
  }
  if (policy.startsWith("volatile") || policy.startsWith("allkeys")) {
    findings.push({ level: "ok", what: `It may evict (${policy}): nothing but speed is lost.` })
  }
  const median = millis.toSorted((left, right) => left - right)[Math.floor(millis.length / 2)] ?? 0
  const latency = `An answer takes ${median.toFixed(2)} ms`
  findings.push(
    median > farMillis
      ? {
          level: "warn",
          what: `${latency}: reading the store may be as quick.`,
          todo: "Bring it nearer, or leave it out.",
        }
      : { level: "ok", what: `${latency}.` },
  )
  if (Math.abs(aheadMillis) > apartMillis) {
    const way = aheadMillis > 0 ? "ahead of" : "behind"
    findings.push({
      level: "warn",
      what: `Its clock is ${Math.round(Math.abs(aheadMillis) / 1_000)} s ${way} this machine's.`,
      todo: "Keep both in time: a failover to a server with another clock lengthens or cuts ages by the difference.",
    })
  }
  return findings
}
