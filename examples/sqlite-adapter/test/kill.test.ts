import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createHoldfast } from "@holdfast/core"
import { afterAll, expect, it } from "vitest"
import { sqlite } from "../src/SqliteStore.ts"

const folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Lets a process sell until it has acknowledged some orders, then kills it without warning. */
const sellAndKill = (file: string, orders: number): Promise<ReadonlyArray<string>> =>
  new Promise((resolve) => {
    const seller = fileURLToPath(new URL("./seller.ts", import.meta.url))
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", seller, file], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
      if (output.split("\n").length > orders) child.kill("SIGKILL")
    })
    child.on("exit", () => resolve(output.slice(0, output.lastIndexOf("\n")).split("\n")))
  })

it("keeps every acknowledged order through kill -9, five times over", async () => {
  const file = join(folder, "shop.db")
  const acknowledged: Array<string> = []
  for (let round = 0; round < 5; round++) acknowledged.push(...(await sellAndKill(file, 40)))
  const shop = createHoldfast({ store: sqlite({ file }) })
  for (const orderId of acknowledged) expect((await shop.orders.get(orderId)).state).toBe("placed")
  expect(acknowledged.length).toBeGreaterThanOrEqual(200)
  const { onHand } = await shop.stock.product("tee")
  expect(1_000_000 - onHand).toBeGreaterThanOrEqual(acknowledged.length)
  expect((await shop.audit.run()).ok).toBe(true)
  await shop.stop()
})
