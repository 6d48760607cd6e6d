/**
 * A private PostgreSQL server in a container, through the `docker` command: create, start, kill and rm are all it takes.
 *
 * It was written on a machine without a Docker engine. What happens where no Docker answers is tested. That a real
 * container starts, is killed and starts again has not been run; only a stand-in for the command has.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { freePort, type Server, untilAnswers, urlOn, usualSettings } from "./server.ts"

/** Long enough for an engine that is only just waking up, short enough for the test hooks that wait for it. */
const answerMillis = 20_000
/** About half a minute, because a container makes its data folder before it answers. One that ends is not waited for. */
const attempts = 600

/** Fails where Docker cannot be used: who asked for it did not ask for another server. */
export const dockerServer = async (own: ReadonlyArray<string>): Promise<Server> => {
  await docker(["version", "--format", "{{.Server.Version}}"], answerMillis).catch((error: Error) => {
    throw new Error(`HOLDFAST_POSTGRES=docker was asked for, but no Docker answers: ${error.message}`)
  })
  const port = await freePort()
  const container = await create(port, [...usualSettings, ...own])
  let removed: Promise<unknown> | undefined
  const remove = async (): Promise<void> => {
    removed ??= docker(["rm", "--force", "--volumes", container])
    await removed
  }
  let ended: Promise<unknown> = Promise.resolve()
  const begin = async (): Promise<void> => {
    // Attached, so that this process lives as long as the server does.
    const attached = spawn("docker", ["start", "--attach", container], { stdio: "ignore" })
    ended = once(attached, "exit")
    try {
      await untilAnswers(port, attached, attempts)
    } catch (cause) {
      const log = await docker(["logs", "--tail", "20", container]).catch((error: Error) => error.message)
      await remove()
      throw new Error(`PostgreSQL did not start in its container, whose last lines are:\n${log}`, { cause })
    }
  }
  await begin()
  return {
    url: urlOn(port),
    user: undefined,
    // SIGKILL to all of its processes. The container stays behind, with its data and its port.
    kill: async () => {
      await docker(["kill", container])
      await ended
    },
    restart: begin,
    stop: remove,
  }
}

/** The image that docker-compose.yml names, so that all tests mean one version. */
export const imageOf = (composition: string): string => {
  const [, image] = /^ {2}postgres:\n {4}image: (\S+)$/m.exec(composition) ?? []
  if (image === undefined) throw new Error("docker-compose.yml names no image for PostgreSQL.")
  return image
}

/**
 * The image is fetched where it is missing. The port is fixed, for one that Docker chose would be another after a restart.
 * The data is in a volume, not in memory as in docker-compose.yml, for it has to outlive a kill.
 */
const create = async (port: number, settings: ReadonlyArray<string>): Promise<string> => {
  const image = imageOf(readFileSync(new URL("../../../../docker-compose.yml", import.meta.url), "utf8"))
  const said = await docker([
    "create",
    // By this label one finds what a killed test run left behind.
    "--label=holdfast-test",
    `--publish=127.0.0.1:${port}:5432`,
    "--env=POSTGRES_HOST_AUTH_METHOD=trust",
    "--env=POSTGRES_INITDB_ARGS=--locale=C --encoding=UTF8 --no-sync",
    image,
    "postgres",
    ...settings.flatMap((setting) => ["-c", setting]),
  ])
  return said.trim()
}

/** What the command printed; what it complained about is the message of the error. */
const docker = (args: ReadonlyArray<string>, timeout = 0): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile("docker", args, { timeout }, (error, stdout, stderr) => {
      if (error === null) resolve(args[0] === "logs" ? stdout + stderr : stdout)
      else if (error.code === "ENOENT") reject(new Error("there is no docker command here."))
      else if (error.killed) reject(new Error(`docker ${args[0]} took longer than ${timeout / 1_000} s.`))
      else reject(new Error(stderr.trim() === "" ? error.message : stderr.trim()))
    })
  })
