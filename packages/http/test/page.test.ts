/**
 * The documentation page, looked at in a real browser: it renders, and asks nobody else for anything.
 *
 * Needs a Chromium (`apt-get install chromium`, or CHROMIUM). Where there is none, the run says that this was left out.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { commandMillis, leaveOut } from "@holdfast/test-services"
import { describe, expect, it } from "vitest"
import { shopHandler } from "../src/index.ts"
import { toNodeHandler } from "../src/node/index.ts"
import { askOf, callerOfHeader, stocked, surfaceOf } from "./support.ts"

const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
)
if (chromium === undefined) leaveOut("the documentation page in a browser: no Chromium was found")

describe("the documentation page", () => {
  it("shows every operation and code, and allows nothing to be loaded", async () => {
    const { ask } = await surfaceOf()
    const { text, headers } = await ask("GET", "//docs")
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8")
    expect(headers.get("content-security-policy")).toContain("default-src 'none'")
    for (const shown of ["/api/v1/coupons/issue", "/readyz", 'id="OUT_OF_STOCK"', "PRODUCT_OUT_OF_STOCK"]) {
      expect(text).toContain(shown)
    }
    expect(text).not.toMatch(/<script|src=|https?:\/\/|undefined|\[object/)
    const anchors = new Set(Array.from(text.matchAll(/id="([^"]+)"/g), ([, id]) => id))
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(anchors).toContain(target)
  })

  it("is off in production unless asked for", async () => {
    const shop = await stocked()
    const status = async (options: { readonly docs?: boolean }) =>
      (await askOf(shopHandler(shop, { ...callerOfHeader, ...options }))("GET", "//docs")).status
    process.env.NODE_ENV = "production"
    try {
      expect([await status({}), await status({ docs: true })]).toEqual([404, 200])
    } finally {
      process.env.NODE_ENV = "test"
    }
  })

  it.skipIf(chromium === undefined)("renders in a browser without a request to any other host", async () => {
    const { handler } = await surfaceOf()
    const asked: Array<string> = []
    const listener = toNodeHandler(handler)
    const server = createServer((request, response) => {
      asked.push(request.url ?? "")
      listener(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    const folder = mkdtempSync(join(tmpdir(), "holdfast-page-"))
    const [screenshot, log] = [join(folder, "page.png"), join(folder, "net.json")]
    const flags = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
      `--user-data-dir=${join(folder, "profile")}`,
      // Whatever the page asked of anybody else would fail, and be in the log.
      "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
      `--log-net-log=${log}`,
      "--window-size=1200,1600",
      `--screenshot=${screenshot}`,
      `http://127.0.0.1:${port}/docs`,
    ]
    await promisify(execFile)(chromium ?? "", flags, { timeout: commandMillis })
    server.closeAllConnections()
    server.close()
    const image = readFileSync(screenshot)
    expect(image.subarray(1, 4).toString()).toBe("PNG")
    expect([image.readUInt32BE(16), image.readUInt32BE(20)]).toEqual([1200, 1600])
    // An empty page of this size compresses to a few kilobytes.
    expect(statSync(screenshot).size).toBeGreaterThan(40_000)
    expect(asked).toEqual(["/docs"])
    const requested = Array.from(
      readFileSync(log, "utf8").matchAll(/"initiator":"http:\/\/127[^}]*?"url":"(https?:\/\/[^"]+)"/g),
      ([, url]) => url,
    )
    for (const url of requested) expect(url).toMatch(`http://127.0.0.1:${port}/`)
    if (process.env.HOLDFAST_SCREENSHOT !== undefined) {
      await promisify(execFile)("cp", [screenshot, process.env.HOLDFAST_SCREENSHOT])
    }
  })
})
