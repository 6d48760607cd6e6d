import { createServer } from "node:http"
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { afterAll, afterEach, describe, expect, it, vi } from "vitest"
import { holdfastClient } from "../src/client/index.ts"
import { layer, shopHandler, toRouteHandlers } from "../src/index.ts"
import { shutDown, toNodeHandler } from "../src/node/index.ts"
import { askOf, callerOfHeader, freshKey, surfaceOf } from "./support.ts"

const shop = createHoldfast()
afterAll(() => shop.stop())
afterEach(() => vi.unstubAllEnvs())

/** The pointers of what a call is refused for at once; none where it is not refused. */
const refusedAt = (call: (...input: ReadonlyArray<never>) => unknown, ...input: ReadonlyArray<unknown>) => {
  try {
    Reflect.apply(call, undefined, input)
    return []
  } catch (error) {
    if (!isHoldfastError(error) || error.refusal?._tag !== "InvalidInput") throw error
    expect(error.code).toBe("INVALID_INPUT")
    return error.refusal.issues.map(({ pointer }) => pointer)
  }
}

const no = Symbol("no value of this type")
const notOneOf = (...fine: ReadonlyArray<unknown>) =>
  [null, false, true, 0, 5, "", "x", "false", "no", [], {}, no].filter((each) => !fine.includes(each))

const names = {
  functions: ["resolveCaller", "authorize", "onDefect", "warn", "clock"],
  switches: ["docs", "metrics", "readyWithoutStore"],
  holders: ["charge", "cancel", "limits", "cache", "rateLimit"],
}

const rate = { requests: 1, perSeconds: 1 }
const late = { by: "owner", until: "completed" }

/** Options beside a `resolveCaller`, and the pointers that they are refused at. */
const bad: ReadonlyArray<readonly [object, ...ReadonlyArray<string>]> = [
  ...names.functions.flatMap((name) => notOneOf().map((value) => [{ [name]: value }, `/${name}`] as const)),
  ...names.switches.flatMap((name) => notOneOf(true, false).map((value) => [{ [name]: value }, `/${name}`] as const)),
  ...names.holders.flatMap((name) =>
    [null, false, true, 0, 5, "", "owner", [], ["x"]].map((value) => [{ [name]: value }, `/${name}`] as const),
  ),
  ...["requird", "optional ", "", false, true, null, 0, ["optional"]].map((keys) => [{ keys }, "/keys"] as const),
  ...[
    5,
    null,
    "api",
    "/api/",
    "//",
    "/a//b",
    "/é",
    "/요청",
    "/a/../b",
    "/./x",
    "/..",
    "/\\x",
    '/a"b',
    "/a b",
    "/a?b",
    "/a#b",
    "/%61",
    "/a\0",
    "/a\n",
    "/a|b",
    "/a^b",
    "/a`b",
    "/<a>",
    "/{x}",
    "/:id",
    "/a*",
    "https://x.example/api",
  ].map((basePath) => [{ basePath }, "/basePath"] as const),
  ...[5, null, false, 'a b"', "a\r\n", "https://x.example/é#"].map(
    (problemTypeBase) => [{ problemTypeBase }, "/problemTypeBase"] as const,
  ),
  [{ basePth: "/" }, "/basePth"],
  [{ toString: 5, constructor: 5 }, "/toString", "/constructor"],
  [{ demoIdentity: true }, "/demoIdentity"],
  [{ demoIdentity: "yes" }, "/demoIdentity"],
  [{ charge: {} }, "/charge/by"],
  ...["ownr", "", true, false, null, 5, {}].map((by) => [{ charge: { by } }, "/charge/by"] as const),
  [{ charge: { by: "owner", max: 5 } }, "/charge/max"],
  [{ charge: { bY: "owner" } }, "/charge/bY", "/charge/by"],
  [{ cancel: {} }, "/cancel/by", "/cancel/until"],
  [{ cancel: { ...late, by: "ownr" } }, "/cancel/by"],
  [{ cancel: { by: "owner" } }, "/cancel/until"],
  [{ cancel: { by: "owner", untill: 5 } }, "/cancel/untill", "/cancel/until"],
  ...["60000", "complete", "", Number.NaN, Number.POSITIVE_INFINITY, -5, 0, 1.5, null, true, new Date(5)].map(
    (until) => [{ cancel: { by: "owner", until } }, "/cancel/until"] as const,
  ),
  [{ cancel: Object.create({ by: "owner", until: "60000" }) }, "/cancel/until"],
  [Object.create({ keys: "requird" }), "/keys"],
  [{ limits: { toString: 5, valueOf: 5 } }, "/limits/toString", "/limits/valueOf"],
  ...["bodyBytes", "headers", "targetLength", "orderItems", "inFlight", "bodyMillis", "answerMillis"].flatMap((name) =>
    [0, -1, 1.5, Number.NaN, "5", null, Number.MAX_SAFE_INTEGER + 1].map(
      (value) => [{ limits: { [name]: value } }, `/limits/${name}`] as const,
    ),
  ),
  [{ limits: { orderItems: 101 } }, "/limits/orderItems"],
  [{ limits: { bodyMillis: 2 ** 31, answerMillis: 2 ** 31 } }, "/limits/bodyMillis", "/limits/answerMillis"],
  [{ cache: { constructor: 1 } }, "/cache/constructor"],
  [{ cache: { productMillis: 0, popularMillis: 3_600_001 } }, "/cache/productMillis", "/cache/popularMillis"],
  [{ rateLimit: {} }, "/rateLimit/requests", "/rateLimit/perSeconds"],
  [{ rateLimit: { requests: "5", perSeconds: 0 } }, "/rateLimit/requests", "/rateLimit/perSeconds"],
  [{ rateLimit: { ...rate, addressOf: "x-real-ip" } }, "/rateLimit/addressOf"],
  ...["", 5, null, "요청", "é", 'per "IP"', "a\\b", "a\r\nx: y", "a\0", "x".repeat(256)].map(
    (name) => [{ rateLimit: { ...rate, name } }, "/rateLimit/name"] as const,
  ),
  [
    { keys: "x", docs: "no", cancel: late, rateLimit: {} },
    "/keys",
    "/docs",
    "/rateLimit/requests",
    "/rateLimit/perSeconds",
  ],
]

describe("options of a handler", () => {
  it.each(bad)("refuse %o at %s", (options, ...pointers) => {
    // Prototypes are kept: options may be inherited.
    const all = Object.assign(Object.create(Object.getPrototypeOf(options)), callerOfHeader, options)
    expect(refusedAt(shopHandler, shop, all)).toEqual(pointers)
    expect(refusedAt(layer, all)).toEqual(pointers)
  })

  it.each([
    [{}, "/resolveCaller"],
    [{ demoIdentity: false }, "/resolveCaller"],
    [{ demoIdentity: "true" }, "/demoIdentity", "/resolveCaller"],
    [{ resolveCaller: undefined }, "/resolveCaller"],
    [{ resolveCaller: null }, "/resolveCaller"],
    [{ resolveCaller: null, demoIdentity: true }, "/resolveCaller", "/demoIdentity"],
    [null, "", "/resolveCaller"],
    [undefined, "", "/resolveCaller"],
    ["x", "", "/resolveCaller"],
    [[], "", "/resolveCaller"],
  ])("refuse %o, which says not who asks, at %s", (options, ...pointers) => {
    for (const environment of ["test", "production"]) {
      vi.stubEnv("NODE_ENV", environment)
      expect(refusedAt(shopHandler, shop, options)).toEqual(pointers)
      expect(refusedAt(layer, options)).toEqual(pointers)
    }
  })

  it("refuse the demo identity in production, also in a layer, and warn of it once elsewhere", () => {
    const warn = vi.fn()
    shopHandler(shop, { demoIdentity: true, warn })
    expect(warn).toHaveBeenCalledTimes(1)
    layer({ demoIdentity: true, warn })
    expect(warn).toHaveBeenCalledTimes(1)
    vi.stubEnv("NODE_ENV", "production")
    expect(refusedAt(shopHandler, shop, { demoIdentity: true, warn })).toEqual(["/demoIdentity"])
    expect(refusedAt(layer, { demoIdentity: true, warn })).toEqual(["/demoIdentity"])
  })

  it("take what is undefined for not given, and every value that is documented", async () => {
    const all = [...names.functions, ...names.switches, ...names.holders, "basePath", "keys", "problemTypeBase"]
    const nothing = Object.fromEntries(all.map((name) => [name, undefined]))
    expect(refusedAt(shopHandler, shop, { ...nothing, ...callerOfHeader })).toEqual([])
    const by = () => true
    for (const options of [
      { limits: { bodyBytes: undefined, answerMillis: undefined } },
      { limits: { bodyMillis: 2 ** 31 - 1, answerMillis: 2 ** 31 - 1, inFlight: Number.MAX_SAFE_INTEGER } },
      { cache: { productMillis: undefined } },
      { rateLimit: { ...rate, addressOf: undefined, name: "per-address [a]" } },
      { charge: { by }, cancel: { by, until: 60_000 }, demoIdentity: false },
      { charge: { by: "owner" }, cancel: late, keys: "optional", problemTypeBase: "https://shop.example/p?a=%20#" },
    ]) {
      expect(refusedAt(shopHandler, shop, { ...callerOfHeader, ...options }), JSON.stringify(options)).toEqual([])
    }
    const { ask } = await surfaceOf({ limits: { bodyBytes: undefined, answerMillis: 2 ** 31 - 1 } })
    const order = { userId: "ann", orderItems: [{ productId: "1", quantity: 1 }] }
    expect((await ask("POST", "/orders", order, freshKey())).status).toBe(200)
  })

  it.each(["", "/", "/api", "/shop.v1/a-b_c~d", "/a;b=1,2@x!$&'()+"])("serve the base path %j", async (basePath) => {
    const handler = shopHandler(shop, { ...callerOfHeader, basePath })
    const answer = await askOf(handler)("GET", "/products/none")
    expect(answer).toMatchObject({ status: 404, body: { code: "PRODUCT_NOT_FOUND" } })
  })
})

describe("what is given in place of a shop, a handler or a server", () => {
  it.each([[null], [undefined], [{}], ["shop"], [{ ...shop, stock: undefined }], [{ ...shop, orders: {} }]])(
    "refuses %o as a shop",
    (given) => {
      expect(refusedAt(shopHandler, given, callerOfHeader)).toEqual(["/shop"])
    },
  )

  it.each([[null], [undefined], [{}], ["x"], [{ answer: 1, owns: 1, fetch: 1 }]])(
    "refuses %o as a handler",
    (given) => {
      expect(refusedAt(toNodeHandler, given)).toEqual(["/handler"])
      expect(refusedAt(toRouteHandlers, given)).toEqual(["/handler"])
    },
  )

  it("refuses to shut down what is not named, and touches nothing", () => {
    const [handler, stop] = [{ leave: vi.fn() }, vi.fn()]
    const server = createServer()
    expect(refusedAt(shutDown)).toEqual([""])
    expect(refusedAt(shutDown, {})).toEqual(["/server", "/handler", "/shop"])
    expect(refusedAt(shutDown, { handler, shop: { stop } })).toEqual(["/server"])
    expect(refusedAt(shutDown, { server, handler })).toEqual(["/shop"])
    expect(refusedAt(shutDown, { server: {}, handler: {}, shop: {} })).toEqual(["/server", "/handler", "/shop"])
    expect(refusedAt(shutDown, { server, handler, shop: { stop }, noticeMillis: "5" })).toEqual(["/noticeMillis"])
    expect([handler.leave, stop].flatMap(({ mock }) => mock.calls)).toEqual([])
  })
})

describe("options of a client", () => {
  const baseUrl = "https://shop.example/api/v1"

  it.each([
    [undefined, ""],
    [null, ""],
    [baseUrl, ""],
    [{}, "/baseUrl"],
    ...[
      5,
      null,
      "localhost:3000/api",
      "ftp://x.example",
      "http://",
      "http://a:b@x.example",
      "/api?x=1",
      "/api#x",
      " /api",
    ].map((value) => [{ baseUrl: value }, "/baseUrl"] as const),
    [{ baseUrl, header: () => ({}), retries: Number.NaN }, "/header", "/retries"],
    ...[
      "x",
      5,
      null,
      [],
      new Headers(),
      new Map(),
      { a: 5 },
      { a: undefined },
      { "a b": "c" },
      { a: "\n\0" },
      { a: "é요" },
    ].map((headers) => [{ baseUrl, headers }, "/headers"] as const),
    ...[0, Number.NaN, Number.POSITIVE_INFINITY, "4", 1.5].map(
      (attempts) => [{ baseUrl, attempts }, "/attempts"] as const,
    ),
    ...[0, 2 ** 31, Number.NaN, "x"].map((timeoutMillis) => [{ baseUrl, timeoutMillis }, "/timeoutMillis"] as const),
    ...[-1, Number.NaN, "x"].map((pauseMillis) => [{ baseUrl, pauseMillis }, "/pauseMillis"] as const),
    [{ baseUrl, fetch: "x", makeKey: "x" }, "/fetch", "/makeKey"],
  ] as ReadonlyArray<readonly [unknown, ...ReadonlyArray<string>]>)("refuse %o at %s", (options, ...pointers) => {
    expect(refusedAt(holdfastClient, options)).toEqual(pointers)
  })

  it.each([
    { baseUrl },
    { baseUrl: "/api/v1" },
    { baseUrl: "" },
    { baseUrl: "api" },
    { baseUrl, headers: undefined, attempts: undefined, fetch: undefined },
    { baseUrl, headers: { authorization: "Bearer x" }, pauseMillis: 0, attempts: 1, timeoutMillis: 2 ** 31 - 1 },
    { baseUrl, headers: () => ({}), makeKey: () => "k", fetch: async () => new Response() },
  ])("take %o", (options) => {
    expect(refusedAt(holdfastClient, options)).toEqual([])
  })
})
