import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { afterAll, describe, expect, it } from "vitest"
import { loadCatalogue, sampleCatalogue } from "../src/catalogue.ts"
import { readFlags } from "../src/flags.ts"

const main = resolve(import.meta.dirname, "../src/main.ts")
const folder = mkdtempSync(join(tmpdir(), "holdfast-serve-"))
const children: Array<ChildProcess> = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(folder, { recursive: true, force: true })
})

interface Started {
  readonly url: string
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly said: () => string
}

const start = async (...flags: ReadonlyArray<string>): Promise<Started> => {
  const args = ["--conditions=@holdfast/source", main, "--port", "0", ...flags]
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "" },
  })
  children.push(child)
  let output = ""
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk
  })
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk
      const ready = /^ready (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(output)?.[1]
      if (ready !== undefined) resolve(ready)
    })
    void exited.then((code) => reject(new Error(`The server ended with ${code}: ${said}`)))
  })
  return { url, child, exited, said: () => said }
}

const post = (url: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/v1${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  })

/** What a server says to bytes that are sent to it as they are. */
const raw = (url: string, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let answer = ""
    socket.on("data", (chunk) => {
      answer += chunk
    })
    socket.on("close", () => resolve(answer)).on("error", reject)
  })

describe("the flags", () => {
  it("mean what they say, and are refused with a sentence", () => {
    expect(readFlags([], {})).toEqual({ port: 3000, store: { name: "pglite", dir: undefined }, catalogue: undefined })
    expect(readFlags(["--store", "postgres"], { DATABASE_URL: "postgres://x" }).store).toMatchObject({
      url: "postgres://x",
    })
    expect(readFlags(["--data", "d"], {}).store).toEqual({ name: "pglite", dir: "d" })
    for (const [flags, sentence] of [
      [["--port", "x"], /no port/],
      [["--store", "mysql"], /memory, pglite and postgres/],
      [["--store", "postgres"], /--url or DATABASE_URL/],
      [["--store", "memory", "--data", "d"], /--data belongs/],
      [["--prt", "1"], /--prt/],
    ] as const) {
      expect(() => readFlags(flags, {})).toThrow(sentence)
    }
  })
})

describe("the catalogue", () => {
  it("may be loaded again, and leaves alone what exists with another definition", async () => {
    const shop = createHoldfast({ store: memory() })
    expect(await loadCatalogue(shop, sampleCatalogue)).toEqual([])
    expect(await loadCatalogue(shop, sampleCatalogue)).toEqual([])
    expect(await shop.points.balance("1")).toBe(100_000)
    const changed = { accounts: [{ accountId: 1, points: 5 }], products: [], campaigns: [] }
    expect(await loadCatalogue(shop, changed)).toEqual([expect.stringContaining("account 1 exists")])
    expect(await shop.points.balance("1")).toBe(100_000)
  })
})

describe("the server", () => {
  it("serves the six calls, makes keys, lets owners cancel, and leaves in order", { timeout: 60_000 }, async () => {
    const { url, child, exited, said } = await start("--store", "memory")
    expect(said()).toContain("demoIdentity is on")
    expect(await (await fetch(`${url}/api/v1/users/1/points`)).json()).toEqual({ userId: "1", totalPoint: 100_000 })
    expect((await post(url, "/users/1/points", { amount: 1 })).headers.get("idempotency-key")).toMatch(/^"/)
    expect((await post(url, "/coupons/issue", { userId: 1, couponId: 1 })).status).toBe(200)
    const order = { userId: 1, userCouponId: 1, orderItems: [{ productId: 1, quantity: 2 }] }
    const placed = (await (await post(url, "/orders", order)).json()) as { readonly orderId: string }
    expect(placed).toMatchObject({ totalPrice: 24_000, discountAmount: 2_400, paidAmount: 21_600 })
    expect(await (await fetch(`${url}/api/v1/products/1`)).json()).toMatchObject({ stock: 998 })
    expect(await (await fetch(`${url}/api/v1/products/popular`)).json()).toMatchObject([{ productId: "1" }])
    const cancelled = await post(url, `/orders/${placed.orderId}/cancel`, { userId: 1 })
    expect(await cancelled.json()).toMatchObject({ state: "cancelled" })
    child.kill("SIGTERM")
    expect(await exited).toBe(0)
  })

  it("answers problem documents also for what Node's own parser refuses", { timeout: 60_000 }, async () => {
    const { url, child } = await start("--store", "memory")
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["rubbish\r\n\r\n", "400"],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "431"],
    ]
    for (const [bytes, status] of cases) {
      const answer = await raw(url, bytes)
      expect(answer).toContain(`HTTP/1.1 ${status} `)
      expect(answer).toContain("content-type: application/problem+json")
      expect(JSON.parse(answer.slice(answer.indexOf("{")))).toMatchObject({ status: Number(status) })
    }
    child.kill("SIGKILL")
  })

  it("keeps every acknowledged order through kill -9 on the same --data", { timeout: 120_000 }, async () => {
    const catalogue = join(folder, "catalogue.json")
    writeFileSync(catalogue, JSON.stringify(sampleCatalogue))
    const flags = ["--data", join(folder, "data"), "--catalogue", catalogue]
    const first = await start(...flags)
    const acknowledged = new Map<string, string>()
    // Orders keep coming from twenty callers until the server is gone.
    const buying = Array.from({ length: 20 }, async (_, caller) => {
      for (let count = 0; ; count++) {
        const body = { userId: caller + 1, orderItems: [{ productId: 1, quantity: 1 }] }
        const key = `${caller}-${count}`
        const answer = await post(first.url, "/orders", body, { "idempotency-key": key }).catch(() => undefined)
        if (answer?.status !== 200) return
        const text = await answer.text().catch(() => undefined)
        if (text === undefined) return
        acknowledged.set(key, text)
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    first.child.kill("SIGKILL")
    await Promise.all(buying)
    expect(acknowledged.size).toBeGreaterThan(20)

    const second = await start(...flags)
    for (const [key, text] of acknowledged) {
      const body = { userId: Number(key.split("-")[0]) + 1, orderItems: [{ productId: 1, quantity: 1 }] }
      const again = await post(second.url, "/orders", body, { "idempotency-key": key })
      expect(again.headers.get("idempotency-replayed")).toBe("true")
      expect(await again.text()).toBe(text)
    }
    second.child.kill("SIGTERM")
    expect(await second.exited).toBe(0)
  })

  it("says what is wrong and ends", { timeout: 60_000 }, async () => {
    await expect(start("--store", "mysql")).rejects.toThrow(/ended with 2[\s\S]*memory, pglite and postgres/)
    await expect(start("--store", "memory", "--catalogue", "/nowhere")).rejects.toThrow(/ended with 1[\s\S]*ENOENT/)
  })
})
