/**
 * Bringing the schema to the version that this code needs.
 *
 * Migrations are numbered and only ever appended. They run one after the other in one transaction under an advisory lock,
 * so that processes that start together do not run them twice. A migration that breaks older code says so by raising the
 * minimum: until it does, processes of this version and the one before work side by side.
 *
 * A migration that changes a table others use waits for its lock only for a moment, because every sale waits behind it: where
 * a transaction is open that has used the table, everything is undone and tried again a little later.
 */

import { Options } from "@holdfast/core"
import type { StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { checkEncoding } from "../session/encoding.ts"
import { meaningOf } from "../session/faults.ts"
import { optionInShell } from "../session/inShell.ts"
import { identifier, inSchema, rowsOf, whyNotSchema } from "../session/text.ts"
import { begin, commit, type Failure, rollback, type Statement, statement, type Wire } from "../session/wire.ts"
import { keepEra } from "./era.ts"
import { migrations } from "./migrations.generated.ts"
import { lookForDrift } from "./shape.ts"

/**
 * - `auto`: create the schema and bring it up to date.
 * - `check`: refuse to start unless it is.
 * - `off`: trust that it is.
 */
export type MigrateMode = "auto" | "check" | "off"

/** The schema version that this code needs, which is also what it calls its own. */
const codeVersion = migrations.length

const createSchema = "create schema if not exists @@"
/**
 * One that is there may belong to a role that must not create any, and `if not exists` asks for that right all the same.
 *
 * A session remembers which names it did not find, and hears that others have made them only when it begins a transaction
 * or opens a table. After a wait for the lock it has done neither, so this opens one.
 */
const hasSchema = "select 'yes'::text from pg_catalog.pg_namespace where nspname = $1"
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
/**
 * A migration takes as long as the tables are large. Cut off after a while it would hold up sales for nothing, and again with
 * every start. For locks it waits as briefly as ever.
 */
const takeTime = "select set_config('statement_timeout', '0', true)"

/** Brings the schema up to date, or checks that it is. In every mode the database must be one that a shop can be in. */
export const migrate = (wire: Wire, schema: string, mode: MigrateMode): Effect.Effect<void, StoreFault> =>
  Effect.andThen(
    checkEncoding(wire),
    Effect.suspend(() => {
      switch (mode) {
        case "off":
          return Effect.void
        case "check":
          return Effect.andThen(check(wire, schema), keepEra(wire, runOne, writeOne))
        case "auto":
          return Effect.andThen(upgradeInTime(wire, schema), keepEra(wire, runOne, writeOne))
      }
    }),
  )

const check = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<void, StoreFault> {
  yield* refuseDrift(wire, schema, yield* checkVersion(wire, schema))
})

/** Refuses a schema of another version than this code works on, or none: nothing is changed there. */
export const checkVersion = Effect.fnUntraced(function* (
  wire: Wire,
  schema: string,
): Effect.fn.Return<Applied, StoreFault> {
  const applied = yield* appliedTo(wire, schema)
  yield* refuseNewer(schema, applied)
  if (applied.length >= codeVersion) return applied
  const state =
    applied.length === 0 ? "has no shop" : `is at version ${applied.length}, and this code needs ${codeVersion}`
  return yield* refuse(
    `The schema "${schema}" ${state}. Run \`npx holdfast migrate --url "$DATABASE_URL" ${optionInShell("--schema", schema)}\`, start once with migrate: "auto", or apply the SQL that postgresSql({ schema: ${JSON.stringify(schema)}, after: ${applied.length} }) answers.`,
  )
})

/** How often tables that others hold are asked for, with pauses that grow up to a second: for about half a minute. */
const mostAttempts = 32
const firstPauseMillis = 100
const longestPauseMillis = 1_000

const upgradeInTime = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<void, StoreFault> {
  for (let attempt = 1; ; attempt++) {
    const upgraded = yield* Effect.result(upgrade(wire, schema))
    if (upgraded._tag === "Success") return
    if (upgraded.failure._tag !== "Busy") return yield* Effect.fail(upgraded.failure)
    if (attempt === mostAttempts) {
      return yield* refuse(
        `The schema "${schema}" could not be prepared: a transaction that has been open for long holds its tables. End it (\`holdfast doctor\` names it), and start again.`,
      )
    }
    yield* Effect.sleep(Math.min(longestPauseMillis, firstPauseMillis * 2 ** (attempt - 1)))
  }
})

const upgrade = Effect.fnUntraced(function* (wire: Wire, schema: string): Effect.fn.Return<void, StoreFault> {
  // Nearly every start finds everything in place, and needs no lock and no right to create anything.
  const before = yield* appliedTo(wire, schema)
  yield* refuseNewer(schema, before)
  if (before.length >= codeVersion) return yield* refuseDrift(wire, schema, before)
  yield* runAll(wire, [begin, statement(lock, schema)])
  const isThere = (yield* runOne(wire, statement(hasSchema, schema))) !== null
  yield* runAll(wire, [statement(takeTime), ...(isThere ? [] : [statement(createSchema)]), statement(createLog)])
  const applied = yield* appliedTo(wire, schema)
  for (const { version, name, minimumCodeVersion, sql } of migrations.slice(applied.length)) {
    const log = statement(writeLog, String(version), name, String(minimumCodeVersion))
    yield* runAll(wire, [...statementsOf(sql), log])
  }
  // Where something was dropped before, what is built on it is not committed.
  const whole = refuseDrift(wire, schema, migrations)
  yield* Effect.tapError(whole, () => wire.run([rollback]))
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
  // What one migration has broken no later one mends.
  const minimum = Math.max(0, ...applied.map(([, needed]) => needed))
  return minimum > codeVersion
    ? refuse(
        `The schema "${schema}" needs code of version ${minimum}, and this is ${codeVersion}. Update @holdfast/adapters.`,
      )
    : Effect.void
}

/**
 * Refuses a schema of which something was dropped or changed: nothing would put it back, and whoever sells on it finds out in
 * the middle of a sale. What newer code made of it is not for this code to judge.
 */
const refuseDrift = (wire: Wire, schema: string, { length: version }: ReadonlyArray<unknown>) =>
  version > codeVersion
    ? Effect.void
    : Effect.flatMap(lookForDrift(wire, schema), (drift) =>
        drift === undefined
          ? Effect.void
          : refuse(
              `The schema "${schema}" says that it is at version ${version}, and is not as its migrations made it: ${drift}. No migration puts that back. Restore it from a backup, or make it again by hand as in the SQL that postgresSql({ schema: ${JSON.stringify(schema)} }) answers.`,
            ),
      )

const refuse = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })

const runAll = (wire: Wire, frame: ReadonlyArray<Statement>): Effect.Effect<ReadonlyArray<string | null>, StoreFault> =>
  Effect.flatMap(wire.run(frame), ({ values, failed }) => {
    if (failed === undefined) return Effect.succeed(values)
    return Effect.andThen(wire.run([rollback]), Effect.fail(faultOf(failed.failure)))
  })

const runOne = (wire: Wire, one: Statement): Effect.Effect<string | null, StoreFault> =>
  Effect.map(runAll(wire, [one]), ([value]) => value ?? null)

/** In a transaction of its own: outside of one, sessions of a pool only read. */
const writeOne = (wire: Wire, one: Statement): Effect.Effect<void, StoreFault> =>
  Effect.asVoid(runAll(wire, [begin, one, commit]))

const faultOf = (failure: Failure): StoreFault => {
  const { code, message, cause } = failure
  // A lock that was not given in time.
  if (code === "55P03") return { _tag: "Busy", keys: [] }
  const reason = `The schema could not be prepared: ${message}${code === undefined ? "" : ` (${code})`}`
  return { _tag: meaningOf(failure, false) === "rejected" ? "Rejected" : "Lost", reason, cause }
}

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

const sqlChecks: Options.Checks<PostgresSqlOptions> = {
  schema: whyNotSchema,
  after: Options.wholeNumber(0, codeVersion),
}

/** A version that is left out is one that nothing can make good: what comes after it says that it is there. */
const refuseOther = (version: number): string =>
  `do $holdfast$ begin if (select max(version) from @.migration) is distinct from ${version} then raise exception 'This is for version ${version} of the schema, which has another one.'; end if; end $holdfast$`

/**
 * The SQL that brings a schema to the version this code needs, as one transaction. Throws a `HoldfastError` for an option
 * that is unknown or not as it must be.
 */
export const postgresSql = (options: PostgresSqlOptions = {}): string => {
  Options.check(options, sqlChecks)
  const { schema = "holdfast", after = 0 } = options
  const place = inSchema(schema)
  const parts = migrations.slice(after).map(({ version, name, minimumCodeVersion, sql }) => {
    const log = `insert into @.migration (version, name, minimum_code_version) values (${version}, '${name}', ${minimumCodeVersion});`
    return place(`${sql.trim()}\n\n${log}`)
  })
  // Who may change the schema may not be who may create one.
  const opening = place(after > 0 ? `${refuseOther(after)};` : `${createSchema};\n\n${createLog};`)
  return ["begin;", opening, ...parts, "commit;", ""].join("\n\n")
}
