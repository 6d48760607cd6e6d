// Proves that the checks on sources can fail: it plants one offence of each kind and expects it to be named.

import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { offencesUnder } from "../verify/directions.ts"

const root = resolve(import.meta.dirname, "../..")

// The offences live in a copy of the folder layout, never in the real one, where a crash could leave them behind.
const planted = mkdtempSync(join(tmpdir(), "holdfast-directions-"))
for (const shared of ["biome.json", ".gitignore", "scripts"]) symlinkSync(join(root, shared), join(planted, shared))
afterAll(() => rmSync(planted, { recursive: true, force: true }))

const lint = (path: string, code: string): { readonly passes: boolean; readonly says: string } => {
  const file = join(planted, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${code}\n`)
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome")
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [biome, "lint", "--error-on-warnings", "--reporter=github", path],
    { cwd: planted, encoding: "utf8" },
  )
  rmSync(file)
  return { passes: status === 0, says: stdout + stderr }
}

/** What the list of floors says of files that import these. */
const look = (files: Readonly<Record<string, string>>, code = reexport): ReadonlyArray<string> => {
  const root = mkdtempSync(join(planted, "floors-"))
  for (const [path, from] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${code(from)}\n`)
  }
  return offencesUnder(root)
}

const core = "packages/core/src"
const reexport = (from: string): string => `export { Thing } from "${from}"`

describe("imports only ever point down", () => {
  it.each([
    ["values", "values.ts", "./points/Account.ts"],
    ["refusals", "refusals.ts", "./orders/order.ts"],
    ["a feature to its sibling", "points/Account.ts", "../coupons/Campaign.ts"],
    ["a feature to orders", "stock/Shelf.ts", "../orders/order.ts"],
    ["a feature to the barrel", "events/Event.ts", "../index.ts"],
    ["a feature to a port", "popularity/Ranking.ts", "../ports/Store.ts"],
    ["a deeper folder of a feature", "coupons/rules/limit.ts", "../../engine/Lanes.ts"],
    ["orders to decision", "orders/placeOrder.ts", "../decision/decide.ts"],
    ["decision to audit", "decision/decide.ts", "../audit/recount.ts"],
    ["audit to a port", "audit/recount.ts", "../ports/Store.ts"],
    ["a port to the engine", "ports/Store.ts", "../engine/Lanes.ts"],
    ["the engine to its sibling", "engine/Lanes.ts", "../memory/MemoryStore.ts"],
    ["memory to its sibling", "memory/MemoryStore.ts", "../delivery/Relay.ts"],
    ["delivery to its sibling", "delivery/Relay.ts", "../engine/Lanes.ts"],
    ["delivery to a service", "delivery/Relay.ts", "../services/Orders.ts"],
    ["a service to the façade", "services/Orders.ts", "../promise/createHoldfast.ts"],
    ["the façade to the testkit", "promise/createHoldfast.ts", "../testing/laws.ts"],
    ["the testkit to the barrel", "testing/laws.ts", "../index.ts"],
    ["the barrel to the testkit", "index.ts", "./testing/laws.ts"],
  ])("refuses %s", (_, file, from) => {
    expect(look({ [`${core}/${file}`]: from })).toEqual([expect.stringContaining(`${core}/${file} imports `)])
  })

  it.each([
    ["a port to the store that it is a port of", "core/src/ports/Store.ts", "../memory/index.ts"],
    ["a law to the conformance that runs it", "core/src/testing/laws/stock.ts", "../conformance/Book.ts"],
    ["a workload to a law", "core/src/testing/workloads/pairs.ts", "../laws/Law.ts"],
    ["core to an adapter", "core/src/promise/createHoldfast.ts", "@holdfast/adapters/postgres"],
    ["core to its own name", "core/src/services/Orders.ts", "@holdfast/core"],
    ["Redis to PostgreSQL", "adapters/src/redis/RedisGate.ts", "../postgres/index.ts"],
    ["Redis to a room of PostgreSQL", "adapters/src/redis/RedisGate.ts", "../postgres/session/text.ts"],
    ["PostgreSQL to Redis", "adapters/src/postgres/options.ts", "../redis/options.ts"],
    ["a room of PostgreSQL to Kafka", "adapters/src/postgres/outbox/outbox.ts", "../../kafka/topics.ts"],
    ["Kafka to Redis", "adapters/src/kafka/KafkaBus.ts", "../redis/keys.ts"],
    ["PGlite to Redis", "adapters/src/pglite/PgliteStore.ts", "../redis/keys.ts"],
    ["PGlite to Kafka", "adapters/src/pglite/PgliteStore.ts", "../kafka/KafkaBus.ts"],
    ["an adapter to HTTP", "adapters/src/cli/main.ts", "@holdfast/http"],
    ["PostgreSQL to PGlite", "adapters/src/postgres/archiveOn.ts", "../pglite/archive.ts"],
    [
      "statements to the connections they are sent on",
      "adapters/src/postgres/statements/load.ts",
      "../connect/socket.ts",
    ],
    ["a session to the store made of it", "adapters/src/postgres/session/wire.ts", "../PostgresStore.ts"],
    ["what a request is to the routes", "http/src/exchange/Exchange.ts", "../surface/router.ts"],
    ["the contract to a handler", "http/src/contract/contract.ts", "../handlers/orders.ts"],
    ["the client to the listener", "http/src/client/index.ts", "../node/index.ts"],
    ["HTTP to an adapter", "http/src/layer.ts", "@holdfast/adapters/postgres"],
    ["a folder that the list does not name", "core/src/limits/Limit.ts", "../values.ts"],
    ["a folder of adapters that the list does not name", "adapters/src/mysql/MysqlStore.ts", "@holdfast/core/ports"],
    ["a file of HTTP that the list does not name", "http/src/cookies.ts", "./problems/problem.ts"],
    ["to a folder that the list does not name", "core/src/orders/placeOrder.ts", "../limits/Limit.ts"],
  ])("refuses %s", (_, file, from) => {
    expect(look({ [`packages/${file}`]: from })).toEqual([expect.stringContaining(`packages/${file} `)])
  })

  it("refuses two files that import each other, and a circle of three by way of types", () => {
    const orders = `${core}/orders`
    expect(look({ [`${orders}/a.ts`]: "./b.ts", [`${orders}/b.ts`]: "./a.ts" })).toEqual([
      `These files import each other in a circle: ${orders}/a.ts, ${orders}/b.ts.`,
    ])
    const three = { [`${orders}/a.ts`]: "./b.ts", [`${orders}/b.ts`]: "./c.ts", [`${orders}/c.ts`]: "./a.ts" }
    expect(look(three)).toEqual([expect.stringContaining("a.ts")])
    expect(look({ ...three, [`${orders}/c.ts`]: "../values.ts" })).toEqual([])
  })

  it("finds imports however they are written, and none in comments", () => {
    const file = `${core}/orders/Order.ts`
    const written = [
      'import "../decision/a.ts"',
      'import type { A } from "../decision/a.ts"',
      'export * from "../decision/a.ts"',
      'export const a = import("../decision/a.ts")',
      'export type A = import("../decision/a.ts").A',
      'import {\n  a,\n  b,\n} from "../decision/a.ts"',
    ]
    for (const code of written) expect(look({ [file]: code }, String), code).toHaveLength(1)
    const remarks = ['// import "../decision/a.ts"', '/**\n * import "../decision/a.ts"\n */']
    for (const code of remarks) expect(look({ [file]: code }, String), code).toHaveLength(0)
  })

  it.each([
    ["PGlite to PostgreSQL", "adapters/src/pglite/PgliteStore.ts", "../postgres/session/Line.ts"],
    ["Redis to the ports", "adapters/src/redis/RedisGate.ts", "@holdfast/core/ports"],
    ["HTTP to what hosts use", "http/src/layer.ts", "@holdfast/core"],
    ["the client to the errors", "http/src/client/index.ts", "@holdfast/core/errors"],
    ["another package", "http/src/layer.ts", "effect"],
  ])("allows %s", (_, file, from) => {
    expect(look({ [`packages/${file}`]: from })).toEqual([])
  })

  it.each([
    ["orders to a feature", "orders/order.ts", "../points/Account.ts"],
    ["audit to decision", "audit/recount.ts", "../decision/fold.ts"],
    ["memory to a port", "memory/MemoryStore.ts", "../ports/Store.ts"],
    ["delivery to a port", "delivery/Relay.ts", "../ports/EventBus.ts"],
    ["a service to the engine", "services/Orders.ts", "../engine/Lanes.ts"],
    ["the façade to a service", "promise/createHoldfast.ts", "../services/Orders.ts"],
    ["a folder to itself", "engine/Lanes.ts", "./Batch.ts"],
    ["the barrel of memory", "memory/index.ts", "./MemoryStore.ts"],
  ])("allows %s", (_, file, from) => {
    expect(look({ [`${core}/${file}`]: from })).toEqual([])
  })
})

describe("core stands on stable effect alone", () => {
  it.each([
    ["node:", 'export { readFileSync } from "node:fs"'],
    ["a Node module without its prefix", 'export { readFileSync } from "fs"'],
    ["a driver", 'export type { Client } from "pg"'],
    ["effect/sql", 'export { SqlClient } from "effect/sql"'],
    ["effect/http", 'export * as HttpClient from "effect/http/HttpClient"'],
    ["effect/http-api", 'export { HttpApi } from "effect/http-api"'],
    ["the inside of effect", 'export { core } from "effect/internal/core"'],
    ["an unstable module", 'export { make } from "effect/Graph"'],
    ["an unstable name of the barrel", 'import { Effect, Graph } from "effect"\nexport const used = [Effect, Graph]'],
    ["an import at run time", 'export const later = import("effect")'],
    ["an extension that Node cannot find", 'export { Thing } from "./Thing.js"'],
    ["no extension", 'export { Thing } from "./Thing"'],
  ])("refuses %s", (_, code) => {
    const { passes, says } = lint(`${core}/engine/Lanes.ts`, code)
    expect(says).toContain("title=plugin")
    expect(passes).toBe(false)
  })

  it.each([
    ["the barrel", 'export { Effect, PubSub, SchemaParser } from "effect"'],
    ["a stable module", 'export * as Clock from "effect/Clock"'],
    ["the hash library", 'export { sha256 } from "@noble/hashes/sha2.js"'],
  ])("allows %s", (_, code) => {
    expect(lint(`${core}/engine/Lanes.ts`, code)).toMatchObject({ passes: true })
  })

  it("keeps the test libraries in the testkit", () => {
    const code = 'export { TestClock } from "effect/testing"\nexport * as fc from "fast-check"'
    expect(lint(`${core}/testing/laws.ts`, code)).toMatchObject({ passes: true })
    expect(lint(`${core}/engine/Lanes.ts`, code)).toMatchObject({ passes: false })
    expect(lint(`${core}/testing/laws.ts`, reexport("node:fs"))).toMatchObject({ passes: false })
  })
})

describe("core is deterministic and keeps to itself", () => {
  it.each([
    ["the real clock", "export const now = Date.now()", "plugin"],
    ["the real clock, passed on", "export const clock: () => number = Date.now", "plugin"],
    ["the date of today", "export const today = new Date()", "plugin"],
    ["real chance", "export const dice = [1].map(Math.random)", "plugin"],
    ["a timer", "setTimeout(() => undefined, 1)", "noRestrictedGlobals"],
    ["the console", "console.log(1)", "noRestrictedGlobals"],
    ["the process", "export const id = process.pid", "noRestrictedGlobals"],
    ["the global object", "export const now = globalThis.Date.now", "noRestrictedGlobals"],
    ["any", "export const thing = (value: any): void => value", "noExplicitAny"],
    [
      "a non-null assertion",
      "export const first = (list: ReadonlyArray<number>): number => list[0]!",
      "noNonNullAssertion",
    ],
    [
      "an error's text made on the spot",
      "export const say = (e: unknown) => (e instanceof Error ? e.message : String(e))",
      "plugin",
    ],
    [
      "a cause printed as if it could always be",
      'import { Cause } from "effect"\nexport const say = Cause.pretty',
      "plugin",
    ],
    ["a cast", "export const text = (value: unknown): string => value as string", "plugin"],
  ])("refuses %s", (_, code, rule) => {
    const { passes, says } = lint(`${core}/engine/Lanes.ts`, code)
    expect(says).toContain(rule)
    expect(passes).toBe(false)
  })

  it.each([
    ["the date of a known instant", "export const at = (millis: number): Date => new Date(millis)"],
    ["constants", "export const kinds = [1, 2] as const"],
    [
      "a cast with its reason",
      "// biome-ignore lint/plugin/casts: checked by the line above.\nexport const text = (value: unknown): string => value as string",
    ],
  ])("allows %s", (_, code) => {
    expect(lint(`${core}/engine/Lanes.ts`, code)).toMatchObject({ passes: true })
  })
})

it("other packages reach core by its name", () => {
  const file = "packages/adapters/src/postgres/PostgresStore.ts"
  expect(lint(file, reexport("../../../core/src/ports/Store.ts"))).toMatchObject({ passes: false })
  expect(lint(file, reexport("@holdfast/core"))).toMatchObject({ passes: true })
})
