import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { inProcessRequests } from "@holdfast/core/memory"
import { createConfig, lintFromString } from "@redocly/openapi-core"
import { describe, expect, it } from "vitest"
import { documentOf, shopHandler } from "../src/index.ts"
import { routesOf } from "../src/surface/routes.ts"
import { callerOfHeader, freshKey, stocked, surfaceOf } from "./support.ts"

interface Operation {
  readonly parameters: ReadonlyArray<{
    readonly in: string
    readonly name: string
    readonly schema: { readonly type?: string; readonly minimum?: number; readonly maximum?: number }
  }>
}

const committed = resolve(import.meta.dirname, "../openapi.json")

describe("the OpenAPI document", () => {
  it("is committed as the contract says it", () => {
    expect(
      JSON.parse(readFileSync(committed, "utf8")),
      "write it again: node --conditions=@holdfast/source packages/http/scripts/openapi.ts",
    ).toEqual(JSON.parse(JSON.stringify(documentOf())))
  })

  it("names exactly the routes that are served", async () => {
    const { ask } = await surfaceOf()
    const { paths } = JSON.parse(JSON.stringify(documentOf()))
    const documented = Object.entries<object>(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const business = routesOf().map(({ name }) => name.replace(" ", " /api/v1"))
    const operations = ["/livez", "/readyz", "/metrics", "/openapi.json"].map((path) => `GET ${path}`)
    expect(documented.sort()).toEqual([...business, ...operations].sort())
    for (const route of documented) {
      const [method = "", path = ""] = route.split(" ")
      const { status, body } = await ask(method, `/${path.replace(/\{\w+\}/g, "x")}`)
      expect([404, 405].includes(status) && body?.code.endsWith("_FOUND") === false, route).toBe(false)
      expect(body?.code).not.toBe("ROUTE_NOT_FOUND")
    }
  })

  it("is served with the host's own settings", async () => {
    const { ask } = await surfaceOf({ basePath: "/shop", keys: "optional", metrics: false })
    const { body } = await ask("GET", "//openapi.json")
    expect(Object.keys(body.paths)).toContain("/shop/orders")
    expect(Object.keys(body.paths)).not.toContain("/metrics")
    const header = body.paths["/shop/orders"].post.parameters.find(
      ({ name }: { name: string }) => name === "Idempotency-Key",
    )
    expect(header.required).toBe(false)
  })

  it("says the limits that there are: what it allows is taken, and one more is not", async () => {
    const { ask } = await surfaceOf({ limits: { orderItems: 2 } })
    const { paths, components } = (await ask("GET", "//openapi.json")).body
    const numbers: Array<string> = []
    for (const [path, { get }] of Object.entries<{ readonly get?: Operation }>(paths)) {
      for (const { in: place, name, schema } of get?.parameters ?? []) {
        if (place !== "query" || schema.type !== "integer") continue
        const { minimum = 0, maximum = 0 } = schema
        const statusOf = async (value: number) =>
          (await ask("GET", `/${path.replace(/\{\w+\}/g, "ann")}?${name}=${value}`)).status
        numbers.push(`${path} ${name}`)
        const refused = await Promise.all([minimum - 1, maximum + 1].map(statusOf))
        expect(refused, `${path} ${name}`).toEqual([400, 400])
        const taken = await Promise.all([minimum, maximum].map(statusOf))
        expect(taken, `${path} ${name}`).not.toContain(400)
      }
    }
    expect(numbers).toHaveLength(6)
    expect(components.schemas.OrderRequest.properties.orderItems).toMatchObject({ minItems: 1, maxItems: 2 })
  })

  it("names entity tags and 304 where they are answered, and nowhere else", async () => {
    const { ask } = await surfaceOf()
    const { paths } = (await ask("GET", "//openapi.json")).body
    for (const path of ["/livez", "/readyz", "/openapi.json", "/api/v1/products/1", "/api/v1/users/ann/points"]) {
      const { headers } = await ask("GET", `/${path}`)
      const etag = headers.get("etag")
      const { responses } = paths[path.replace("products/1", "products/{productId}").replace("ann", "{userId}")].get
      const again = await ask("GET", `/${path}`, undefined, { "if-none-match": etag ?? "*" })
      expect([path, responses[again.status] !== undefined]).toEqual([path, true])
      expect([path, "ETag" in responses[200].headers]).toEqual([path, etag !== null])
    }
  })

  it("names the refusal of a claim that prefers to be decided later, where the shop keeps no requests", async () => {
    const { ask } = await surfaceOf()
    const { paths } = (await ask("GET", "//openapi.json")).body
    const headers = { ...freshKey(), prefer: "respond-async" }
    const { status, body } = await ask("POST", "/coupons/issue", { userId: "ann", couponId: "10" }, headers)
    expect(paths["/api/v1/coupons/issue"].post.responses[status]["x-codes"]).toContain(body.code)
  })

  it("names every header that says something of this shop, and no other", async () => {
    const general = ["cache-control", "content-language", "content-type", "vary"]
    const { ask, shop } = await surfaceOf(
      { cancel: { by: "owner", until: "completed" } },
      { requests: inProcessRequests(), workers: false },
    )
    const { paths } = (await ask("GET", "//openapi.json")).body
    const claim = { userId: "ann", couponId: "10" }
    const { requestId } = await shop.coupons.request({ campaignId: "10", accountId: "bob" })
    const line = { productId: "1", quantity: 1 }
    const { orderId } = await shop.orders.place({ accountId: "ann", lines: [line], key: "1" })
    const key = freshKey()
    const order = { userId: "ann", orderItems: [line] }
    const asked: ReadonlyArray<readonly [status: number, path: string, Parameters<typeof ask>]> = [
      [200, "/orders", ["POST", "/orders", order, key]],
      [200, "/orders", ["POST", "/orders", order, key]],
      [400, "/orders", ["POST", "/orders", order]],
      [200, "/orders/{orderId}/cancel", ["POST", `/orders/${orderId}/cancel`, { userId: "ann" }, freshKey()]],
      [200, "/products/popular", ["GET", "/products/popular"]],
      [304, "/products/popular", ["GET", "/products/popular", undefined, { "if-none-match": "*" }]],
      [400, "/products/popular", ["GET", "/products/popular?days=0"]],
      [202, "/coupons/issue", ["POST", "/coupons/issue", claim, { ...freshKey(), prefer: "respond-async" }]],
      [202, "/coupons/issue-requests", ["POST", "/coupons/issue-requests", claim, freshKey()]],
      [200, "/coupons/issue-requests/{requestId}", ["GET", `/coupons/issue-requests/${encodeURIComponent(requestId)}`]],
      [404, "/coupons/issue-requests/{requestId}", ["GET", "/coupons/issue-requests/none"]],
    ]
    const said = new Set<string>()
    for (const [status, path, request] of asked) {
      const answer = await ask(...request)
      const { headers } = paths[`/api/v1${path}`][request[0].toLowerCase()].responses[status]
      const named = Object.keys(headers).map((name) => name.toLowerCase())
      const sent = Array.from(answer.headers.keys()).filter((name) => !general.includes(name))
      expect([path, answer.status]).toEqual([path, status])
      expect(named, path).toEqual(expect.arrayContaining(sent))
      for (const name of sent) said.add(name)
    }
    const { components } = (await ask("GET", "//openapi.json")).body
    expect(
      Object.keys(components.headers)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual([...said].sort())
    await shop.stop()
  })

  it("passes the linter", async () => {
    const config = await createConfig({ extends: ["recommended"], rules: { "operation-4xx-response": "error" } })
    const problems = await lintFromString({ source: readFileSync(committed, "utf8"), absoluteRef: committed, config })
    expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual([])
  })
})

describe("docs/http.md", () => {
  it("given the table of options, names each one that there is, and no other", async () => {
    const shop = await stocked()
    const namesIn = (options: object): ReadonlyArray<string> => {
      try {
        shopHandler(shop, { ...callerOfHeader, ...options })
      } catch (error) {
        return /there are (.*)\./.exec(String(error))?.[1]?.split(", ") ?? []
      }
      return []
    }
    const limits = namesIn({ limits: { none: 1 } }).map((name) => `limits.${name}`)
    const known = namesIn({ none: 1 }).flatMap((name) => (name === "limits" ? limits : [name]))
    expect(known.length).toBeGreaterThan(20)
    const page = readFileSync(resolve(import.meta.dirname, "../../../docs/http.md"), "utf8")
    const [, section = ""] = page.split("\n## Options\n")
    const [table = ""] = section.split("\n## ")
    const named = Array.from(table.matchAll(/^\| `([\w.]+)` \|/gm), ([, name]) => name)
    expect(named.sort()).toEqual([...known].sort())
  })
})
