/**
 * A PgBouncer of our own before a server: Debian's, where it is installed, as a user who is not root, on a free port, in a
 * temporary folder. Where there is none, tests are left out, loudly.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./freePort.ts"
import { leaveOut } from "./leaveOut.ts"
import { untilAnswers } from "./postgres.ts"
import { serverUser } from "./serverUser.ts"

export interface Pooler {
  /** The database of the server, through it. */
  readonly url: string
  /** Ends it at once, with everything that is under way. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

export type PoolMode = "transaction" | "session" | "statement"

const binary = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find(existsSync)

/** Undefined, and noted as left out, where there is none. `sessions` is how many it opens to the server at most. */
export const privatePooler = async (
  who: string,
  server: string,
  mode: PoolMode,
  sessions = 20,
): Promise<Pooler | undefined> => {
  const user = serverUser()
  if (binary === undefined || user === undefined) {
    leaveOut(`${who}: no PgBouncer here (apt-get install pgbouncer)`)
    return undefined
  }
  const { hostname, port: serverPort, pathname, username } = new URL(server)
  const database = pathname.slice(1)
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pgbouncer-"))
  const port = await freePort()
  const file = join(folder, "pgbouncer.ini")
  writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${serverPort === "" ? 5432 : serverPort} dbname=${database} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${sessions}
max_client_conn = 500
admin_users = ${username}
logfile = ${join(folder, "log")}
pidfile = ${join(folder, "pid")}
`,
  )
  for (const path of [folder, file]) chownSync(path, user.uid, user.gid)
  const begin = async (): Promise<ChildProcess> => {
    const started = spawn(binary, [file], { ...user, cwd: folder, stdio: "ignore" })
    const ended = (): string | undefined => (started.exitCode === null ? undefined : `exit code ${started.exitCode}`)
    await untilAnswers(port, ended, database)
    return started
  }
  let running = await begin()
  const kill = async (): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    const gone = new Promise((resolve) => running.once("exit", resolve))
    running.kill("SIGKILL")
    await gone
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/${database}`,
    kill,
    restart: async () => {
      rmSync(join(folder, "pid"), { force: true })
      running = await begin()
    },
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
