import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { createConfig, lintFromString } from "@redocly/openapi-core"
import { describe, expect, it } from "vitest"
import { documentOf, shopHandler } from "../src/index.ts"
import { routesOf } from "../src/surface/routes.ts"
import { callerOfHeader, stocked, surfaceOf } from "./support.ts"

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
