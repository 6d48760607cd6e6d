/**
 * pgbench inserting one bare row per transaction: what the disk allows whoever commits once per order.
 */
import { execFile } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"
import type { Sample } from "./Comparison.ts"

const clients = 64

/** Prepares the table; then each call is one turn. Turns are undefined where there is no pgbench, or no room for it. */
export const bareInserts = async (
  database: BenchDatabase,
  { progress, atEnd }: Context,
  millis: number,
): Promise<() => Promise<Sample | undefined>> => {
  const program = pgbenchHere()
  if (program === undefined) {
    progress("LEFT OUT: there is no pgbench here, so nothing is compared with a bare INSERT")
    return () => Promise.resolve(undefined)
  }
  const table = `${database.ownSchema}.bare`
  await database.control.ask(`create table ${table} (id bigint generated always as identity primary key, v int)`)
  const folder = await mkdtemp(join(tmpdir(), "holdfast-pgbench-"))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  const script = join(folder, "insert.sql")
  await writeFile(script, `insert into ${table} (v) values (1);\n`)
  const seconds = String(Math.max(1, Math.round(millis / 1_000)))
  const args = ["-n", "-M", "prepared", "-f", script, "-c", String(clients), "-j", "2", "-T", seconds, database.url]
  return async () => {
    if ((await database.room()) < clients) {
      progress(`LEFT OUT: pgbench: no room for ${clients} connections`)
      return undefined
    }
    const cpu = database.cpuMicros()
    const { stdout } = await promisify(execFile)(program, args)
    const after = database.cpuMicros()
    const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1])
    const done = figure(/transactions actually processed: (\d+)/)
    return {
      perSecond: figure(/tps = ([\d.]+)/),
      p50: figure(/latency average = ([\d.]+)/),
      p99: Number.NaN,
      serverMicros: cpu === undefined || after === undefined ? undefined : (after - cpu) / done,
    }
  }
}

const pgbenchHere = (): string | undefined => {
  const root = "/usr/lib/postgresql"
  const versions = existsSync(root) ? readdirSync(root).sort().reverse() : []
  const folders = [...versions.map((version) => join(root, version, "bin")), ...(process.env.PATH ?? "").split(":")]
  return folders.map((folder) => join(folder, "pgbench")).find((program) => existsSync(program))
}
