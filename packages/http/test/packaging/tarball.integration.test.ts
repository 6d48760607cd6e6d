/**
 * What users get from npm: the packed packages in hosts of their own, in JavaScript, in TypeScript of three ages, under Express
 * and Nest, in a worker and in a browser.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, installHost } from "../../../core/test/packaging/host.ts"

const minute = 60_000

let host: Host | undefined
beforeAll(async () => {
  host = await installHost(
    ["http", "core"],
    [
      "typescript@5.9.3",
      "typescript57@npm:typescript@5.7.3",
      "@types/node@24.19.2",
      "express@5.3.0",
      ...["common", "core", "platform-express"].map((name) => `@nestjs/${name}@12.5.1`),
      "reflect-metadata@0.2.2",
      "rxjs@7.8.2",
    ],
  )
}, 10 * minute)
afterAll(() => host?.remove(), minute)

/** A test that needs the host, and is skipped where it could not be installed. */
const onHost = (promise: string, test: (host: Host) => Promise<void> | void): void =>
  it(promise, { timeout: 3 * minute }, async ({ skip }) => (host === undefined ? skip() : await test(host)))

/** A small shop, and what a client of it buys. */
const shop = `
  import { createHoldfast } from "@holdfast/core"
  import { shopHandler } from "@holdfast/http"
  import { holdfastClient } from "@holdfast/http/client"
  const shop = createHoldfast()
  await shop.stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 1 })
  await shop.points.open({ accountId: "ann" })
  await shop.points.charge({ accountId: "ann", amount: 50, key: "top-up" })
  const handler = shopHandler(shop, {
    resolveCaller: ({ headers }) => {
      const id = headers.get("x-user")
      return id === null ? undefined : { id }
    },
  })
  const buy = async (baseUrl) => {
    const client = holdfastClient({ baseUrl, headers: { "x-user": "ann" } })
    const order = await client.orders.place({ userId: "ann", orderItems: [{ productId: "tee", quantity: 1 }], key: "1" })
    const refused = await client.safe.orders.place({ userId: "ann", orderItems: [{ productId: "tee", quantity: 1 }] })
    console.log(order.paidAmount, order.placedAt instanceof Date, refused.error.code, refused.error.refusal.lines[0].available)
  }`
const bought = "5 true OUT_OF_STOCK 0"

const typed = `
  import { createHoldfast, type Event, type HoldfastError, type Order } from "@holdfast/core"
  import { isHoldfastError } from "@holdfast/core/errors"
  import { memory } from "@holdfast/core/memory"
  import { HostUnavailable, type ShopHandlerOptions, shopHandler } from "@holdfast/http"
  import { holdfastClient, type Order as Bought, ProblemError } from "@holdfast/http/client"
  import { toNodeHandler } from "@holdfast/http/node"
  import { createServer } from "node:http"
  const shop = createHoldfast({ store: memory() })
  const order: Order = await shop.orders.place({ accountId: "a", lines: [{ productId: "p", quantity: 1 }], key: "k" })
  export const paid: number = order.paid
  const options: ShopHandlerOptions = {
    resolveCaller: ({ headers }) => {
      const id = headers.get("x-user")
      if (id === "away") throw new HostUnavailable({ retryAfterMillis: 1_000 })
      return id === null ? undefined : { id }
    },
    charge: { by: ({ amount }) => amount < 100 },
  }
  createServer(toNodeHandler(shopHandler(shop, options)))
  const client = holdfastClient({ baseUrl: "/api/v1" })
  const bought: Bought = await client.orders.place({ userId: "a", orderItems: [{ productId: 1, quantity: 1 }] })
  export const at: Date = bought.placedAt
  export const balance = (event: Event): number => (event.type === "points.charged" ? event.data.balance : 0)
  export const code = (error: unknown): HoldfastError["code"] | string =>
    isHoldfastError(error) ? error.code : error instanceof ProblemError ? error.problem.title : "?"
  // @ts-expect-error: an amount is a number, and nothing here is any
  export const text: string = bought.paidAmount
  // @ts-expect-error: a client's order has no such field
  export const total = bought.total
  // @ts-expect-error: a rule answers yes or no
  export const rule: ShopHandlerOptions = { resolveCaller: () => undefined, charge: { by: () => 1 } }
`

describe("the packed packages", () => {
  onHost("sell over HTTP in a host in JavaScript", async ({ node }) => {
    const source = `${shop}
      import { createServer } from "node:http"
      import { toNodeHandler } from "@holdfast/http/node"
      const server = createServer(toNodeHandler(handler)).listen(0, "127.0.0.1")
      await new Promise((resolve) => server.once("listening", resolve))
      await buy("http://127.0.0.1:" + server.address().port + "/api/v1")
      server.close()
      await shop.stop()`
    expect((await node("plain.mjs", source)).trim()).toBe(bought)
  })

  onHost("sell under Express 5 and under Nest", async ({ node }) => {
    const source = `${shop}
      import "reflect-metadata"
      import express from "express"
      import { Module } from "@nestjs/common"
      import { NestFactory } from "@nestjs/core"
      import { toNodeHandler } from "@holdfast/http/node"
      const app = express()
      app.use("/shop", toNodeHandler(handler))
      app.use(express.json())
      const server = app.listen(0, "127.0.0.1")
      await new Promise((resolve) => server.once("listening", resolve))
      await buy("http://127.0.0.1:" + server.address().port + "/shop")
      server.close()
      await shop.stock.restock({ productId: "tee", quantity: 1, key: "more" })
      class AppModule {}
      Module({})(AppModule)
      const nest = await NestFactory.create(AppModule, { logger: false, bodyParser: false })
      nest.use(toNodeHandler(handler))
      await nest.listen(0, "127.0.0.1")
      const { port } = nest.getHttpServer().address()
      const product = await fetch("http://127.0.0.1:" + port + "/api/v1/products/tee")
      console.log((await product.json()).stock)
      await nest.close()
      await shop.stop()`
    expect((await node("frameworks.mjs", source)).trim().split("\n")).toEqual([bought, "1"])
  })

  for (const [name, compiler] of [
    ["5.7, the smallest", "typescript57"],
    ["5.9", "typescript"],
  ] as const) {
    onHost(`compile under TypeScript ${name}, with every declaration they bring`, async ({ node }) => {
      const source = `
        import { writeFileSync } from "node:fs"
        import ts from "${compiler}"
        writeFileSync("typed.ts", ${JSON.stringify(typed)})
        const program = ts.createProgram(["typed.ts"], {
          strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true,
          module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022,
          lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"], types: ["node"],
        })
        const errors = ts.getPreEmitDiagnostics(program)
        console.log(ts.version.slice(0, 3), ts.formatDiagnostics(errors, {
          getCanonicalFileName: (file) => file, getCurrentDirectory: () => "", getNewLine: () => "\\n",
        }))`
      expect((await node("compile.mjs", source)).trim()).toBe(name.slice(0, 3))
    })
  }

  onHost("compile under TypeScript 7, with every declaration they bring", async ({ tsc }) => {
    const options = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      module: "nodenext",
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      types: ["node"],
    }
    const { ok, said } = await tsc("typed.ts", typed, options)
    expect(ok, said).toBe(true)
  })

  onHost("say at every field of an input, an answer, an event and an option what it is", async ({ node }) => {
    const program = readFileSync(resolve(import.meta.dirname, "fieldDocs.mjs"), "utf8")
    const { said, silent } = JSON.parse(await node("fieldDocs.mjs", program))
    // What a refusal holds is said by the table of refusals, wherever one is part of an answer.
    const own = silent.filter(
      (path: string) => !path.startsWith("client.outcomes.get →") && !path.includes(".refusal."),
    )
    expect(own).toEqual([])
    expect(said).toBeGreaterThan(400)
  })

  const bundled = async ({ folder }: Host, contents: string, conditions: ReadonlyArray<string>) => {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      conditions: [...conditions],
      write: false,
      metafile: true,
      logLevel: "silent",
    })
    const [output] = outputFiles
    if (output === undefined) throw new Error("esbuild wrote nothing")
    return { code: output.text, bytes: gzipSync(output.contents).length, inputs: Object.keys(metafile.inputs) }
  }

  onHost("give a browser a client of 15 kB at most, and nothing of Effect", async (here) => {
    const contents = 'import { holdfastClient } from "@holdfast/http/client"; globalThis.client = holdfastClient'
    const { bytes, inputs } = await bundled(here, contents, [])
    expect(bytes).toBeLessThanOrEqual(15_000)
    expect(inputs.filter((file) => file.includes("/effect/"))).toEqual([])
  })

  onHost("serve from a worker: one bundle that asks for nothing of Node's own", async (here) => {
    const contents = `
      import { createHoldfast } from "@holdfast/core"
      import { shopHandler } from "@holdfast/http"
      const shop = createHoldfast()
      await shop.stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 1 })
      export default { fetch: shopHandler(shop, { resolveCaller: () => undefined, docs: false }).fetch }`
    const { code } = await bundled(here, contents, ["workerd", "worker", "browser"])
    expect(code).not.toMatch(/(?:from|import|require\()\s*"node:/)
    const source = `
      import { writeFileSync } from "node:fs"
      writeFileSync("worker.mjs", ${JSON.stringify(code)})
      const { default: worker } = await import("./worker.mjs")
      const response = await worker.fetch(new Request("https://shop.test/api/v1/products/tee"))
      console.log(response.status, (await response.json()).stock)`
    expect((await here.node("runsWorker.mjs", source)).trim()).toBe("200 1")
  })

  onHost(
    "hold their build, their sources, the document, their readme and their licence, and no tests",
    ({ packed }) => {
      for (const file of ["dist/index.js", "dist/client/index.d.ts", "dist/node/index.js", "openapi.json"]) {
        expect(packed).toContain(file)
      }
      const folders = new Set(packed.map((file) => file.split("/")[0]))
      expect([...folders].sort()).toEqual(["LICENSE", "README.md", "dist", "openapi.json", "package.json", "src"])
    },
  )
})
