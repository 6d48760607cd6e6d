import { Agent, createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { createHoldfast, HoldfastError, type StoreFault } from "@holdfast/core"
import { inProcessRequests, MemoryStore } from "@holdfast/core/memory"
import { RequestLog, type RequestLogShape, Store } from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { shopHandler } from "../src/index.ts"
import { shutDown, toNodeHandler } from "../src/node/index.ts"
import { askOf, callerOfHeader, stocked } from "./support.ts"

/** A shop whose store can be taken away. */
const onAStore = async () => {
  const store = await Effect.runPromise(MemoryStore.make)
  const state = { away: false }
  const lost: StoreFault = { _tag: "Lost", reason: "db-1 is away" }
  const products: typeof store.reads.products = (ids) => (state.away ? Effect.fail(lost) : store.reads.products(ids))
  const layer = Layer.succeed(Store, { ...store, reads: { ...store.reads, products } })
  return { state, shop: createHoldfast({ store: { name: "one", layer }, logger: () => {} }) }
}

describe("readiness", () => {
  it("given a store that is away, is 503 until it is back, and the process lives all the while", async () => {
    const { state, shop } = await onAStore()
    const ask = askOf(shopHandler(shop, callerOfHeader))
    expect(await ask("GET", "//readyz")).toMatchObject({ status: 200, body: { status: "ok" } })
    state.away = true
    const refused = await ask("GET", "//readyz")
    expect(refused).toMatchObject({ status: 503, body: { code: "STORE_UNAVAILABLE", retryable: true } })
    // Hosts and drivers stay inside.
    expect(refused.text).not.toContain("db-1")
    expect((await ask("GET", "//livez")).status).toBe(200)
    state.away = false
    expect((await ask("GET", "//readyz")).status).toBe(200)
    await shop.stop()
  })

  it("given readyWithoutStore, stays 200 and says degraded", async () => {
    const { state, shop } = await onAStore()
    const ask = askOf(shopHandler(shop, { ...callerOfHeader, readyWithoutStore: true }))
    state.away = true
    expect(await ask("GET", "//readyz")).toMatchObject({
      status: 200,
      body: { status: "degraded", store: { reachable: false } },
    })
    await shop.stop()
  })
})

describe("given a store that is away before the shop has started", () => {
  const starting = {
    "and says so": Layer.effect(Store, Effect.fail<StoreFault>({ _tag: "Lost", reason: "db-1 is away" })),
    "and hangs": Layer.effect(Store, Effect.never),
  }
  const asking = (layer: Layer.Layer<Store, StoreFault>, readyWithoutStore: boolean) => {
    const shop = createHoldfast({ store: { name: "one", layer }, logger: () => {} })
    onTestFinished(() => shop.stop({ drainMillis: 0 }))
    return askOf(shopHandler(shop, { ...callerOfHeader, readyWithoutStore }))
  }

  it.each(Object.entries(starting))("%s, is heard in the time of a probe", async (_, layer) => {
    const began = performance.now()
    expect(await asking(layer, false)("GET", "//readyz")).toMatchObject({
      status: 503,
      body: { code: "STORE_UNAVAILABLE" },
    })
    expect(performance.now() - began).toBeLessThan(999)
    expect(await asking(layer, true)("GET", "//readyz")).toMatchObject({
      status: 200,
      body: { status: "degraded", store: { reachable: false } },
    })
  })

  it.each(Object.entries(starting))("%s, is in the metrics that alerts are on", async (_, layer) => {
    const ask = asking(layer, false)
    await ask("GET", "//livez")
    const { status, text } = await ask("GET", "//metrics")
    expect(status).toBe(200)
    expect(text).toMatch(/^holdfast_store_reachable 0$/m)
    expect(text).toMatch(/^holdfast_http_requests_total\{route="GET \/livez",status="200"\} 1$/m)
    // As they are once the shop has started.
    const heads = (of: string) => of.match(/^# .* holdfast_(?:store_reachable|degraded) .*$/gm)
    const shop = await stocked()
    expect(heads(text)).toEqual(heads((await askOf(shopHandler(shop, callerOfHeader))("GET", "//metrics")).text))
    await shop.stop()
  })
})

describe("a request log that never says how much waits", () => {
  const asking = () => {
    const told = { asked: 0, isFrozen: true }
    const inner = inProcessRequests()
    const waitingOf = (log: RequestLogShape): RequestLogShape => ({
      ...log,
      waiting: Effect.suspend(() => {
        told.asked++
        return told.isFrozen ? Effect.never : Effect.succeed(7)
      }),
    })
    const layer = Layer.effect(RequestLog, Effect.map(RequestLog, waitingOf)).pipe(Layer.provide(inner.layer))
    return { told, requests: { ...inner, layer } }
  }

  it("is not asked for readiness", async () => {
    const { told, requests } = asking()
    const shop = await stocked({ requests })
    const ask = askOf(shopHandler(shop, callerOfHeader))
    expect(await ask("GET", "//readyz")).toMatchObject({ status: 200, body: { status: "ok" } })
    expect(told.asked).toBe(0)
    await shop.stop()
  })

  it("leaves metrics with what it said last", async () => {
    const { told, requests } = asking()
    const shop = await stocked({ requests })
    const ask = askOf(shopHandler(shop, callerOfHeader))
    const waiting = async () => /^holdfast_requests_waiting (.*)$/m.exec((await ask("GET", "//metrics")).text)?.[1]
    expect(await waiting()).toBeUndefined()
    told.isFrozen = false
    expect(await waiting()).toBe("7")
    told.isFrozen = true
    expect(await waiting()).toBe("7")
    await shop.stop()
  })
})

const serving = async () => {
  const shop = await stocked()
  const handler = shopHandler(shop, callerOfHeader)
  const server = createServer(toNodeHandler(handler))
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const { port } = server.address() as AddressInfo
  return { shop, handler, server, port }
}

describe("shutting down", () => {
  it("says first that it leaves, still answers, closes what is kept alive, and lets the host's own go last", async () => {
    const { shop, handler, server, port } = await serving()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = (path: string) =>
      new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
        request({ port, path, agent, headers: { "x-caller": "ann" } }, (response) => {
          response
            .resume()
            .once("end", () => resolve({ status: response.statusCode, connection: response.headers.connection }))
        })
          .once("error", reject)
          .end()
      })
    expect(await ask("/readyz")).toEqual({ status: 200, connection: "keep-alive" })
    const order: Array<string> = []
    const stop = shop.stop
    const watched = { stop: (options: Parameters<typeof stop>[0]) => stop(options).then(() => void order.push("shop")) }
    server.once("close", () => order.push("server"))
    const options = { server, handler, shop: watched, noticeMillis: 500, close: () => void order.push("pool") }
    const done = shutDown(options)
    // The balancer is told, and whoever comes meanwhile is served.
    expect(await ask("/readyz")).toEqual({ status: 503, connection: "close" })
    expect(await ask("/api/v1/users/ann/points")).toEqual({ status: 200, connection: "close" })
    expect(order).toEqual([])
    expect(shutDown(options)).toBe(done)
    await done
    expect(order).toEqual(["server", "shop", "pool"])
    await expect(ask("/livez")).rejects.toThrow(/ECONNREFUSED/)
    agent.destroy()
  })

  it("cuts nobody who waits for a coupon request", async () => {
    const shop = await stocked({ requests: inProcessRequests(), workers: false })
    const handler = shopHandler(shop, callerOfHeader)
    const server = createServer(toNodeHandler(handler))
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    const { port } = server.address() as AddressInfo
    const { requestId } = await shop.coupons.request({ campaignId: "10", accountId: "ann" })
    const asked = new Promise((resolve) => server.once("request", resolve))
    const headers = { "x-caller": "ann", prefer: "wait=14" }
    const address = `http://127.0.0.1:${port}${handler.basePath}/coupons/issue-requests/${encodeURIComponent(requestId)}`
    const told = fetch(address, { headers })
    await asked
    await shutDown({ server, handler, shop, noticeMillis: 0, drainMillis: 2_000 })
    const answer = await told
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([200, "1"])
    // It was asked before anybody knew, and its connection is closed all the same.
    expect(answer.headers.get("connection")).toBe("close")
    expect(await answer.json()).toMatchObject({ state: "waiting" })
  })

  it("goes on after a step that fails, and tells of it", async () => {
    const { handler, server } = await serving()
    let closed = false
    const shop = { stop: () => Promise.reject(new Error("stuck")) }
    const close = () => {
      closed = true
    }
    await expect(shutDown({ server, handler, shop, noticeMillis: 0, close })).rejects.toThrow("stuck")
    expect(closed).toBe(true)
    expect(server.listening).toBe(false)
  })

  it("refuses options that are none", async () => {
    const { shop, handler, server } = await serving()
    const wrong = { server, handler, shop, noticeMilis: 1 } as Parameters<typeof shutDown>[0]
    expect(() => shutDown(wrong)).toThrow(/did you mean "noticeMillis"/)
    expect(() => shutDown({ server, handler, shop, drainMillis: -1 })).toThrow(HoldfastError)
    await shutDown({ server, handler, shop, noticeMillis: 0 })
  })
})
