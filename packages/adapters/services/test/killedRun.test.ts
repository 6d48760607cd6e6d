import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"

const isThere = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

it("given a run that is killed → its servers end, and their folders go with them", async ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-run-"))
  // The servers are another user's.
  chmodSync(folder, 0o755)
  const run = spawn(process.execPath, [fileURLToPath(new URL("./killedRun.ts", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: folder },
  })
  onTestFinished(() => {
    run.kill("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  })
  const [line] = await once(createInterface({ input: run.stdout }), "line")
  const urls: ReadonlyArray<string> = JSON.parse(line).filter((url: unknown) => url !== null)
  // What runs in a container has no folder here, and its engine ends it.
  const own = () => readdirSync(folder).filter((name) => name.startsWith("holdfast-"))
  if (own().length === 0) return skip("no servers here that are processes of this machine")
  for (const url of urls) expect(await isThere(url), url).toBe(true)
  expect(own().length).toBe(urls.length)
  run.kill("SIGKILL")
  for (const url of urls) await expect.poll(() => isThere(url)).toBe(false)
  await expect.poll(own).toEqual([])
})
