/**
 * Code of the host that only looks on: whatever it throws, the request is answered as it would have been.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { HoldfastError } from "@holdfast/core"
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { shopHandler } from "../src/index.ts"
import { type NodeHandler, toNodeHandler } from "../src/node/index.ts"
import { askOf, callerOfHeader, stocked, surfaceOf } from "./support.ts"

const broken = (): never => {
  throw new Error("the observer is broken")
}
const brokenAsync = async (): Promise<never> => broken()

/** Throws at every look. */
const untouchable = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const strays: Array<unknown> = []
const heard = (reason: unknown) => void strays.push(reason)
beforeEach(() => void process.on("unhandledRejection", heard))
afterEach(async () => {
  // Node tells of rejections that nobody hears once the turn is over.
  await new Promise((resolve) => setImmediate(resolve))
  process.off("unhandledRejection", heard)
  expect(strays.splice(0)).toEqual([])
})

const inFlight = /^holdfast_http_requests_in_flight (\d+)$/m

describe.each([
  ["at once", broken],
  ["later", brokenAsync],
])("an observer that throws %s", (_, observer) => {
  it("and is told of defects leaves the answer a 500, and counts the request as answered", async () => {
    const { ask } = await surfaceOf({ authorize: broken, onDefect: observer })
    expect(await ask("GET", "/products/1")).toMatchObject({ status: 500, body: { code: "INTERNAL" } })
    const [, count] = inFlight.exec((await ask("GET", "//metrics")).text) ?? []
    expect(count).toBe("0")
  })

  it("and is told what a store rejects leaves the answer what the store said", async () => {
    const no = { _tag: "StoreRejected", outcome: "nothing-happened", reason: "permission denied" } as const
    const rejecting = { ...(await stocked()), stock: { product: () => Promise.reject(new HoldfastError(no)) } }
    const ask = askOf(shopHandler(rejecting, { ...callerOfHeader, onDefect: observer }))
    expect(await ask("GET", "/products/1")).toMatchObject({ status: 500, body: { code: "STORE_REJECTED" } })
  })

  it("and gets the warnings keeps nobody from being served", async () => {
    const rateLimit = { requests: 1, perSeconds: 60 }
    const { ask } = await surfaceOf({ resolveCaller: () => undefined, rateLimit, warn: observer })
    for (let time = 0; time < 2; time++) expect((await ask("GET", "/products/1")).status).toBe(200)
  })
})

describe("what a host throws that throws when it is looked at", () => {
  it("is a defect like any other, and told", async () => {
    const told: Array<unknown> = []
    const thrown = untouchable()
    const throwing = () => {
      throw thrown
    }
    const { ask } = await surfaceOf({ authorize: throwing, onDefect: (error) => void told.push(error) })
    expect(await ask("GET", "/products/1")).toMatchObject({ status: 500, body: { code: "INTERNAL" } })
    expect(told.map((each) => each === thrown)).toEqual([true])
  })
})

describe("a response whose headers cannot be written", () => {
  const listening = async (handler: NodeHandler, next?: (error?: unknown) => void): Promise<string> => {
    const server = createServer((request, response) => {
      response.writeHead = broken
      handler(request, response, next)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/products/1`
  }

  it("ends its connection and no process", async () => {
    const { handler } = await surfaceOf()
    await expect(fetch(await listening(toNodeHandler(handler)))).rejects.toThrow()
  })

  it("is told to the host, where it hears of errors", async () => {
    const { handler } = await surfaceOf()
    const told = Promise.withResolvers<unknown>()
    const asked = fetch(await listening(toNodeHandler(handler), told.resolve)).catch(() => {})
    expect(await told.promise).toMatchObject({ message: "the observer is broken" })
    void asked
  })
})
