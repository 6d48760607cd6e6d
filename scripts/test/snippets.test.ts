// The TypeScript in the documents compiles as a host would compile it, under the strictest options that hosts have. Other tests
// run it; a type that a host cannot pass is seen here alone.
import { execFileSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { afterAll, expect, it } from "vitest"

const root = resolve(import.meta.dirname, "../..")
const folder = resolve(import.meta.dirname, ".generated/snippets")

const documents = globSync(["*.md", "docs/*.md", "docs/{guides,operations}/*.md", "packages/*/README.md"], {
  cwd: root,
})

/** Each block of these goes on where the one before it ended; elsewhere each stands alone. */
const continued = ["docs/start.md", "docs/guides/within.md", "docs/guides/events.md"]

const blocksOf = (document: string): ReadonlyArray<string> => {
  const text = readFileSync(resolve(root, document), "utf8")
  const blocks = Array.from(text.matchAll(/^```[tj]s(?: test)?\n(.*?)^```/gms), ([, code = ""]) => code)
  return continued.includes(document) ? [blocks.join("\n")] : blocks
}

/** What the documents leave to their readers. A block that declares one of these has its own. */
const theReaders = `
  type Imports<Path extends keyof Modules> = Modules[Path]
  interface Modules {
    readonly core: typeof import("@holdfast/core")
    readonly http: typeof import("@holdfast/http")
    readonly postgres: typeof import("@holdfast/adapters/postgres")
    readonly redis: typeof import("@holdfast/adapters/redis")
    readonly vitest: typeof import("@holdfast/core/testing/vitest")
  }
  declare const createHoldfast: Imports<"core">["createHoldfast"]
  declare const postgres: Imports<"postgres">["postgres"]
  declare const redis: Imports<"redis">["redis"]
  declare const [acmeCache, acmeRanking]: [Imports<"redis">["redis"], Imports<"redis">["redisRanking"]]
  declare const [layer, toRouteHandlers]: [Imports<"http">["layer"], Imports<"http">["toRouteHandlers"]]
  declare const describeCacheConformance: Imports<"vitest">["describeCacheConformance"]
  declare const describeRankingConformance: Imports<"vitest">["describeRankingConformance"]
  declare const shop: import("@holdfast/core").Shop
  declare const store: import("@holdfast/core").StoreOption
  declare const client: import("ioredis").Redis
  declare const pool: import("pg").Pool
  declare const app: import("express").Application
  declare const honoApp: import("hono").Hono
  declare const server: import("node:http").Server
  declare const request: import("node:http").IncomingMessage
  declare const handler: ReturnType<Imports<"http">["shopHandler"]>
  declare const log: { readonly [Level in import("@holdfast/core").LogLevel]: (fields: object, message: string) => void }
  declare const sessionOf: (cookie: string | null) => { readonly id: string } | undefined
  declare const resolveCaller: () => undefined
  declare const MeterProvider: typeof import("@opentelemetry/sdk-metrics").MeterProvider
  declare const PrometheusExporter: new () => import("@opentelemetry/sdk-metrics").MetricReader
  declare const bearer: () => string
  declare const [url, accountId, workflowId, cartId]: [string, string, string, string]
  declare const lines: ReadonlyArray<{ readonly productId: string; readonly quantity: number }>
  declare const order: Parameters<import("@holdfast/core").Shop["orders"]["place"]>[0]
`

const compilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  target: "es2024",
  module: "nodenext",
  lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
  types: ["node"],
  customConditions: ["@holdfast/source"],
  allowImportingTsExtensions: true,
  skipLibCheck: true,
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("every block of TypeScript in the documents compiles", () => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/package.json`, JSON.stringify({ type: "module" }))
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  writeFileSync(`${folder}/readers.d.ts`, theReaders)
  let count = 0
  for (const document of documents) {
    for (const [index, code] of blocksOf(document).entries()) {
      count += 1
      writeFileSync(`${folder}/${document.replaceAll("/", "-")}-${index + 1}.ts`, `${code}\nexport {}\n`)
    }
  }
  expect(count).toBeGreaterThan(40)
  const compiled = (): string => {
    try {
      return execFileSync(resolve(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" })
    } catch (error) {
      return String(Reflect.get(Object(error), "stdout"))
    }
  }
  expect(compiled()).toBe("")
})
