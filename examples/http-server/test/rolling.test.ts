/**
 * A rolling restart of three processes behind HAProxy, while people buy: no request fails, and nothing is lost.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"
import { freePort, leaveOut, privateServer } from "@holdfast/test-services"
import { afterAll, describe, expect, it } from "vitest"
import { start } from "./support.ts"

const children: Array<ChildProcess> = []
const folder = mkdtempSync(join(tmpdir(), "holdfast-rolling-"))
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(folder, { recursive: true })
})

const checkMillis = 100

/** HAProxy before the ports, asking each process whether it is ready. Answers its address. */
const balance = async (ports: ReadonlyArray<number>): Promise<string> => {
  const port = await freePort()
  const servers = ports.map(
    (each, index) => `  server shop${index} 127.0.0.1:${each} check inter ${checkMillis}ms fall 1 rise 1`,
  )
  const file = join(folder, "haproxy.cfg")
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 2s
  option redispatch
listen shop
  bind 127.0.0.1:${port}
  option httpchk GET /readyz
${servers.join("\n")}
`,
  )
  const child = spawn("haproxy", ["-db", "-f", file], { stdio: "ignore" })
  children.push(child)
  return `http://127.0.0.1:${port}`
}

/** People who buy, one after the other, until they are told to stop. */
const shoppers = (url: string, count: number) => {
  const failures: Array<string> = []
  let orders = 0
  let isOver = false
  const shop = async (userId: number): Promise<void> => {
    while (!isOver) {
      const read = await ask(`${url}/api/v1/products/1`)
      const bought = await ask(`${url}/api/v1/orders`, { userId, orderItems: [{ productId: 1, quantity: 1 }] })
      for (const outcome of [read, bought]) if (outcome !== "200") failures.push(outcome)
      if (bought === "200") orders++
    }
  }
  const ask = (address: string, body?: object): Promise<string> =>
    fetch(address, {
      ...(body && {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json", "idempotency-key": `"${randomUUID()}"` },
      }),
    }).then(
      (response) => response.text().then(() => String(response.status)),
      (error: Error) => `${error.message}: ${error.cause}`,
    )
  const all = Promise.all(Array.from({ length: count }, (_, index) => shop(index + 1)))
  return {
    failures,
    orders: () => orders,
    stop: async () => {
      isOver = true
      await all
    },
  }
}

describe("a rolling restart of three processes", () => {
  it("fails no request of anybody, and every order that was answered is there", async (context) => {
    if (spawnSync("haproxy", ["-v"]).status !== 0) {
      leaveOut("a rolling restart: no haproxy here (apt-get install haproxy)")
      return context.skip()
    }
    const server = await privateServer("a rolling restart")
    if (server === undefined) return context.skip()
    const catalogue = join(folder, "catalogue.json")
    const accounts = Array.from({ length: 8 }, (_, index) => ({ accountId: index + 1, points: 1_000_000 }))
    writeFileSync(
      catalogue,
      JSON.stringify({
        accounts,
        products: [{ productId: 1, name: "Tee", price: 1, onHand: 1_000_000 }],
        campaigns: [],
      }),
    )
    const ports = [await freePort(), await freePort(), await freePort()]
    const begin = (port: number) =>
      start(
        ...["--store", "postgres", "--url", server.url, "--catalogue", catalogue],
        ...["--port", String(port), "--notice", String(checkMillis * 10)],
      )
    try {
      const running = []
      for (const port of ports) running.push(await begin(port))
      const url = await balance(ports)
      await expect
        .poll(() =>
          fetch(`${url}/readyz`).then(
            ({ status }) => status,
            () => 0,
          ),
        )
        .toBe(200)
      const people = shoppers(url, 8)
      for (const [index, port] of ports.entries()) {
        const before = people.orders()
        await expect.poll(() => people.orders()).toBeGreaterThan(before + 20)
        running[index]?.child.kill("SIGTERM")
        expect(await running[index]?.exited).toBe(0)
        await begin(port)
      }
      const before = people.orders()
      await expect.poll(() => people.orders()).toBeGreaterThan(before + 20)
      await people.stop()
      expect(people.failures).toEqual([])
      const shop = createHoldfast({ store: postgres({ url: server.url }) })
      expect((await shop.stock.product("1")).onHand).toBe(1_000_000 - people.orders())
      expect(await shop.audit.run()).toMatchObject({ ok: true })
      await shop.stop()
    } finally {
      for (const child of children) child.kill("SIGKILL")
      await server.stop()
    }
  })
})
