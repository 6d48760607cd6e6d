import { connect } from "node:net"
import { createHoldfast } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { describe, expect, it } from "vitest"
import { loadCatalogue, sampleCatalogue } from "../src/catalogue.ts"
import { readFlags } from "../src/flags.ts"
import { post, start } from "./support.ts"

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

const orderHead =
  "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: one\r\n"

describe("the flags", () => {
  it("mean what they say, and are refused with a sentence", () => {
    expect(readFlags([], {})).toEqual({
      port: 3000,
      store: { name: "pglite", dir: undefined },
      catalogue: undefined,
      noticeMillis: 0,
    })
    expect(readFlags(["--store", "postgres"], { DATABASE_URL: "postgres://x" })?.store).toMatchObject({
      url: "postgres://x",
    })
    expect(readFlags(["--data", "d"], {})?.store).toEqual({ name: "pglite", dir: "d" })
    for (const flag of ["--help", "-h"]) expect(readFlags([flag], {})).toBeUndefined()
    for (const [flags, sentence] of [
      [["--port", "x"], /no port/],
      [["--notice", "soon"], /no time/],
      [["--notice", "600001"], /at most 600000 milliseconds/],
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
  it("serves the six calls, makes keys, lets owners cancel, and leaves in order", async () => {
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

  it("answers problem documents also for what Node's own parser refuses", async () => {
    const { url, child } = await start("--store", "memory")
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["rubbish\r\n\r\n", "400"],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "431"],
      [`${orderHead}transfer-encoding: chunked\r\n\r\nzz\r\n`, "400"],
    ]
    for (const [bytes, status] of cases) {
      const answer = await raw(url, bytes)
      expect(answer).toContain(`HTTP/1.1 ${status} `)
      expect(answer).toContain("content-type: application/problem+json")
      expect(JSON.parse(answer.slice(answer.indexOf("{")))).toMatchObject({ status: Number(status) })
    }
    child.kill("SIGKILL")
  })

  it("answers no order with what Node's parser says of the bytes behind it", async () => {
    const { url, child } = await start("--store", "memory")
    const order = JSON.stringify({ userId: 1, orderItems: [{ productId: 1, quantity: 1 }] })
    const bytes = `${orderHead}content-length: ${order.length}\r\n\r\n${order}rubbish\r\n\r\n`
    // Whoever hears nothing asks again with the same key. Who hears 400 believes that nothing was bought.
    expect(await raw(url, bytes).catch(() => "")).not.toContain(" 400 ")
    child.kill("SIGKILL")
  })

  it("says what is wrong and ends", async () => {
    await expect(start("--store", "mysql")).rejects.toThrow(/ended with 2[\s\S]*memory, pglite and postgres/)
    await expect(start("--store", "memory", "--catalogue", "/nowhere")).rejects.toThrow(/ended with 1[\s\S]*ENOENT/)
  })
})
