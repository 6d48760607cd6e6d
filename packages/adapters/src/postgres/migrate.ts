/**
 * Bringing the schema to the version that this code needs.
 *
 * Migrations are numbered and only ever appended. They run one after the other in one transaction under an advisory lock,
 * so that processes that start together do not run them twice. A migration that breaks older code says so by raising the
 * minimum: until it does, processes of this version and the one before work side by side.
 */

import type { StoreFault } from "@holdfast/core"
import { Effect } from "effect"
import { migrations } from "./migrations.generated.ts"
import { identifier, inSchema, rowsOf } from "./text.ts"
import { commit, rollback, type Statement, statement, type Wire } from "./wire.ts"

/**
 * - `auto`: create the schema and bring it up to date.
 * - `check`: refuse to start unless it is.
 * - `off`: trust that it is.
 */
export type MigrateMode = "auto" | "check" | "off"

export interface Migration {
  readonly version: number
  readonly name: string
  /** The oldest code that still works with the schema after this migration. */
  readonly minimumCodeVersion: number
  readonly sql: string
}

/** The schema version that this code needs, which is also what it calls its own. */
const codeVersion = migrations.length

const createLog = `create table if not exists @.migration (
  version int primary key,
  name text not null,
  minimum_code_version int not null,
  applied_at timestamptz not null default now()
)`
const readLog = `select json_agg(json_build_array(version, minimum_code_version) order by version)::text from @.migration`
const hasLog = `select 'yes'::text where to_regclass($1) is not null`
const writeLog = `insert into @.migration (version, name, minimum_code_version) values ($1::int, $2, $3::int)`
const lock = `select pg_advisory_xact_lock(hashtextextended('holdfast:' || $1, 0))`

/** Brings the schema up to date, or checks that it is. */
export const migrate = (wire: Wire, schema: string, mode: MigrateMode): Effect.Effect<void, StoreFault> => {
  switch (mode) {
    case "off":
      return Effect.void
    case "check":
      return check(wire, schema)
    case "auto":
      return upgrade(wire, schema)
  }
}

const check = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<void, StoreFault> {
  const applied = yield* appliedTo(wire, schema)
  yield* refuseNewer(schema, applied)
  if (applied.length >= codeVersion) return
  const state =
    applied.length === 0 ? "has no shop" : `is at version ${applied.length}, and this code needs ${codeVersion}`
  return yield* refuse(
    `The schema "${schema}" ${state}. Run \`npx holdfast migrate --url "$DATABASE_URL" --schema ${schema}\`, start once with migrate: "auto", or apply the SQL that postgresSql({ schema: "${schema}", after: ${applied.length} }) answers.`,
  )
})

const upgrade = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<void, StoreFault> {
  // Nearly every start finds everything in place, and needs no lock and no right to create anything.
  const before = yield* appliedTo(wire, schema)
  yield* refuseNewer(schema, before)
  if (before.length >= codeVersion) return
  yield* runAll(wire, [statement("begin isolation level read committed, read write"), statement(lock, schema)])
  yield* runAll(wire, [statement(`create schema if not exists ${identifier(schema)}`), statement(createLog)])
  const applied = yield* appliedTo(wire, schema)
  for (const { version, name, minimumCodeVersion, sql } of migrations.slice(applied.length)) {
    const log = statement(writeLog, String(version), name, String(minimumCodeVersion))
    yield* runAll(wire, [...statementsOf(sql), log])
  }
  yield* runAll(wire, [commit])
})

type Applied = ReadonlyArray<readonly [version: number, minimumCodeVersion: number]>

const appliedTo = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<Applied, StoreFault> {
  const [exists] = yield* runAll(wire, [statement(hasLog, `${identifier(schema)}.migration`)])
  if (exists === null) return []
  const [log] = yield* runAll(wire, [statement(readLog)])
  return rowsOf<Applied[number]>(log)
})

const refuseNewer = (schema: string, applied: Applied): Effect.Effect<void, StoreFault> => {
  const minimum = applied.at(-1)?.[1] ?? 0
  return minimum > codeVersion
    ? refuse(
        `The schema "${schema}" needs code of version ${minimum}, and this is ${codeVersion}. Update @holdfast/adapters.`,
      )
    : Effect.void
}

const refuse = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })

const runAll = (wire: Wire, frame: ReadonlyArray<Statement>): Effect.Effect<ReadonlyArray<string | null>, StoreFault> =>
  Effect.flatMap(wire.run(frame), ({ values, failed }) => {
    if (failed === undefined) return Effect.succeed(values)
    const { code, message, cause } = failed.failure
    const reason = `The schema could not be prepared: ${message}`
    const fault: StoreFault = { _tag: code === undefined ? "Lost" : "Rejected", reason, cause }
    return Effect.andThen(wire.run([rollback]), Effect.fail(fault))
  })

// Migrations hold plain statements, each ended by a semicolon at the end of a line.
const statementsOf = (sql: string): ReadonlyArray<Statement> =>
  sql
    .replaceAll(/^--.*$/gm, "")
    .split(/;\s*$/m)
    .map((each) => each.trim())
    .filter((each) => each.length > 0)
    .map((each) => statement(each))

/** What a schema is made with, as SQL for teams that run their own migrations. */
export interface PostgresSqlOptions {
  /** Default: `holdfast`. */
  readonly schema?: string | undefined
  /** The version that the schema has. Default: 0, it does not exist. */
  readonly after?: number | undefined
}

/** The SQL that brings a schema to the version this code needs, as one transaction. */
export const postgresSql = ({ schema = "holdfast", after = 0 }: PostgresSqlOptions = {}): string => {
  const place = inSchema(schema)
  const parts = migrations.slice(after).map(({ version, name, minimumCodeVersion, sql }) => {
    const log = `insert into @.migration (version, name, minimum_code_version) values (${version}, '${name}', ${minimumCodeVersion});`
    return place(`${sql.trim()}\n\n${log}`)
  })
  const opening = `create schema if not exists ${identifier(schema)};\n\n${place(createLog)};`
  return ["begin;", opening, ...parts, "commit;", ""].join("\n\n")
}
