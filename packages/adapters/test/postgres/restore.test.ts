/**
 * The drill of docs/operations/backup.md: a base backup, an archived log, a mistake, and a restore to the moment before it. It
 * ends with an audit, as the command `holdfast audit` makes it.
 */
import { execFile, execFileSync } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { createHoldfast } from "@holdfast/core"
import { asked, commandMillis, leaveOut, privateServer, serverUser, until } from "@holdfast/test-services"
import { describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"

const root = resolve(import.meta.dirname, "../../../..")
const page = readFileSync(join(root, "docs/operations/backup.md"), "utf8")

const basebackup = ["18", "17", "16", "15"]
  .map((version) => `/usr/lib/postgresql/${version}/bin/pg_basebackup`)
  .find(existsSync)

/** The settings of the page for the server that comes back. */
const recoverySettings = (archive: string, moment: string): string => {
  const settings = /^cat >> .* <<END\n(.*?)^END$/ms.exec(page)?.[1] ?? ""
  return settings.replace("/archive/", `${archive}/`).replace(/'2026-[^']*'/, `'${moment}'`)
}

describe("a restore to a moment", () => {
  it("brings back what was sold before it, and nothing after, and the audit is clean", async (context) => {
    const user = serverUser()
    if (basebackup === undefined || user === undefined) {
      leaveOut("a restore to a moment: no pg_basebackup here (apt-get install postgresql)")
      return context.skip()
    }
    const folder = mkdtempSync(join(tmpdir(), "holdfast-restore-"))
    chownSync(folder, user.uid, user.gid)
    const archive = join(folder, "archive")
    execFileSync("mkdir", [archive], { uid: user.uid, gid: user.gid })
    const command = /^archive_command = '(.*)'$/m.exec(page)?.[1]?.replaceAll("/archive/", `${archive}/`) ?? ""
    const server = await privateServer("a restore", ["archive_mode=on", `archive_command=${command}`])
    if (server?.folder === undefined) return context.skip()
    try {
      const shop = createHoldfast({ store: postgres({ url: server.url }), logger: () => {} })
      await shop.points.open({ accountId: "ann" })
      await shop.points.charge({ accountId: "ann", amount: 1_000, key: "c" })
      await shop.stock.register({ productId: "tee", name: "Tee", price: 1, onHand: 1_000 })
      const buy = (from: number, count: number) =>
        Promise.all(
          Array.from({ length: count }, (_, n) =>
            shop.orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key: `o${from + n}` }),
          ),
        )
      await buy(0, 50)
      // The backup is made while people buy.
      const { port } = new URL(server.url)
      const backup = join(folder, "backup")
      const backingUp = promisify(execFile)(
        basebackup,
        ["-h", "127.0.0.1", "-p", port, "-U", "postgres", "-D", backup, "-X", "none", "--checkpoint=fast"],
        { uid: user.uid, gid: user.gid, timeout: commandMillis },
      )
      await buy(50, 50)
      await backingUp
      await buy(100, 20)
      const [before] = await asked(server.url, "select clock_timestamp()::text as at, pg_switch_wal()::text")
      await buy(120, 30)
      await asked(server.url, "delete from holdfast.orders")
      const [last] = await asked(server.url, "select pg_walfile_name(pg_switch_wal()) as name")
      await until(server.url, `select 1 from pg_stat_archiver where last_archived_wal >= '${last?.name}'`)
      expect(readdirSync(archive).length).toBeGreaterThan(1)
      await shop.stop()

      const restored = await privateServer("a restore", [], async (empty) => {
        execFileSync("cp", ["-a", `${backup}/.`, empty], { timeout: commandMillis })
        const { uid, gid } = statSync(empty)
        for (const [name, text] of [
          ["postgresql.auto.conf", recoverySettings(archive, String(before?.at))],
          ["recovery.signal", ""],
        ] as const) {
          writeFileSync(join(empty, name), text)
          chownSync(join(empty, name), uid, gid)
        }
      })
      if (restored === undefined) throw new Error("There was a server, and now there is none.")
      try {
        await until(restored.url, "select 1 where not pg_is_in_recovery()")
        const again = createHoldfast({ store: postgres({ url: restored.url, migrate: "check" }), logger: () => {} })
        expect((await again.stock.product("tee")).onHand).toBe(1_000 - 120)
        expect(await again.points.balance("ann")).toBe(1_000 - 120)
        await again.stop()
        const cli = join(root, "packages/adapters/src/cli/main.ts")
        const { stdout } = await promisify(execFile)(
          process.execPath,
          ["--conditions=@holdfast/source", "--no-warnings", cli, "audit", "--url", restored.url, "--json"],
          { cwd: root, timeout: commandMillis },
        )
        expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ ok: true })
      } finally {
        await restored.stop()
      }
    } finally {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
