// Proves that the checks on core can fail: it plants one offence of each kind and expects Biome to name it.

import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"

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

const core = "packages/core/src"
const reexport = (from: string): string => `export { Thing } from "${from}"`

describe("core imports only ever point down", () => {
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
    const { passes, says } = lint(`${core}/${file}`, reexport(from))
    expect(says).toContain("noRestrictedImports")
    expect(passes).toBe(false)
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
    expect(lint(`${core}/${file}`, reexport(from))).toMatchObject({ passes: true })
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
