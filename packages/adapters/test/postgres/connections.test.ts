/**
 * How a session is reached: encrypted as the address asks for, through a socket in a directory, under its own name.
 */
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createHoldfast } from "@holdfast/core"
import { asked, privateServer, type Server, serverUser } from "@holdfast/test-services"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { postgres } from "../../src/postgres/index.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { freshSchema } from "../support/stores.ts"

/** Of a root that nobody trusts, for `localhost`. Its key opens nothing but servers of these tests. */
const certificates = join(import.meta.dirname, "../support/certificates")
const root = join(certificates, "ca.crt")

describe("a connection", () => {
  let plain: Server | undefined
  let encrypted: Server | undefined
  const folder = mkdtempSync(join(tmpdir(), "holdfast-certificates-"))
  beforeAll(async () => {
    const user = serverUser()
    plain = await privateServer("connections")
    if (plain?.folder === undefined || user === undefined) return
    // The server wants its key to be its own.
    for (const name of ["server.crt", "server.key"]) {
      const file = join(folder, name)
      copyFileSync(join(certificates, name), file)
      chmodSync(file, 0o600)
      chownSync(file, user.uid, user.gid)
    }
    chownSync(folder, user.uid, user.gid)
    const [cert, key] = [join(folder, "server.crt"), join(folder, "server.key")]
    encrypted = await privateServer("connections", ["ssl=on", `ssl_cert_file=${cert}`, `ssl_key_file=${key}`])
  })
  afterAll(async () => {
    await plain?.stop()
    await encrypted?.stop()
    rmSync(folder, { recursive: true })
  })
  beforeEach((context) => context.skip(encrypted === undefined, "no server here whose files are ours"))
  const cleanUps: Array<() => unknown> = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const portOf = (server: Server | undefined): string => new URL(server?.url ?? "").port
  /** The sessions of a shop at that address, each encrypted or not; or why it does not start. */
  const sessionsAt = async (server: Server | undefined, url: string): Promise<ReadonlyArray<unknown> | string> => {
    const shop = createHoldfast({ store: postgres({ url, schema: freshSchema() }), workers: false, logger: () => {} })
    cleanUps.push(() => shop.stop())
    try {
      await furnishShop(shop, { accounts: 1, products: 1 })
      await buy(shop, 0, 0, "order")
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    return asked(
      server?.url ?? "",
      `select distinct ssl, application_name as name from pg_stat_ssl join pg_stat_activity using (pid)
       where application_name <> '' and backend_type = 'client backend'`,
    )
  }
  const at = (server: Server | undefined, parameters: string, host = "localhost") =>
    sessionsAt(server, `postgres://postgres@${host}:${portOf(server)}/postgres?${parameters}`)
  const encryptedSessions = [{ ssl: true, name: "holdfast" }]
  const plainSessions = [{ ssl: false, name: "holdfast" }]

  it.each([
    ["", plainSessions],
    ["sslmode=disable", plainSessions],
    ["sslmode=allow", plainSessions],
    ["sslmode=prefer", encryptedSessions],
    ["sslmode=require", encryptedSessions],
    [`sslmode=require&sslrootcert=${root}`, encryptedSessions],
    [`sslmode=verify-ca&sslrootcert=${root}`, encryptedSessions],
    [`sslmode=verify-full&sslrootcert=${root}`, encryptedSessions],
  ])(
    "with %j to a server that encrypts",
    async (parameters, sessions) => {
      expect(await at(encrypted, parameters)).toEqual(sessions)
    },
    30_000,
  )

  it.each([
    ["sslmode=verify-ca", /self-signed certificate|unable to (?:verify|get)/],
    ["sslmode=verify-full", /self-signed certificate|unable to (?:verify|get)/],
    [`sslmode=require&sslrootcert=${join(certificates, "server.crt")}`, /unable to (?:verify|get)/],
    ["sslmode=verify-full&sslrootcert=/nowhere/root.crt", /names as sslrootcert cannot be read/],
    ["sslmode=require&ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2", /TLS|protocol/i],
  ])(
    "with %j is refused",
    async (parameters, why) => {
      expect(await at(encrypted, parameters)).toMatch(why)
    },
    30_000,
  )

  it("to another host than the certificate's is refused by verify-full, and by nothing less", async () => {
    const parameters = `sslrootcert=${root}`
    expect(await at(encrypted, `sslmode=verify-full&${parameters}`, "127.0.0.1")).toMatch(/altnames|does not match/i)
    expect(await at(encrypted, `sslmode=verify-ca&${parameters}`, "127.0.0.1")).toEqual(encryptedSessions)
    // The name is what is checked; where it leads is another matter.
    expect(await at(encrypted, `sslmode=verify-full&hostaddr=127.0.0.1&${parameters}`)).toEqual(encryptedSessions)
  })

  it("to a server that does not encrypt: prefer goes without, require does not", async () => {
    expect(await at(plain, "sslmode=prefer")).toEqual(plainSessions)
    expect(await at(plain, "sslmode=require")).toMatch(/does not encrypt connections/)
  })

  it("is named as the address says, and may be through a socket in a directory", async () => {
    const where = encodeURIComponent(dirname(plain?.folder ?? ""))
    const parameters = `application_name=till&sslmode=require&options=-c%20work_mem%3D5MB`
    const url = `postgres://postgres@${where}:${portOf(plain)}/postgres?${parameters}`
    expect(await sessionsAt(plain, url)).toEqual([{ ssl: false, name: "till" }])
  })
})
