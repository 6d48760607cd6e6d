// Writes the migrations into a module, so that they need no file system where they run:
// `node packages/adapters/scripts/embed-migrations.ts`. A test compares the two.

import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"

const folder = resolve(import.meta.dirname, "../src/postgres/migrations")

/** The first line of a migration may say `-- minimum code version: 3`; otherwise older code goes on working. */
const minimumOf = (sql: string): number => Number(/^-- minimum code version: (\d+)$/m.exec(sql)?.[1] ?? 1)

export const embedded = (): string => {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
  const items = files.map((file) => {
    const sql = readFileSync(resolve(folder, file), "utf8")
    const version = Number(file.slice(0, 4))
    const name = file.slice(5, -".sql".length)
    const text = sql.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${")
    return `  {\n    version: ${version},\n    name: "${name}",\n    minimumCodeVersion: ${minimumOf(sql)},\n    sql: \`${text}\`,\n  },\n`
  })
  return `/**
 * Made from \`migrations/*.sql\` by \`scripts/embed-migrations.ts\`. Edit those files, and run it again.
 */
import type { Migration } from "./migrate.ts"

export const migrations: ReadonlyArray<Migration> = [
${items.join("")}]
`
}

if (import.meta.main) writeFileSync(resolve(folder, "../migrations.generated.ts"), embedded())
