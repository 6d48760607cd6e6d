/**
 * What users get from npm: the packed adapters in a host that has `pg` and no other driver.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, installHost } from "../../../core/test/packaging/host.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("the packed package beside pg", () => {
  const { url, server } = serverForFile("the packed @holdfast/adapters")
  let host: Host | undefined
  beforeAll(async () => {
    host = await installHost(["adapters", "core"], ["pg@8.23.1"])
  })
  afterAll(() => host?.remove())

  /** A test that needs the host, and is skipped where it could not be installed. */
  const onHost = (promise: string, test: (host: Host) => Promise<void> | void): void =>
    it(promise, async ({ skip }) => (host === undefined ? skip() : await test(host)))

  /** The packages and modules of Node's own that a piece of code loads. */
  const loadedBy = async ({ node }: Host, code: string): Promise<ReadonlyArray<string>> => {
    const source = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      ${code}
      console.log(JSON.stringify(loaded))`
    const loaded: ReadonlyArray<string> = JSON.parse(await node("loads.mjs", source))
    const packages = loaded.map((each) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(each)?.[1] ?? each)
    return [...new Set(packages)].sort()
  }
  const ours = ["@holdfast/adapters", "@holdfast/core", "@noble/hashes", "effect"]

  onHost("holds its build, its sources, its readme and its licence, and no tests", ({ packed }) => {
    const files = [
      "dist/postgres/index.js",
      "dist/postgres/index.d.ts",
      "dist/pglite/index.js",
      "dist/kafka/index.js",
      "dist/cli/main.js",
    ]
    for (const file of files) expect(packed).toContain(file)
    const folders = new Set(packed.map((file) => file.split("/")[0]))
    expect([...folders].sort()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"])
  })

  onHost("installs no driver that was not asked for", ({ folder }) => {
    for (const driver of ["@effect/sql-pg", "@electric-sql/pglite", "kafkajs", "@platformatic/kafka"])
      expect(existsSync(join(folder, "node_modules", driver)), driver).toBe(false)
    expect(existsSync(join(folder, "node_modules/.bin/holdfast"))).toBe(true)
  })

  onHost("loads no driver with the postgres subpath, and a url then says which one it needs", async (here) => {
    const loaded = await loadedBy(here, `await import("@holdfast/adapters/postgres")`)
    expect(loaded.filter((name) => !name.startsWith("node:"))).toEqual(ours)
    const source = `
      import { createHoldfast } from "@holdfast/core"
      import { postgres } from "@holdfast/adapters/postgres"
      const shop = createHoldfast({ store: postgres({ url: "postgres://ann@127.0.0.1:1/app" }) })
      await shop.start().catch((error) => console.log(error.message))`
    expect(await here.node("url.mjs", source)).toMatch(/needs the package @effect\/sql-pg.*A `pool` of yours works/)
  })

  onHost("says which package a cache and a ranking need, and not of the other one", async ({ node }) => {
    const source = `
      import { createHoldfast } from "@holdfast/core"
      import { redis, redisRanking } from "@holdfast/adapters/redis"
      const url = "redis://127.0.0.1:1"
      for (const option of [{ cache: redis({ url }) }, { ranking: redisRanking({ url }) }]) {
        await using shop = createHoldfast(option)
        await shop.start().catch(({ message }) => console.log(message))
      }`
    const said = "The input is not valid: /url: needs the package ioredis, which is not installed"
    const lines = (await node("redis.mjs", source)).trim().split("\n")
    expect(lines).toEqual([expect.stringContaining(said), expect.stringContaining(said)])
  })

  onHost("sells on a pg pool, joins its transactions, archives, and loads nothing else for it", async (here) => {
    if (server() === undefined) return
    const schema = freshSchema()
    const code = `
      const { default: pg } = await import("pg")
      const { createHoldfast } = await import("@holdfast/core")
      const { archive, postgres } = await import("@holdfast/adapters/postgres")
      const pool = new pg.Pool({ connectionString: ${JSON.stringify(url())} })
      const shop = createHoldfast({ store: postgres({ pool, schema: ${JSON.stringify(schema)} }) })
      await shop.stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 2 })
      await shop.points.open({ accountId: "ann" })
      await shop.points.charge({ accountId: "ann", amount: 50, key: "top-up" })
      const place = (calls, key) => calls.orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key })
      await place(shop, "first")
      const client = await pool.connect()
      await client.query("begin")
      await place(shop.within(client), "second")
      await client.query("commit")
      client.release()
      const { ok } = await shop.audit.run()
      const left = (await shop.stock.product("tee")).onHand
      await shop.stop()
      await archive({ pool, schema: ${JSON.stringify(schema)} })
      await pool.end()
      if (!ok || left !== 0) throw new Error("ok: " + ok + ", left: " + left)`
    try {
      const loaded = await loadedBy(here, code)
      expect(loaded).toEqual(expect.arrayContaining([...ours, "pg"]))
      expect(loaded.filter((name) => name.startsWith("@e"))).toEqual([])
    } finally {
      await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
    }
  })

  onHost("brings the holdfast command, which works with pg alone", async ({ node }) => {
    if (server() === undefined) return
    const schema = freshSchema()
    const run = (command: string) => `
      import { execFileSync } from "node:child_process"
      const args = [${JSON.stringify(command)}, "--url", ${JSON.stringify(url())}, "--schema", ${JSON.stringify(schema)}]
      console.log(execFileSync("node_modules/.bin/holdfast", args, { encoding: "utf8" }))`
    try {
      expect(await node("migrate.mjs", run("migrate"))).toContain("is up to date")
      expect(await node("doctor.mjs", run("doctor"))).toContain("is the one that this code needs")
      expect(await node("audit.mjs", run("audit"))).toContain("Every promise held.")
    } finally {
      await Effect.runPromise(query(url(), `drop schema if exists ${schema} cascade`))
    }
  })

  onHost("has types that need no driver either", async ({ tsc }) => {
    const typed = `
      import { createHoldfast } from "@holdfast/core"
      import { archive, postgres, PostgresStore, type HostPool } from "@holdfast/adapters/postgres"
      declare const pool: HostPool
      export const shop = createHoldfast({ store: postgres({ pool, schema: "shop", migrate: "check" }) })
      export const lanes: number = PostgresStore.guarantees.lanes
      // @ts-expect-error: one of both
      postgres({ pool, url: "postgres://here/app" })
      // @ts-expect-error: a url or a pool is needed
      postgres({ schema: "shop" })
      export const moved: Promise<number> = archive({ pool, schema: "shop", keepDays: 9 }).then(({ orders }) => orders)
      // @ts-expect-error: one of both
      archive({ pool, url: "postgres://here/app" })
      // @ts-expect-error: a url or a pool is needed
      archive({ keepDays: 9 })
      // @ts-expect-error: nothing here is any
      export const text: string = PostgresStore.guarantees.lanes`
    const { said } = await tsc("typed.ts", typed, {
      strict: true,
      exactOptionalPropertyTypes: true,
      target: "es2024",
      lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
      types: [],
      module: "nodenext",
      moduleResolution: "nodenext",
    })
    expect(said).toBe("tsc --noEmit -p tsconfig.json\n")
  })
})
