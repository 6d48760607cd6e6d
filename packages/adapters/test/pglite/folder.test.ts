/**
 * PGlite in a folder: kept across stops and kills, and opened by one at a time.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { afterAll, describe, expect, it } from "vitest"
import { pglite } from "../../src/pglite/index.ts"

const root = mkdtempSync(join(tmpdir(), "holdfast-pglite-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const shopIn = (dir: string) => createHoldfast({ store: pglite({ dir }), workers: false, logger: () => {} })

describe("PGlite in a folder", () => {
  it("keeps what it acknowledged, refuses a second opener and lets the next one in", async () => {
    const dir = join(root, "kept")
    const first = shopIn(dir)
    await first.points.open({ accountId: "ada" })
    await first.points.charge({ accountId: "ada", amount: 5, key: "c" })
    const second = shopIn(dir)
    await expect(second.start()).rejects.toThrow(/in use by process/)
    await first.stop()
    await second.start()
    expect(await second.points.balance("ada")).toBe(5)
    expect((await second.audit.run()).ok).toBe(true)
    await second.stop()
  }, 60_000)

  it("keeps every acknowledged charge of a process that was killed", async () => {
    const dir = join(root, "killed")
    const program = `
      import { createHoldfast } from "@holdfast/core"
      import { pglite } from "@holdfast/adapters/pglite"
      const shop = createHoldfast({ store: pglite({ dir: ${JSON.stringify(dir)} }), workers: false })
      await shop.points.open({ accountId: "ada" })
      for (let n = 1; ; n++) {
        await shop.points.charge({ accountId: "ada", amount: 1, key: "k" + n })
        process.stdout.write(n + "\\n")
      }`
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--input-type=module", "-e", program], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
    })
    let heard = ""
    child.stdout.on("data", (bytes) => {
      heard += String(bytes)
      if (heard.includes("60\n")) child.kill("SIGKILL")
    })
    await new Promise((resolve) => child.once("exit", resolve))
    const acknowledged = Number(heard.trimEnd().split("\n").at(-1))
    const shop = shopIn(dir)
    const balance = await shop.points.balance("ada")
    expect(balance).toBeGreaterThanOrEqual(acknowledged)
    expect((await shop.audit.run()).ok).toBe(true)
    await shop.stop()
  }, 60_000)
})
