/**
 * The handles of transactions that can be joined, and how a statement is sent on each.
 *
 * None of the libraries is imported: a handle is known by what it can do. Whatever is not known here can be wrapped as a
 * {@link JoinableClient} in a line.
 */

import { Effect } from "effect"
import type { Connection } from "effect/sql/SqlConnection"
import { queryOn } from "./clientWire.ts"
import { firstOf } from "./poolWire.ts"
import { failureOf, type Query } from "./sequentialWire.ts"

type Params = Array<string | null>

/**
 * What of a host's transaction is needed: to send a statement with `$1`, `$2` … and answer its rows. Two kinds of statements
 * come, queries and `do` blocks, and one may come before another is answered. A client of `pg` and a transaction of PGlite
 * have it as they are.
 */
export interface JoinableClient {
  readonly query: (sql: string, params: Params) => Promise<unknown>
}

/** A transaction of Drizzle, whatever its PostgreSQL driver. */
interface DrizzleTransaction {
  readonly _: {
    readonly session: {
      readonly prepareQuery: (
        query: { readonly sql: string; readonly params: Params },
        fields: undefined,
        name: undefined,
        isResponseInArrayMode: false,
      ) => { readonly execute: () => Promise<unknown> }
    }
  }
}

interface KyselyTransaction {
  readonly executeQuery: (query: object) => Promise<unknown>
  readonly withoutPlugins: () => KyselyTransaction
}

/** It is a function. */
interface KnexTransaction {
  readonly raw: (sql: string, bindings: Params) => PromiseLike<unknown>
}

interface PrismaTransaction {
  readonly $queryRawUnsafe: (sql: string, ...params: Params) => PromiseLike<unknown>
}

/** How statements are sent on a handle, or why they cannot be. */
export const queryOf = (handle: unknown): Query | string => {
  if ((typeof handle !== "object" && typeof handle !== "function") || handle === null) return "it is no object"
  if (isEffectConnection(handle)) return queryOn(handle)
  if (isKysely(handle)) {
    const plain = handle.withoutPlugins()
    return promised((sql, params) => plain.executeQuery(compiled(sql, params)))
  }
  if (isKnex(handle)) {
    return promised((sql, params) => {
      const { text, bindings } = withQuestionMarks(sql, params)
      return handle.raw(text, bindings)
    })
  }
  if (isPrisma(handle)) {
    return promised(async (sql, params) => ({ rows: await handle.$queryRawUnsafe(sql, ...params) }))
  }
  if (isDrizzle(handle)) {
    const { session } = handle._
    return promised((sql, params) => session.prepareQuery({ sql, params }, undefined, undefined, false).execute())
  }
  if (isClient(handle)) return promised((sql, params) => handle.query(sql, params))
  return "nothing of it is known: pass an object with query(sql, params) that answers { rows }"
}

const promised =
  (send: (sql: string, params: Params) => PromiseLike<unknown>): Query =>
  (sql, params) =>
    Effect.map(Effect.tryPromise({ try: async () => send(sql, [...params]), catch: failureOf }), firstOf)

/** A query as Kysely compiles one of plain SQL. */
const compiled = (sql: string, parameters: Params): object => ({
  sql,
  parameters,
  query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
  queryId: { queryId: "holdfast" },
})

/** Knex counts question marks: a parameter that is used twice is given twice. What stands in quotes is a name, and no parameter. */
const withQuestionMarks = (sql: string, params: Params): { readonly text: string; readonly bindings: Params } => {
  const bindings: Params = []
  const text = sql.replaceAll(/"[^"]*"|\?|\$(\d+)/g, (found, number?: string) => {
    // What is in no parameter's place is no parameter either, such as in a string constant.
    if (number === undefined || params.length === 0) return found.replaceAll("?", () => "\\?")
    bindings.push(params[Number(number) - 1] ?? null)
    return "?"
  })
  return { text, bindings }
}

const can = (handle: object, method: string): boolean => typeof Reflect.get(handle, method) === "function"

const isEffectConnection = (handle: object): handle is Connection => can(handle, "executeValuesUnprepared")
const isKysely = (handle: object): handle is KyselyTransaction =>
  can(handle, "executeQuery") && can(handle, "withoutPlugins")
const isKnex = (handle: object): handle is KnexTransaction => typeof handle === "function" && can(handle, "raw")
const isPrisma = (handle: object): handle is PrismaTransaction => can(handle, "$queryRawUnsafe")
const isClient = (handle: object): handle is JoinableClient => can(handle, "query")
const isDrizzle = (handle: object): handle is DrizzleTransaction => {
  const inside: unknown = Reflect.get(handle, "_")
  if (typeof inside !== "object" || inside === null || !("session" in inside)) return false
  const { session } = inside
  return typeof session === "object" && session !== null && can(session, "prepareQuery")
}
