/**
 * `npm run load`, as it is typed, against a shop in memory.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { catalogue } from "../src/journeys/scenarios.ts"

const root = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "holdfast-load-"))
let server: ChildProcess | undefined
let url = ""

const node = (...args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, ["--conditions=@holdfast/source", ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })

const load = async (...flags: ReadonlyArray<string>) => {
  const at = flags.includes("--url") ? [] : ["--url", url]
  const child = node("bench/src/journeys/main.ts", ...at, ...flags)
  const heard = { out: "", err: "" }
  child.stdout?.on("data", (chunk) => (heard.out += chunk))
  child.stderr?.on("data", (chunk) => (heard.err += chunk))
  const code = await new Promise((ended) => child.once("close", ended))
  return { ...heard, code }
}

beforeAll(async () => {
  const file = join(folder, "catalogue.json")
  const all = catalogue()
  writeFileSync(file, JSON.stringify({ ...all, accounts: all.accounts.slice(0, 1_000) }))
  server = node("examples/http-server/src/main.ts", "--store", "memory", "--port", "0", "--catalogue", file)
  const stdout = server.stdout
  url = await new Promise((ready) => stdout?.on("data", (chunk) => ready(String(chunk).replace("ready ", "").trim())))
})
afterAll(() => {
  server?.kill("SIGKILL")
  rmSync(folder, { recursive: true })
})

describe("npm run load", () => {
  it("keeps a rate, counts what was sold, and writes a page", async () => {
    const flags = ["--scenario", "spike", "--rate", "60", "--seconds", "4", "--p99", "100000", "--json"]
    const { code, out, err } = await load(...flags)
    expect(code, err).toBe(0)
    const { ok, figures, stages } = JSON.parse(out.trim().split("\n").at(-1) ?? "")
    expect(ok).toBe(true)
    expect(stages.map(({ ratePerSecond }: { ratePerSecond: number }) => ratePerSecond)).toEqual([6, 60, 6])
    expect(figures.requests).toBeGreaterThan(60)
    expect(figures).toMatchObject({ failed: 0, wrong: 0 })
    expect(figures.soldOfProduct1).toBeGreaterThanOrEqual(figures.ordersAnsweredOfProduct1)
    expect(figures.ordersAnsweredOfProduct1).toBeGreaterThan(0)
    const page = readFileSync(join(root, "bench/results/load-spike.html"), "utf8")
    expect(page).toContain("How long answers took")
    // It needs nothing else.
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/)
  })

  it("fails where a threshold does not hold, and where requests were wrong", async () => {
    const { code, err } = await load("--scenario", "steady", "--rate", "20", "--seconds", "1", "--p99", "1")
    expect(err).toMatch(/BROKEN {2}p99/)
    expect(code).toBe(1)
    // Most claimants have no account in this shop.
    const claims = await load("--scenario", "claims", "--rate", "1000", "--seconds", "2", "--p99", "100000")
    expect(claims.err).toMatch(/BROKEN {2}no request of ours was wrong/)
    expect(claims.code).toBe(1)
  })

  it("fails where a shop answers nothing, and where it is gone at the end", async () => {
    const ofPeople = (request: IncomingMessage) => request.headers["user-agent"] !== undefined
    let isGone = false
    const hung = createServer((request, response) => {
      // The tool's own questions come from fetch, which says who it is.
      if (ofPeople(request) && !isGone) response.end(JSON.stringify({ stock: 100 }))
      else if (isGone) request.socket.destroy()
    })
    await new Promise<void>((listening) => hung.listen(0, "127.0.0.1", listening))
    const { port } = hung.address() as AddressInfo
    const flags = ["--url", `http://127.0.0.1:${port}`, "--scenario", "steady", "--rate", "20", "--seconds", "2"]
    const { code, err } = await load(...flags)
    expect(err).toMatch(/BROKEN {2}answers came at the rate \(0 of about 40\)/)
    expect(code).toBe(1)
    setTimeout(() => {
      isGone = true
    }, 1_500)
    const gone = await load(...flags)
    expect(gone.err).toMatch(/BROKEN {2}sold as often as answered \(nobody knows/)
    expect(gone.code).toBe(1)
    hung.closeAllConnections()
    hung.close()
  })

  it("says how it is used", async () => {
    for (const flags of [
      ["--scenario", "none"],
      ["--rate", "0", "--scenario", "ramp"],
      ["--scenari", "ramp"],
    ]) {
      const { code, err } = await load(...flags)
      expect(err).toContain("npm run load -- --url")
      expect(code).toBe(2)
    }
  })
})
