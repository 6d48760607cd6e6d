/**
 * What travels is bytes. What is no text in them, or changes on the way into JavaScript, names something that nobody sent,
 * so that it is refused: through both shells, in the body, the path, the query and the headers.
 */
import { createServer, type RequestListener } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { createHoldfast, type Shop } from "@holdfast/core"
import { afterEach, describe, expect, it } from "vitest"
import { type ShopHandler, type ShopHandlerOptions, shopHandler } from "../src/index.ts"
import { toNodeHandler } from "../src/node/index.ts"
import { freshKey } from "./support.ts"

const running: Array<() => void> = []
afterEach(() => {
  for (const stop of running.splice(0)) stop()
})

const listening = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  running.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface Heard {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its expectations what an answer must be
  readonly body: any
}

/** Sends bytes as they are, which no client would. */
const raw = (port: number, head: string, body: Uint8Array = new Uint8Array()): Promise<Heard> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1")
    const received: Array<Buffer> = []
    socket.on("data", (chunk) => received.push(chunk)).on("error", reject)
    socket.on("close", () => {
      const text = Buffer.concat(received).toString("utf8")
      const json = text.slice(text.indexOf("\r\n\r\n") + 4)
      resolve({ status: Number(text.slice(9, 12)), body: json === "" ? undefined : JSON.parse(json) })
    })
    socket.write(Buffer.from(`${head}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`, "latin1"))
    socket.write(body)
  })

type Post = (path: string, body: Uint8Array, headers?: Record<string, string>) => Promise<Heard>

/** The same shop through both shells. */
const shells = async (
  options: Partial<ShopHandlerOptions> = {},
): Promise<{
  readonly shop: Shop
  readonly handler: ShopHandler
  readonly port: number
  readonly posts: ReadonlyArray<Post>
}> => {
  const shop = createHoldfast({ accounts: "open-on-first-charge" })
  await shop.stock.register({ productId: "p", name: "P", price: 0, onHand: 1_000 })
  await shop.coupons.createCampaign({ campaignId: "c", name: "C", discount: { type: "flat", amount: 1 }, limit: 9 })
  const handler = shopHandler(shop, {
    resolveCaller: () => ({ id: "host" }),
    authorize: () => true,
    ...options,
  } as ShopHandlerOptions)
  const port = await listening(toNodeHandler(handler))
  const headersOf = (more: Record<string, string>) => ({ "content-type": "application/json", ...freshKey(), ...more })
  const node: Post = (path, body, headers = {}) => {
    const lines = Object.entries(headersOf(headers)).map(([name, value]) => `${name}: ${value}`)
    return raw(port, [`POST /api/v1${path} HTTP/1.1`, "host: x", ...lines].join("\r\n"), body)
  }
  const web: Post = async (path, body, headers = {}) => {
    const init = { method: "POST", body: Buffer.from(body), headers: headersOf(headers) }
    const response = await handler.fetch(new Request(`http://shop.test/api/v1${path}`, init))
    return { status: response.status, body: await response.json() }
  }
  return { shop, handler, port, posts: [node, web] }
}

const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))))

const order = (more: object = {}) => ({ userId: "ann", orderItems: [{ productId: "p", quantity: 1 }], ...more })

const noText: Readonly<Record<string, ReadonlyArray<number>>> = {
  "가 in EUC-KR": [0xb0, 0xa1],
  "나 in EUC-KR": [0xb3, 0xaa],
  "é in Latin-1": [0xe9],
  "a character that breaks off": [0xea, 0xb0],
  "an overlong zero": [0xc0, 0x80],
  "half of a surrogate pair": [0xed, 0xa0, 0x80],
}

describe("bytes that are no UTF-8", () => {
  it("given in a body, are refused, and no two users become one", async () => {
    const { shop, posts } = await shells()
    await shop.points.open({ accountId: "\ufffd\ufffd" })
    await shop.points.open({ accountId: "ann" })
    for (const post of posts) {
      for (const [name, wrong] of Object.entries(noText)) {
        for (const [path, body] of [
          ["/coupons/issue", bytes('{"userId":"', wrong, '","couponId":"c"}')],
          ["/orders", bytes(JSON.stringify(order()).slice(0, -1), ',"reference":"', wrong, '"}')],
          ["/orders", bytes(JSON.stringify(order()).slice(0, -1), ',"', wrong, '":1}')],
        ] as const) {
          expect(await post(path, body), name).toMatchObject({ status: 400, body: { code: "MALFORMED_JSON" } })
        }
      }
    }
    expect((await shop.coupons.ofCampaign({ campaignId: "c" })).items).toEqual([])
    expect((await shop.stock.product("p")).onHand).toBe(1_000)
  })

  it("given as UTF-8, whole or with a mark at its beginning, arrive as they are", async () => {
    const { shop, posts } = await shells()
    await shop.points.open({ accountId: "ann" })
    for (const post of posts) {
      const text = JSON.stringify(order({ reference: "가나 é 👋 \ufffd" }))
      for (const body of [bytes(text), bytes([0xef, 0xbb, 0xbf], text)]) {
        expect(await post("/orders", body)).toMatchObject({ status: 200, body: { reference: "가나 é 👋 \ufffd" } })
      }
    }
  })

  it("given as another charset by name, are refused before they are read", async () => {
    const { shop, posts } = await shells()
    await shop.points.open({ accountId: "ann" })
    const body = bytes(JSON.stringify(order()))
    for (const post of posts) {
      for (const charset of ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"]) {
        const heard = await post("/orders", body, { "content-type": `application/json; charset=${charset}` })
        expect(heard.status, charset).toBe(200)
      }
      for (const charset of ["euc-kr", "iso-8859-1", "utf-16", '"utf-16le"']) {
        const heard = await post("/orders", body, { "content-type": `application/json; charset=${charset}` })
        expect(heard, charset).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } })
      }
    }
  })

  it("given through a parser before us, are refused where it left its mark in their place", async () => {
    const { shop, handler } = await shells()
    await shop.points.open({ accountId: "ann" })
    const listener = toNodeHandler(handler)
    const port = await listening(async (request, response) => {
      let text = ""
      for await (const chunk of request) text += chunk
      listener(Object.assign(request, { body: JSON.parse(text) }), response)
    })
    const head = (key: string) =>
      `POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: ${key}`
    const wrong = bytes(JSON.stringify(order()).slice(0, -1), ',"reference":"', [0xb0, 0xa1], '"}')
    expect(await raw(port, head("1"), wrong)).toMatchObject({ status: 400, body: { code: "MALFORMED_JSON" } })
    const large = bytes(JSON.stringify(order()).slice(0, -1), ',"metadata":{"id":9007199254740993}}')
    expect(await raw(port, head("2"), large)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/metadata/id" }] },
    })
    expect((await raw(port, head("3"), bytes(JSON.stringify(order({ reference: "가" }))))).status).toBe(200)
  })

  it("given in a path or a query, encoded or bare, are refused", async () => {
    const { handler, port } = await shells()
    const malformed = { status: 400, body: { code: "MALFORMED_PATH" } }
    for (const target of [
      "/users/%B0%A1/points",
      "/users/%C0%80/points",
      "/users/%ED%A0%80/points",
      "/users/100%/points",
      "/outcomes?operation=orders.place&key=%B0%A1",
      "/outcomes?operation=orders.place&key=100%",
      "/outcomes?operation=orders.place&key=k&%B0=1",
    ]) {
      const response = await handler.fetch(new Request(`http://shop.test/api/v1${target}`))
      expect({ status: response.status, body: await response.json() }, target).toMatchObject(malformed)
      expect(await raw(port, `GET /api/v1${target} HTTP/1.1\r\nhost: x`), target).toMatchObject(malformed)
    }
    for (const target of ["/users/\u00b0\u00a1/points", "/users/\u00ea\u00b0\u0080/points", "/outcomes?key=\u00e9"]) {
      for (const form of [`/api/v1${target}`, `http://x/api/v1${target}`]) {
        const heard = await raw(port, `GET ${form} HTTP/1.1\r\nhost: x`)
        // Node's own parser may refuse them before us.
        if (heard.body !== undefined) expect(heard, form).toMatchObject(malformed)
        expect(heard.status, form).toBe(400)
      }
    }
    const found = await handler.fetch(
      new Request("http://shop.test/api/v1/outcomes?operation=orders.place&key=%EA%B0%80+%2B"),
    )
    expect(found.status).toBe(200)
  })

  it("given as a character that no client sends, are refused where the host's own rule would read another address", async () => {
    const read: Array<readonly [asked: string | undefined, seen: string]> = []
    const { port } = await shells({
      authorize: ({ resource, request }) => {
        const { pathname, search } = new URL(request.request.url)
        read.push([resource.productId, decodeURIComponent(pathname.slice("/api/v1/products/".length)) + search])
        return true
      },
    })
    const answered = async (target: string) => (await raw(port, `GET ${target} HTTP/1.1\r\nhost: x`)).status
    let refused = ""
    for (let unit = 0x21; unit < 0x7f; unit++) {
      const character = String.fromCharCode(unit)
      if ("/?%".includes(character)) continue
      const status = await answered(`/api/v1/products/x${character}..${character}p`)
      if (status === 400) refused += character
      const [asked, seen] = read.pop() ?? []
      expect(seen, character).toBe(asked)
    }
    expect(refused).toBe("#\\")
    // In a query everybody reads the one as it is, and the other nobody.
    expect(await answered("/api/v1/products/p?a\\..\\b")).toBe(200)
    expect(await answered("/api/v1/products/p?a#b")).toBe(400)
  })

  it("given in a header that names the user of a demonstration, name nobody", async () => {
    const { shop, port } = await shells({
      resolveCaller: undefined,
      demoIdentity: true,
      authorize: undefined,
      warn: () => {},
    } as Partial<ShopHandlerOptions>)
    await shop.points.open({ accountId: "가" })
    const { orderId } = await shop.orders.place({
      accountId: "가",
      lines: [{ productId: "p", quantity: 1 }],
      key: "1",
    })
    const read = (user: string) => raw(port, `GET /api/v1/orders/${orderId} HTTP/1.1\r\nhost: x\r\nx-user-id: ${user}`)
    expect((await read(Buffer.from("가").toString("latin1"))).status).toBe(200)
    expect((await read("\u00b0\u00a1")).status).toBe(401)
  })
})

describe("numbers that JavaScript does not hold", () => {
  const kept = [
    "0",
    "-0.5",
    "1.0",
    "1e3",
    "12E-1",
    "9007199254740991",
    "9007199254740992",
    "0.1",
    "1e21",
    "123456789012345.6",
  ]
  const changed = [
    "9007199254740993",
    "-9007199254740993",
    "1.00000000000000001",
    "1e400",
    "1e-400",
    "0.10000000000000001",
  ]

  it("given in metadata, are refused by their place; all others arrive as they are", async () => {
    const { shop, posts } = await shells()
    await shop.points.open({ accountId: "ann" })
    const body = (number: string) => bytes(JSON.stringify(order()).slice(0, -1), `,"metadata":{"a/b":[1,${number}]}}`)
    for (const post of posts) {
      for (const number of kept) {
        const heard = await post("/orders", body(number))
        expect(heard, number).toMatchObject({ status: 200, body: { metadata: { "a/b": [1, Number(number)] } } })
      }
      for (const number of changed) {
        const heard = await post("/orders", body(number))
        expect(heard, number).toMatchObject({ status: 400, body: { errors: [{ pointer: "/metadata/a~1b/1" }] } })
      }
    }
  })

  it("given anywhere else, are refused as well: a quantity of 1.00000000000000001 is not 1", async () => {
    const { shop, posts } = await shells()
    await shop.points.open({ accountId: "ann" })
    for (const post of posts) {
      const one = '{"userId":"ann","orderItems":[{"productId":"p","quantity":1.00000000000000001}],"expectedPaid":0e0}'
      expect(await post("/orders", bytes(one))).toMatchObject({
        status: 400,
        body: { code: "INVALID_INPUT", errors: [{ pointer: "/orderItems/0/quantity" }] },
      })
      const digits = order({ reference: "12345678901234567890" })
      expect((await post("/orders", bytes(JSON.stringify(digits)))).status).toBe(200)
      const broken = await post("/orders", bytes(`{"a":12345678901234567890,`))
      expect(broken).toMatchObject({ status: 400, body: { code: "MALFORMED_JSON" } })
    }
  })
})

describe("ids that are steps of an address", () => {
  it('given as "." or "..", in a body or a path, are refused: what could be bought could never be asked for', async () => {
    const { handler, port, posts } = await shells()
    for (const id of [".", ".."]) {
      for (const post of posts) {
        const issue = await post("/coupons/issue", bytes(JSON.stringify({ userId: id, couponId: "c" })))
        expect(issue).toMatchObject({ status: 400, body: { errors: [{ pointer: "/userId" }] } })
        const items = [{ productId: id, quantity: 1 }]
        const placed = await post("/orders", bytes(JSON.stringify({ userId: "ann", orderItems: items })))
        expect(placed).toMatchObject({ status: 400, body: { errors: [{ pointer: "/orderItems/0/productId" }] } })
      }
      for (const step of [id, id.replaceAll(".", "%2e"), id.replaceAll(".", "%2E")]) {
        const heard = await raw(port, `GET /api/v1/users/${step}/points HTTP/1.1\r\nhost: x`)
        expect(heard, step).toMatchObject({ status: 400, body: { code: "MALFORMED_PATH" } })
        // A web Request has walked the step before anybody sees it.
        const walked = await handler.fetch(new Request(`http://shop.test/api/v1/users/${step}/points`))
        expect(walked.status, step).toBe(404)
      }
    }
    const names = await raw(port, "GET /api/v1/products/..x HTTP/1.1\r\nhost: x")
    expect(names).toMatchObject({ status: 404, body: { code: "PRODUCT_NOT_FOUND" } })
  })
})

describe("the Host header", () => {
  it("given with more than a name and a port, shapes nothing that the host looks at", async () => {
    const seen: Array<string> = []
    const { port } = await shells({
      resolveCaller: ({ request }) => {
        seen.push(request.url)
        return { id: "ann" }
      },
    })
    const target = "/api/v1/products/p?a=1"
    const urlFor = async (host: string): Promise<string | undefined> => {
      expect((await raw(port, `GET ${target} HTTP/1.1\r\nhost: ${host}`)).status, host).toBe(200)
      return seen.at(-1)
    }
    for (const host of ["shop", "shop.example:8080", "127.0.0.1:3000", "[::1]:3000", "my_shop"]) {
      expect(await urlFor(host)).toBe(`http://${host}${target}`)
    }
    for (const host of [
      "shop/public?",
      "shop/public#",
      "user:pw@shop",
      "shop/..",
      "a b",
      "shop\\x",
      "shop:99999",
      "[x]",
      "",
    ]) {
      expect(await urlFor(host), host).toBe(`http://localhost${target}`)
    }
  })
})
