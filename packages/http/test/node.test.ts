import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  request as send,
} from "node:http"
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2"
import { type AddressInfo, connect } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { shopHandler } from "../src/index.ts"
import { toNodeHandler } from "../src/node/index.ts"
import { type Answer, askedOf, callerOfHeader, freshKey, stocked, surfaceOf } from "./support.ts"

const running: Array<() => void> = []
afterEach(() => {
  for (const stop of running.splice(0)) stop()
})

const listening = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  running.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const post = async (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  askedOf(
    await fetch(url, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", "x-caller": "ann", ...freshKey(), ...headers },
    }),
  )

const oneTee = { userId: "ann", orderItems: [{ productId: "1", quantity: 1 }] }

describe("toNodeHandler", () => {
  it("answers over a real socket what fetch answers", async () => {
    const { handler } = await surfaceOf()
    const url = await listening(toNodeHandler(handler))
    const got = await askedOf(await fetch(`${url}/api/v1/products/1`))
    expect(got.body).toMatchObject({ productId: "1", stock: 100 })
    expect(got.headers.get("content-length")).toBe(String(got.text.length))
    expect(await post(`${url}/api/v1/orders`, oneTee)).toMatchObject({ status: 200, body: { paidAmount: 12_000 } })
    const head = await fetch(`${url}/api/v1/products/1`, { method: "HEAD" })
    expect([head.status, await head.text()]).toEqual([200, ""])
    const korean = await post(`${url}/api/v1/orders`, {}, { "accept-language": "ko" })
    expect(korean).toMatchObject({ status: 400, body: { title: "유효하지 않은 파라미터가 존재합니다." } })
    const etag = got.headers.get("etag") ?? ""
    await post(`${url}/api/v1/orders`, oneTee)
    const changed = await fetch(`${url}/api/v1/products/1`, { headers: { "if-none-match": etag } })
    expect(changed.status).toBe(200)
    expect((await fetch(`${url}/elsewhere`)).headers.get("content-type")).toBe("application/problem+json")
  })

  it("answers over HTTP/2, where nothing may be said of the connection", async () => {
    const warned: Array<string> = []
    const warn = (warning: Error) => warned.push(warning.message)
    process.on("warning", warn)
    const hosts: Array<string> = []
    const { handler } = await surfaceOf({
      limits: { bodyBytes: 10 },
      authorize: ({ request }) => {
        hosts.push(new URL(request.request.url).host)
        return undefined
      },
    })
    const listener = toNodeHandler(handler)
    const server = createHttp2Server((request, response) =>
      // What it has of the older interface is what the listener uses.
      listener(request as unknown as IncomingMessage, response as unknown as ServerResponse),
    )
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    running.push(() => {
      session.destroy()
      server.close()
      process.off("warning", warn)
    })
    const statusOf = (headers: Record<string, string>, body?: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const stream = session.request({ "x-caller": "ann", ...headers })
        stream.on("response", (head) => resolve(head[":status"])).on("error", reject)
        stream.resume().end(body)
      })
    expect(await statusOf({ ":path": "/api/v1/products/1", ":authority": "shop.example:8443" })).toBe(200)
    expect(hosts).toEqual(["shop.example:8443"])
    const post = { ":method": "POST", ":path": "/api/v1/orders", "content-type": "application/json", ...freshKey() }
    expect(await statusOf(post, JSON.stringify(oneTee))).toBe(413)
    handler.leave()
    expect(await statusOf({ ":path": "/readyz" })).toBe(503)
    // Warnings come a turn later.
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(warned).toEqual([])
  })

  it("tells callers who are not signed in apart by the address of their socket", async () => {
    const { handler } = await surfaceOf({ rateLimit: { requests: 1, perSeconds: 60 }, clock: () => 0 })
    const url = await listening(toNodeHandler(handler))
    const statuses = [await fetch(`${url}/api/v1/products/1`), await fetch(`${url}/api/v1/products/1`)]
    expect(statuses.map(({ status }) => status)).toEqual([200, 429])
  })

  it("answers the address that a middleware of the host's has made of another one", async () => {
    const { handler } = await surfaceOf()
    const listener = toNodeHandler(handler)
    const next = () => {
      throw new Error("It is ours.")
    }
    for (const [basePath, rewritten] of [
      // Below a mount of Express, which tells both of its parts, and before any mount.
      ["/api/v1", "/products/1"],
      ["", "/api/v1/products/1"],
      ["/shop", "/products/1?limit=1"],
      ["/api/v1", "http://shop.example/products/1"],
    ] as const) {
      const url = await listening((request, response) =>
        listener(
          Object.assign(request, { originalUrl: request.url, baseUrl: basePath, url: rewritten }),
          response,
          next,
        ),
      )
      expect((await fetch(`${url}/older/product?id=1`)).status, `${basePath} ${rewritten}`).toBe(200)
    }
    // Fastify changes the whole. Connect takes its mount away, and tells it by the address as it came alone.
    for (const [asked, url] of [
      ["/older/product", "/api/v1/products/1"],
      ["/en/api/v1/products/1", "/api/v1/products/1"],
      ["/api/v1/products/1", "/products/1"],
    ] as const) {
      const server = await listening((request, response) =>
        listener(Object.assign(request, { originalUrl: request.url, url }), response, next),
      )
      expect((await fetch(`${server}${asked}`)).status, asked).toBe(200)
    }
  })

  it("given another mount than the base path, leads with a problem's type to its page there", async () => {
    const { handler } = await surfaceOf()
    const listener = toNodeHandler(handler)
    // As Express tells a mount.
    const url = await listening((request, response) => {
      const { url: arrived = "" } = request
      listener(Object.assign(request, { baseUrl: "/shop/v2", url: arrived.slice("/shop/v2".length) }), response)
    })
    const { body } = await askedOf(await fetch(`${url}/shop/v2/products/nope`))
    expect(body.type).toBe("/shop/v2/docs#PRODUCT_NOT_FOUND")
    const page = await (await fetch(new URL(body.type, url))).text()
    expect(page).toContain('id="PRODUCT_NOT_FOUND"')
  })

  it("hands paths that are not ours to the host, where there is one", async () => {
    const { handler } = await surfaceOf()
    const listener = toNodeHandler(handler)
    const url = await listening((request, response) =>
      listener(request, response, () => response.writeHead(200).end("the host's own")),
    )
    expect(await (await fetch(`${url}/elsewhere`)).text()).toBe("the host's own")
    expect((await fetch(`${url}/api/v1/nothing`)).status).toBe(404)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  it("waits for no body of a peer who left while the host looked who it is", async () => {
    const known = Promise.withResolvers<void>()
    const { handler } = await surfaceOf({
      resolveCaller: async () => {
        await known.promise
        return { id: "ann" }
      },
    })
    const answered = Promise.withResolvers<number>()
    const answer: typeof handler.answer = async (exchange) => {
      const reply = await handler.answer(exchange)
      answered.resolve(reply.status)
      return reply
    }
    const listener = toNodeHandler({ ...handler, answer })
    const url = await listening((request, response) => {
      request.on("close", () => setTimeout(known.resolve, 10))
      listener(request, response)
    })
    const headers = { "content-type": "application/json", "content-length": "9", ...freshKey() }
    const upload = send(`${url}/api/v1/orders`, { method: "POST", headers })
    upload.on("error", () => {})
    upload.write("{")
    setTimeout(() => upload.destroy(), 50)
    expect(await answered.promise).toBe(499)
  }, 5_000)

  it("tells the host, and not the caller to be gone, where others read the body and kept it", async () => {
    const defects: Array<string> = []
    const { handler, shop } = await surfaceOf({ onDefect: (error) => defects.push(String(error)) })
    const listener = toNodeHandler(handler)
    const url = await listening((request, response) => {
      request.resume().on("end", () => listener(request, response))
    })
    expect(await post(`${url}/api/v1/orders`, oneTee)).toMatchObject({ status: 500, body: { code: "INTERNAL" } })
    expect(defects).toEqual([expect.stringContaining("The body was read before this handler")])
    expect((await shop.orders.ofAccount({ accountId: "ann" })).items).toEqual([])
    const headers = { "content-type": "application/json", "x-caller": "ann", ...freshKey() }
    const empty = await askedOf(await fetch(`${url}/api/v1/orders`, { method: "POST", headers }))
    expect(empty).toMatchObject({ status: 400, body: { code: "MALFORMED_JSON" } })
  })

  it("reads what the host parsed as a value, and does not believe an empty object of a body that was not read", async () => {
    const { handler } = await surfaceOf()
    const listener = toNodeHandler(handler)
    const parsed = await listening(async (request, response) => {
      let text = ""
      for await (const chunk of request) text += chunk
      listener(Object.assign(request, { body: JSON.parse(text) }), response)
    })
    expect((await post(`${parsed}/api/v1/orders`, oneTee)).status).toBe(200)
    // Its bytes, as `express.raw()` leaves them, are read like those that nobody has touched.
    const raw = await listening(async (request, response) => {
      const chunks: Array<Buffer> = []
      for await (const chunk of request) chunks.push(chunk)
      listener(Object.assign(request, { body: Buffer.concat(chunks) }), response)
    })
    expect((await post(`${raw}/api/v1/orders`, oneTee)).status).toBe(200)
    const large = await post(`${raw}/api/v1/orders`, { ...oneTee, reference: "x".repeat(70_000) })
    expect(large).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } })
    const untouched = await listening((request, response) => listener(Object.assign(request, { body: {} }), response))
    expect((await post(`${untouched}/api/v1/orders`, oneTee)).status).toBe(200)
  })

  it("answers 413 to a body over the limit, announced or not, and closes", async () => {
    const { handler } = await surfaceOf({ limits: { bodyBytes: 1_000 } })
    const url = await listening(toNodeHandler(handler))
    // Whoever sends a little too much hears the answer; whoever sends without end is not listened to.
    for (const size of [2_000, 500_000]) {
      const announced = await post(`${url}/api/v1/orders`, "x".repeat(size))
      expect(announced).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } })
      expect(announced.headers.get("connection")).toBe("close")
    }
    const endless = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(`${url}/api/v1/orders`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-caller": "ann", ...freshKey() },
      })
      const more = setInterval(() => request.write("x".repeat(100_000)), 1)
      request.on("response", (response) => {
        clearInterval(more)
        resolve(response)
      })
      request.on("error", (error) => {
        clearInterval(more)
        reject(error)
      })
    })
    expect(endless.statusCode).toBe(413)
    endless.resume()
    const huge = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        "content-length": 5_000_000,
        "x-caller": "ann",
        ...freshKey(),
      }
      const request = send(`${url}/api/v1/orders`, { method: "POST", headers })
      request.on("response", resolve).on("error", reject)
      request.flushHeaders()
    })
    expect(huge.statusCode).toBe(413)
    huge.resume()
  })

  it("keeps a connection usable after a refusal that left the body unread", async () => {
    const { handler } = await surfaceOf()
    const url = new URL(await listening(toNodeHandler(handler)))
    const received = await new Promise<string>((resolve) => {
      let text = ""
      const socket = connect(Number(url.port), url.hostname)
      socket.on("data", (chunk) => {
        text += chunk
        if (text.includes("Out of stock") || text.split("HTTP/1.1").length === 3) socket.end()
      })
      socket.on("close", () => resolve(text))
      const body = JSON.stringify(oneTee)
      const headers = `host: x\r\nx-caller: ann\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`
      socket.write(`POST /api/v1/orders HTTP/1.1\r\n${headers}\r\n${body}`)
      socket.write("GET /api/v1/products/1 HTTP/1.1\r\nhost: x\r\n\r\n")
    })
    expect(received).toMatch(/HTTP\/1\.1 400[\s\S]*IDEMPOTENCY_KEY_REQUIRED[\s\S]*HTTP\/1\.1 200/)
  })

  it("withdraws a change whose client left before it was taken", async () => {
    const shop = await stocked()
    let left: (() => void) | undefined
    const aborted = new Promise<void>((resolve) => {
      left = resolve
    })
    let reached: (() => void) | undefined
    const placing = new Promise<void>((resolve) => {
      reached = resolve
    })
    const slow = {
      ...shop,
      orders: {
        ...shop.orders,
        place: (...[, options]: Parameters<typeof shop.orders.place>) =>
          new Promise<never>((_, reject) => {
            options?.signal?.addEventListener("abort", () => {
              left?.()
              reject(options.signal?.reason)
            })
            reached?.()
          }),
      },
    }
    const defects: Array<unknown> = []
    const handler = shopHandler(slow, { ...callerOfHeader, onDefect: (error) => defects.push(error) })
    const url = await listening(toNodeHandler(handler))
    const controller = new AbortController()
    const asked = fetch(`${url}/api/v1/orders`, {
      method: "POST",
      body: JSON.stringify(oneTee),
      headers: { "content-type": "application/json", "x-caller": "ann", ...freshKey() },
      signal: controller.signal,
    })
    await placing
    controller.abort()
    await expect(asked).rejects.toThrow(/abort/i)
    await aborted
    expect(defects).toEqual([])
  })
})
