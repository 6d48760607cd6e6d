/**
 * Who asks for Docker gets Docker or an error. A container itself is not started here, for most machines have no engine.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { imageOf } from "./docker.ts"
import { anyServer, privateServer } from "./postgres.ts"
import { freePort } from "./server.ts"

describe("HOLDFAST_POSTGRES=docker", () => {
  beforeEach(() => {
    vi.stubEnv("DATABASE_URL", undefined)
    vi.stubEnv("HOLDFAST_POSTGRES", "docker")
    // A context that was chosen by name would be asked instead of DOCKER_HOST.
    vi.stubEnv("DOCKER_CONTEXT", undefined)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  const refusal = "HOLDFAST_POSTGRES=docker was asked for, but no Docker answers: "

  it("fails where no engine answers, also where there are other servers to fall back on", async () => {
    vi.stubEnv("DOCKER_HOST", `tcp://127.0.0.1:${await freePort()}`)
    await expect(anyServer("docker")).rejects.toThrow(refusal)
    await expect(privateServer("docker", ["max_connections=12"])).rejects.toThrow(refusal)
  }, 60_000)

  it("fails where there is no docker command", async () => {
    const empty = mkdtempSync(join(tmpdir(), "holdfast-no-docker-"))
    vi.stubEnv("PATH", empty)
    await expect(privateServer("docker")).rejects.toThrow(`${refusal}there is no docker command here.`)
    rmSync(empty, { recursive: true })
  })

  it("means the image of docker-compose.yml", () => {
    const composition = readFileSync(new URL("../../../../docker-compose.yml", import.meta.url), "utf8")
    expect(imageOf(composition)).toMatch(/^postgres:\d+\.\d+/)
    expect(() => imageOf(composition.replace("  postgres:", "  database:"))).toThrow("names no image")
  })
})

it("a misspelt HOLDFAST_POSTGRES fails as well", async () => {
  vi.stubEnv("HOLDFAST_POSTGRES", "dokcer")
  await expect(privateServer("docker")).rejects.toThrow("HOLDFAST_POSTGRES is npm or docker, and not dokcer.")
  vi.unstubAllEnvs()
})
