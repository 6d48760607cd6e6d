/**
 * The code in the documents is run as it stands there, on a database of its own, and prints what its comments say.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { commandMillis } from "@holdfast/test-services"
import { Effect } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const root = resolve(import.meta.dirname, "../../../..")

const blocksOf = (document: string): ReadonlyArray<string> =>
  Array.from(readFileSync(resolve(root, document), "utf8").matchAll(/^```ts\n(.*?)^```/gms), ([, code]) => code ?? "")

/** What the comments behind `console.log` say that it prints. */
const promisedOutput = (code: string): ReadonlyArray<string> =>
  Array.from(code.matchAll(/console\.log\(.*\) *\/\/ (.*)$/gm), ([, comment]) => comment ?? "").filter(
    (comment) => comment !== "",
  )

describe("the documents", () => {
  const { url, server } = serverForFile("the documents of the adapters")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const run = async (databaseUrl: string, code: string): Promise<ReadonlyArray<string>> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@holdfast/source", "--no-warnings", "--input-type=module-typescript", "--eval", code],
      {
        cwd: resolve(root, "packages/adapters"),
        env: { ...process.env, DATABASE_URL: databaseUrl },
        timeout: commandMillis,
      },
    )
    return stdout.trim().split("\n")
  }
  const onDatabase = async (use: (databaseUrl: string) => Promise<void>): Promise<void> => {
    const name = `d${freshSchema()}`
    const ask = (sql: string) => Effect.runPromise(query(url(), sql))
    await ask(`create database ${name}`)
    const there = new URL(url())
    there.pathname = `/${name}`
    await use(there.href).finally(() => ask(`drop database ${name} with (force)`))
  }

  it("the README's two minutes run, and run again", () =>
    onDatabase(async (databaseUrl) => {
      const [quickstart = ""] = blocksOf("packages/adapters/README.md")
      expect(promisedOutput(quickstart)).toEqual(["24000 26000"])
      for (let time = 0; time < 2; time++) expect(await run(databaseUrl, quickstart)).toEqual(["24000 26000"])
    }))

  it("the guide to within runs from top to bottom", () =>
    onDatabase(async (databaseUrl) => {
      const code = blocksOf("docs/guides/within.md").join("\n")
      const promised = promisedOutput(code)
      expect(promised).toHaveLength(5)
      expect(await run(databaseUrl, code)).toEqual(promised)
    }))

  it("the guide to events runs from top to bottom", () =>
    onDatabase(async (databaseUrl) => {
      const code = blocksOf("docs/guides/events.md").join("\n")
      const promised = promisedOutput(code)
      expect(promised).toHaveLength(4)
      expect(await run(databaseUrl, code)).toEqual(promised)
    }))

  it("the guide to tapes plays every order of two shops", () =>
    onDatabase(async (databaseUrl) => {
      const blocks = blocksOf("docs/guides/tapes.md")
      expect(blocks).toHaveLength(3)
      // They throw where something is not as the guide says.
      for (const block of blocks) expect(await run(databaseUrl, block)).toEqual([""])
    }))

  it("the guide to retention archives on each of its ways", () =>
    onDatabase(async (databaseUrl) => {
      const dir = mkdtempSync(join(tmpdir(), "holdfast-retention-"))
      const begun = (subpath: string, store: string) => `
          import { createHoldfast } from "@holdfast/core"
          import { ${subpath} } from "@holdfast/adapters/${subpath}"
          const shop = createHoldfast({ store: ${store} })
          await shop.start()
          await shop.stop()`
      try {
        await run(databaseUrl, begun("postgres", "postgres({ url: process.env.DATABASE_URL })"))
        await run(databaseUrl, begun("pglite", `pglite({ dir: ${JSON.stringify(dir)} })`))
        const blocks = blocksOf("docs/guides/retention.md")
        expect(blocks).toHaveLength(4)
        const printed: Array<string> = []
        for (const block of blocks)
          printed.push(...(await run(databaseUrl, block.replaceAll('"./data"', JSON.stringify(dir)))))
        // Nothing is old in a shop that has just begun.
        const [promised = ""] = promisedOutput(blocks.join("\n"))
        const shape = (text: string) => text.replaceAll(/\d{4}-\S+Z/g, "a moment").replaceAll(/\d+/g, "0")
        expect(shape(printed.join(" ").replaceAll(/\s+/g, " ")).trim()).toBe(shape(promised))
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    }))
})
