/**
 * Kinds are data: a kind is its pure file, a row in `decision/kinds.ts`, a table in PostgreSQL's `statements/` and a migration.
 *
 * A copy of the sources gets an eighth one, in these four places, and counts in it on every kind of store. Whoever forgets one
 * of the four is told by the compiler.
 */
import { execFile } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = resolve(import.meta.dirname, "../../../..")
const eighth = join(import.meta.dirname, "eighth")

// Inside the repository, so that what is imported by name is found; the folder is none that anything else looks into.
mkdirSync(join(root, ".verify"), { recursive: true })
const copy = mkdtempSync(join(root, ".verify/eighth-kind-"))
afterAll(() => rmSync(copy, { recursive: true, force: true }))

const core = "packages/core/src"
const postgres = "packages/adapters/src/postgres"
const migrations = `${postgres}/schema/migrations`

/** Puts text before the only place where another one stands. */
const insert = (file: string, before: string, text: string): void => {
  const parts = readFileSync(join(copy, file), "utf8").split(before)
  expect(parts, `${file}: ${before}`).toHaveLength(2)
  writeFileSync(join(copy, file), parts.join(`${text}${before}`))
}

const run = (...command: ReadonlyArray<string>): Promise<{ readonly ok: boolean; readonly output: string }> =>
  promisify(execFile)(process.execPath, [...command], { cwd: copy, maxBuffer: 10_000_000 }).then(
    ({ stdout }) => ({ ok: true, output: stdout }),
    ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) => ({
      ok: false,
      output: stdout + stderr,
    }),
  )

const compile = (project: string) => run(join(root, "node_modules/typescript/bin/tsc"), "-p", project)
const embed = () => run("--conditions=@holdfast/source", "packages/adapters/scripts/embed-migrations.ts")

const pureFile = `${core}/stock/Tally.ts`
const table = `${postgres}/statements/tally.ts`
const migration = `${migrations}/${String(readdirSync(join(root, migrations)).length + 1).padStart(4, "0")}_tally.sql`

beforeAll(async () => {
  for (const folder of ["packages/core", "packages/adapters", "examples/sqlite-adapter"]) {
    for (const part of ["src", "package.json"])
      cpSync(join(root, folder, part), join(copy, folder, part), { recursive: true })
  }
  cpSync(join(root, "packages/adapters/scripts"), join(copy, "packages/adapters/scripts"), { recursive: true })
  mkdirSync(join(copy, "node_modules/@holdfast"), { recursive: true })
  for (const name of ["core", "adapters"])
    symlinkSync(join(copy, "packages", name), join(copy, "node_modules/@holdfast", name))

  cpSync(join(eighth, "Tally.ts"), join(copy, pureFile))
  insert(
    `${core}/decision/kinds.ts`,
    "import type { Product, StockMovement }",
    'import type { Tally } from "../stock/Tally.ts"\n',
  )
  insert(
    `${core}/decision/kinds.ts`,
    "  bucket: kind({",
    `  tally: kind({
    keyOf: ({ accountId, productId }: Tally): readonly [AccountId, ProductId] => [accountId, productId],
    counters: ["units"],
    locked: true,
    hot: false,
    unread: "kept",
  }),
`,
  )
  cpSync(join(eighth, "tallyTable.ts"), join(copy, table))
  insert(`${postgres}/statements/kindTables.ts`, "import type { KindTable }", 'import { tally } from "./tally.ts"\n')
  insert(`${postgres}/statements/kindTables.ts`, "  bucket,\n", "  tally,\n")
  cpSync(join(eighth, "tally.sql"), join(copy, migration))
  cpSync(join(eighth, "count.ts"), join(copy, "count.ts"))
  expect(await embed()).toMatchObject({ ok: true })

  const compilerOptions = { noEmit: true, incremental: false, types: ["node"] }
  const extended = { extends: join(root, "tsconfig.base.json"), compilerOptions }
  writeFileSync(join(copy, "whole.json"), JSON.stringify({ ...extended, files: ["count.ts"] }))
  writeFileSync(join(copy, "tables.json"), JSON.stringify({ ...extended, files: [`${postgres}/statements/apply.ts`] }))
})

it("an eighth kind in its four places compiles, and counts on every kind of store", async () => {
  expect(await compile("whole.json")).toEqual({ ok: true, output: "" })
  const { output } = await run("--conditions=@holdfast/source", "count.ts")
  const results = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(results.map(({ store }) => store)).toEqual(["memory", "interleaving memory", "SQLite", "pglite", "pglite"])
  const rows = ["ada", "bob"].map((accountId) => ({ accountId, productId: "tee", units: 25, note: "many", version: 2 }))
  for (const { answers, repeated, rows: held, afterFirst } of results) {
    // Each caller was answered a place of its own.
    const places = answers.map(({ units }: { readonly units: number }) => units)
    expect(places.sort((left: number, right: number) => left - right)).toEqual(
      Array.from({ length: 50 }, (_, index) => Math.floor(index / 2) + 1),
    )
    expect(repeated).toEqual(["Recalled", "Recalled"])
    expect(held).toEqual(rows)
    expect(afterFirst).toEqual(rows.slice(1))
  }
})

describe("the compiler tells whoever forgets", () => {
  /** What it says where a file is not there, or is as the repository has it. */
  const without = async (file: string, asBefore: boolean): Promise<string> => {
    const path = join(copy, file)
    renameSync(path, `${path}.kept`)
    if (asBefore) cpSync(join(root, file), path)
    try {
      return (await compile("tables.json")).output
    } finally {
      renameSync(`${path}.kept`, path)
    }
  }

  it("the pure file", async () => {
    expect(await without(pureFile, false)).toContain("Cannot find module '../stock/Tally.ts'")
  })

  it("the row in kinds.ts", async () => {
    expect(await without(`${core}/decision/kinds.ts`, true)).toContain(
      `"tally"' is not assignable to parameter of type`,
    )
  })

  it("the table among PostgreSQL's", async () => {
    expect(await without(`${postgres}/statements/kindTables.ts`, true)).toContain("Property 'tally' is missing in type")
  })

  it("the migration", async () => {
    expect(await without(`${postgres}/schema/shape.generated.ts`, true)).toContain(
      `Type '"tally"' is not assignable to type`,
    )
  })
})
