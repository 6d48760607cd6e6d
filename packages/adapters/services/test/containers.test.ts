/**
 * Whoever asks for containers gets containers or an error. A container itself is started only where an engine answers,
 * and most machines have none.
 */
import { readFileSync } from "node:fs"
import { PgConnection } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { engineTrouble, imageOf } from "../src/containers.ts"
import { anyServer, privateRedis, privateServer } from "../src/index.ts"

beforeEach(() => {
  vi.stubEnv("DATABASE_URL", undefined)
  vi.stubEnv("HOLDFAST_SERVICES", "docker")
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.doUnmock("testcontainers")
})

describe("HOLDFAST_SERVICES=docker", () => {
  it("given no engine → fails, also where there are other servers to fall back on", async () => {
    vi.doMock("testcontainers", () => ({
      getContainerRuntimeClient: () => Promise.reject(new Error("no engine is here")),
    }))
    const refusal = "HOLDFAST_SERVICES=docker was asked for, but no Docker answers: no engine is here"
    await expect(anyServer("docker")).rejects.toThrow(refusal)
    await expect(privateServer("docker", ["max_connections=12"])).rejects.toThrow(refusal)
    await expect(privateRedis("docker")).rejects.toThrow(refusal)
  })

  it("given an engine → a server in a container keeps its data and its address through a kill", async ({ skip }) => {
    const trouble = await engineTrouble()
    if (trouble !== undefined) return skip(trouble)
    const server = await privateServer("docker", ["max_connections=12"])
    if (server === undefined) throw new Error("there is an engine, and no server")
    onTestFinished(server.stop)
    const ask = (sql: string) =>
      Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(PgConnection.make({ url: Redacted.make(server.url) }), (connection) => connection.query(sql)),
        ),
      )
    expect((await ask("show max_connections")).rows).toEqual([{ max_connections: "12" }])
    await ask("create table kept (n int)")
    await server.kill()
    await expect(ask("select 1")).rejects.toThrow()
    await server.restart()
    expect((await ask("select count(*)::int as n from kept")).rows).toEqual([{ n: 0 }])
  })

  it("means the images of docker-compose.yml", () => {
    const composition = readFileSync(new URL("../../../../docker-compose.yml", import.meta.url), "utf8")
    expect(imageOf(composition, "postgres")).toMatch(/^postgres:\d+\.\d+/)
    expect(imageOf(composition, "redis")).toMatch(/^redis:\d+\.\d+/)
    expect(imageOf(composition, "kafka")).toMatch(/^apache\/kafka:\d+\.\d+/)
    expect(() => imageOf(composition, "postgre")).toThrow("names no image for postgre")
  })
})

it("given a misspelt HOLDFAST_SERVICES → fails as well", async () => {
  vi.stubEnv("HOLDFAST_SERVICES", "dokcer")
  await expect(privateServer("docker")).rejects.toThrow("HOLDFAST_SERVICES is npm or docker, and not dokcer.")
  await expect(privateRedis("docker")).rejects.toThrow("HOLDFAST_SERVICES is npm or docker, and not dokcer.")
})
