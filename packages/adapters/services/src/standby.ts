/**
 * A server with a standby that follows it, both our own: for what happens when one takes over from the other.
 *
 * The standby is made of an online copy of the primary's folder, so that no program is needed but the server itself.
 */
import { execFileSync } from "node:child_process"
import { chownSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import pg from "pg"
import { leaveOut } from "./leaveOut.ts"
import { privateServer } from "./postgres.ts"
import type { Server } from "./Server.ts"
import { type SmallVolume, smallVolume } from "./smallVolume.ts"

export interface Pair {
  readonly primary: Server
  readonly standby: Server
  /** Both, in this order, as one address. */
  readonly url: string
  /** The standby takes changes from now on. */
  readonly promote: () => Promise<void>
  /** From now on commits of the primary wait for the standby. */
  readonly synchronise: () => Promise<void>
  /** What the standby's data are on, where they were to be on a small volume and this machine mounts one. */
  readonly volume: SmallVolume | undefined
  /** The primary starts again, as the standby of the one that was its own. */
  readonly restartAsStandby: () => Promise<void>
  readonly stop: () => Promise<void>
}

const standbyName = "second"

/**
 * Undefined, and noted as left out, where servers are not to be started side by side here. `standbyMegabytes` puts the
 * standby's data on a volume that small, so that it can be filled.
 */
export const privatePair = async (who: string, standbyMegabytes?: number): Promise<Pair | undefined> => {
  const settings = standbyMegabytes === undefined ? [] : ["min_wal_size=32MB", "max_wal_size=64MB"]
  const primary = await privateServer(who, settings)
  if (primary === undefined) return undefined
  const { folder } = primary
  if (folder === undefined) {
    leaveOut(`${who}: no standby beside a server in a container`)
    await primary.stop()
    return undefined
  }
  let volume: SmallVolume | undefined
  const standby = await privateServer(who, settings, async (copy) => {
    if (standbyMegabytes !== undefined) volume = smallVolume(copy, standbyMegabytes, primary.user)
    await copyWhileRunning(primary, folder, copy)
    follow(copy, primary)
  }).catch(async (error) => {
    volume?.unmount()
    await primary.stop()
    throw error
  })
  if (standby === undefined) throw new Error("There is a primary, and no standby.")
  return {
    primary,
    standby,
    url: sharedUrl(primary, standby),
    promote: async () => {
      await asked(standby.url, "select pg_promote(true, 30)")
    },
    synchronise: async () => {
      await asked(primary.url, `alter system set synchronous_standby_names = '${standbyName}'`)
      await asked(primary.url, "select pg_reload_conf()")
      await until(primary.url, "select 1 from pg_stat_replication where sync_state = 'sync'")
    },
    restartAsStandby: async () => {
      follow(folder, standby)
      await primary.restart()
    },
    volume,
    stop: async () => {
      volume?.unmount()
      await standby.stop()
      await primary.stop()
    },
  }
}

const sharedUrl = (...servers: ReadonlyArray<Server>): string =>
  `postgres://postgres@${servers.map(({ url }) => new URL(url).host).join(",")}/postgres?connect_timeout=2`

/** Between the beginning and the end of a backup, which one session makes, files may be copied as they are. */
const copyWhileRunning = async ({ url }: Server, from: string, to: string): Promise<void> => {
  const session = new pg.Client(url)
  await session.connect()
  await session.query("select pg_backup_start('copy', true)")
  execFileSync("cp", ["-a", `${from}/.`, to])
  const { rows } = await session.query("select labelfile from pg_backup_stop(false)")
  await session.end()
  writeOwned(to, "backup_label", rows[0].labelfile)
  rmSync(join(to, "postmaster.pid"), { force: true })
}

/** What a server in that folder needs to know to follow another one. What it once set for itself is gone. */
const follow = (folder: string, { url }: Server): void => {
  const { port } = new URL(url)
  const settings = `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres application_name=${standbyName}'\n`
  writeOwned(folder, "postgresql.auto.conf", settings)
  writeOwned(folder, "standby.signal", "")
}

/** The server's user owns what it is to remove. */
const writeOwned = (folder: string, name: string, text: string): void => {
  const file = join(folder, name)
  writeFileSync(file, text)
  const { uid, gid } = statSync(folder)
  chownSync(file, uid, gid)
}

/** One statement on a session of its own. */
export const asked = async (url: string, sql: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const session = new pg.Client(url)
  // A server that is killed ends it too.
  session.on("error", () => {})
  await session.connect()
  try {
    return (await session.query(sql)).rows
  } finally {
    await session.end()
  }
}

/** Waits until a query finds something. */
export const until = async (url: string, sql: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  for (;;) {
    const rows = await asked(url, sql).catch(() => [])
    if (rows.length > 0) return rows
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
