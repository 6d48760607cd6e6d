/**
 * `kill -9` in the middle of a rush: after a restart nothing that was acknowledged is missing.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { privateServer } from "@holdfast/test-services"
import { afterAll, describe, expect, it } from "vitest"
import { sampleCatalogue } from "../src/catalogue.ts"
import { post, start } from "./support.ts"

const folder = mkdtempSync(join(tmpdir(), "holdfast-serve-"))
const catalogue = join(folder, "catalogue.json")
writeFileSync(catalogue, JSON.stringify(sampleCatalogue))
const server = await privateServer("examples/http-server")
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server?.stop()
})

const order = (caller: string | number) => ({ userId: Number(caller) + 1, orderItems: [{ productId: 1, quantity: 1 }] })

/** Orders keep coming from twenty callers until the server is gone. Answers the text of every 200, by its key. */
const buyUntilKilled = async (url: string, kill: () => void): Promise<ReadonlyMap<string, string>> => {
  const acknowledged = new Map<string, string>()
  const buying = Array.from({ length: 20 }, async (_, caller) => {
    for (let count = 0; ; count++) {
      const key = `${caller}-${count}`
      const answer = await post(url, "/orders", order(caller), { "idempotency-key": key }).catch(() => undefined)
      if (answer?.status !== 200) return
      const text = await answer.text().catch(() => undefined)
      if (text === undefined) return
      acknowledged.set(key, text)
      if (acknowledged.size === 60) kill()
    }
  })
  await Promise.all(buying)
  return acknowledged
}

const crashAndLook = async (...flags: ReadonlyArray<string>): Promise<void> => {
  const first = await start(...flags, "--catalogue", catalogue)
  const acknowledged = await buyUntilKilled(first.url, () => first.child.kill("SIGKILL"))
  expect(acknowledged.size).toBeGreaterThanOrEqual(60)
  const second = await start(...flags, "--catalogue", catalogue)
  for (const [key, text] of acknowledged) {
    const again = await post(second.url, "/orders", order(key.split("-")[0] ?? ""), { "idempotency-key": key })
    expect(again.headers.get("idempotency-replayed")).toBe("true")
    expect(await again.text()).toBe(text)
    const { orderId } = JSON.parse(text)
    const read = await fetch(`${second.url}/api/v1/orders/${orderId}`, {
      headers: { "x-user-id": JSON.parse(text).userId },
    })
    expect(await read.text()).toBe(text)
  }
  second.child.kill("SIGTERM")
  expect(await second.exited).toBe(0)
}

describe("kill -9 and a restart", () => {
  it("keep every acknowledged order on the same --data", () => crashAndLook("--data", join(folder, "data")))

  it.skipIf(server === undefined)("keep every acknowledged order on a PostgreSQL server", () =>
    crashAndLook("--store", "postgres", "--url", server?.url ?? ""),
  )
})
