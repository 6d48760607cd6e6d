// Writes the migrations into a module, so that they need no file system where they run, and beside them what a schema is made
// of when they have run: `node --conditions=@holdfast/source packages/adapters/scripts/embed-migrations.ts`. A test compares both.

import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { PGlite } from "@electric-sql/pglite"
import type { Part } from "../src/postgres/schema/shape.generated.ts"

const folder = resolve(import.meta.dirname, "../src/postgres/schema/migrations")

/** The first line of a migration may say `-- minimum code version: 3`; otherwise the code that worked before it goes on working. */
const minimumOf = (sql: string): number => Number(/^-- minimum code version: (\d+)$/m.exec(sql)?.[1] ?? 1)

export const embedded = (): string => {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
  let minimum = 1
  const items = files.map((file) => {
    const sql = readFileSync(resolve(folder, file), "utf8")
    const version = Number(file.slice(0, 4))
    const name = file.slice(5, -".sql".length)
    minimum = Math.max(minimum, minimumOf(sql))
    const text = sql.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${")
    return `  {\n    version: ${version},\n    name: "${name}",\n    minimumCodeVersion: ${minimum},\n    sql: \`${text}\`,\n  },\n`
  })
  return `/**
 * Made from \`migrations/*.sql\` by \`scripts/embed-migrations.ts\`. Edit those files, and run it again.
 */
export interface Migration {
  readonly version: number
  readonly name: string
  /** The oldest code that still works with the schema after this migration. */
  readonly minimumCodeVersion: number
  readonly sql: string
}

export const migrations: ReadonlyArray<Migration> = [
${items.join("")}]
`
}

/** Makes a schema with the embedded migrations, and looks at it. */
export const shaped = async (): Promise<string> => {
  const { postgresSql } = await import("../src/postgres/schema/migrate.ts")
  const { readShape } = await import("../src/postgres/schema/shape.ts")
  const database = await PGlite.create()
  await database.exec(postgresSql({ schema: "shop" }))
  const { rows } = await database.query<[json: string]>(readShape, ["shop"], { rowMode: "array" })
  await database.close()
  const parts: ReadonlyArray<Part> = JSON.parse(rows[0]?.[0] ?? "[]")
  const relations = parts.flatMap(([relation, part]) =>
    ["table", "view", "sequence"].includes(part) ? [`\n  | "${relation}"`] : [],
  )
  const items = parts.map((part) => `  [${part.map((each) => JSON.stringify(each)).join(", ")}],\n`)
  return `/**
 * What the migrations make, as \`scripts/embed-migrations.ts\` found it. Edit those, and run it again.
 */
/** A part of a relation, and how it is. The relation itself is its first part. */
export type Part = readonly [relation: string, part: string, how: string]

export type Relation =${relations.join("")}

export const shape: ReadonlyArray<Part> = [
${items.join("")}]
`
}

if (import.meta.main) {
  writeFileSync(resolve(folder, "../migrations.generated.ts"), embedded())
  writeFileSync(resolve(folder, "../shape.generated.ts"), await shaped())
}
