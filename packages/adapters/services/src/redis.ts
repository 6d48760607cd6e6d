/**
 * Redis for tests: private servers out of the local `redis-server`, or in containers. One server, or a cluster of three
 * masters with a replica each. They keep nothing on disk, refuse instead of evicting, as docker-compose.yml has it, and
 * end with the process that started them.
 */
import { execFileSync } from "node:child_process"
import { connect } from "node:net"
import { contained, engineTrouble } from "./containers.ts"
import { freePort } from "./freePort.ts"
import { Keeper, type Kept } from "./Keeper.ts"
import { leaveOut } from "./leaveOut.ts"
import { commandMillis } from "./limits.ts"
import { serverUser } from "./serverUser.ts"
import { wanted } from "./wanted.ts"

export interface RedisOptions {
  /** How much it may hold: `64mb`. Default as much as there is. */
  readonly maxmemory?: string
  /** Settings beside the usual ones, as `name value`. */
  readonly settings?: ReadonlyArray<string>
}

/** One Redis server. */
export interface RedisServer {
  readonly url: string
  /** Kills it as a crash would. What it held is gone. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: () => Promise<void>
  /** Stops it in its tracks, with its connections open (SIGSTOP). Local servers only. */
  readonly freeze?: (() => void) | undefined
  /** Lets it go on. */
  readonly thaw?: (() => void) | undefined
  readonly stop: () => Promise<void>
}

/** A cluster, of which any server knows the others. */
export interface RedisCluster {
  /** Masters first. */
  readonly servers: ReadonlyArray<Omit<RedisServer, "stop">>
  readonly stop: () => Promise<void>
}

/** A server of our own; undefined, and noted as left out, where there is none. */
export const privateRedis = async (who: string, options: RedisOptions = {}): Promise<RedisServer | undefined> => {
  const choice = wanted()
  if (choice !== "docker" && isInstalled()) {
    const keeper = new Keeper("redis", serverUser())
    const server = await keptServer(keeper, settingsOf(options), answers)
    return { ...server, stop: () => keeper.close() }
  }
  const trouble = await engineTrouble()
  if (trouble === undefined && choice !== "npm") {
    // Inside its container it hears of us from another address than its own.
    const command = ["redis-server", "--protected-mode", "no", ...settingsOf(options)]
    const untilReady = (port: number, ended: () => string | undefined) => until(port, ended, answers)
    const container = await contained("redis", 6379, { environment: {}, command, untilReady })
    return { ...container, url: urlOn(container.port) }
  }
  if (choice === "docker") throw new Error(`HOLDFAST_SERVICES=docker was asked for, but no Docker answers: ${trouble}`)
  leaveOut(`${who}: no Redis here (install redis-server, or run Docker)`)
  return undefined
}

/** Where a server of a cluster listens for the others: so much above its own port. */
const busAbove = 10_000
const masters = 3
const replicas = 3

/** A cluster of our own: three masters and a replica of each. Local servers only, for a cluster names its addresses itself. */
export const privateRedisCluster = async (
  who: string,
  options: RedisOptions = {},
): Promise<RedisCluster | undefined> => {
  if (wanted() === "docker" || !isInstalled()) {
    leaveOut(`${who}: a Redis cluster is run out of local servers only (install redis-server)`)
    return undefined
  }
  const keeper = new Keeper("redis", serverUser())
  try {
    // What a server knows of its cluster is in a file that it makes in its folder. A quick verdict on who is away.
    const own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]
    const servers: Array<Omit<RedisServer, "stop">> = []
    for (let n = 0; n < masters + replicas; n++) {
      const file = ["--cluster-config-file", `nodes-${n}.conf`]
      servers.push(await keptServer(keeper, [...settingsOf(options), ...own, ...file], answers, busAbove))
    }
    const addresses = servers.map(({ url }) => new URL(url).host)
    const create = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]
    execFileSync("redis-cli", create, { stdio: ["ignore", "pipe", "pipe"] })
    for (const { url } of servers) {
      const port = Number(new URL(url).port)
      for (const ready of [knowsTheCluster, isInStep]) await until(port, () => undefined, ready)
    }
    return { servers, stop: () => keeper.close() }
  } catch (error) {
    await keeper.close()
    throw error
  }
}

const settingsOf = ({ maxmemory, settings = [] }: RedisOptions): ReadonlyArray<string> => [
  ...["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"],
  ...(maxmemory === undefined ? [] : ["--maxmemory", maxmemory]),
  ...settings.flatMap((setting) => {
    const [name = "", ...value] = setting.split(" ")
    return [`--${name}`, value.join(" ")]
  }),
]

const urlOn = (port: number): string => `redis://127.0.0.1:${port}`

const keptServer = async (
  keeper: Keeper,
  settings: ReadonlyArray<string>,
  isReady: Ready,
  above = 0,
): Promise<Omit<RedisServer, "stop">> => {
  const port = await freePort(above)
  const start = async (): Promise<Kept> => {
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", keeper.folder, ...settings]
    const server = await keeper.start({ command: "redis-server", args, env: process.env, endBy: "SIGKILL" })
    await until(port, server.ended, isReady).catch((cause) => {
      throw new Error(`Redis did not start: ${keeper.lastWords}`, { cause })
    })
    return server
  }
  let server = await start()
  return {
    url: urlOn(port),
    kill: () => server.end("SIGKILL"),
    restart: async () => {
      server = await start()
    },
    freeze: () => process.kill(server.pid, "SIGSTOP"),
    thaw: () => process.kill(server.pid, "SIGCONT"),
  }
}

const isInstalled = (): boolean => {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** What a server is asked, and whether its answer says that it is ready. */
type Ready = { readonly ask: string; readonly isSo: (answer: string) => boolean }

const answers: Ready = { ask: "PING", isSo: (answer) => answer.startsWith("+PONG") }
const knowsTheCluster: Ready = {
  ask: "CLUSTER INFO",
  isSo: (answer) => answer.includes("cluster_state:ok") && answer.includes(`cluster_known_nodes:${masters + replicas}`),
}

/** A replica that has nothing of its master's yet never takes over. */
const isInStep: Ready = {
  ask: "INFO replication",
  isSo: (answer) => answer.includes("role:master") || answer.includes("master_link_status:up"),
}

/** How often a server that starts is asked. */
const askMillis = 20

/** Waits until a server is ready, or has ended. One that hangs is given up, and with what it said. */
const until = async (port: number, ended: () => string | undefined, { ask, isSo }: Ready): Promise<void> => {
  const giveUpAt = performance.now() + commandMillis
  for (;;) {
    const answer = await answerTo(port, ask)
    if (isSo(answer)) return
    const why = ended()
    if (why !== undefined) throw new Error(`The Redis server ended while it started: ${why}.`)
    if (performance.now() > giveUpAt) throw new Error(`The Redis server answers ${ask} with "${answer.trim()}".`)
    await new Promise((resolve) => setTimeout(resolve, askMillis))
  }
}

/** The first words of an answer; empty where nobody answers. */
const answerTo = (port: number, question: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(`${question}\r\n`))
    socket.once("data", (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
    socket.once("error", () => resolve(""))
    socket.once("close", () => resolve(""))
  })
