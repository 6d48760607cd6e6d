/**
 * A wire over a connection that a pool of the host lends.
 *
 * The pool, its connections and their settings stay the host's: a connection goes back as it came, or is destroyed where
 * nobody knows any more in what state it is. The pool is never ended, and no type parser is changed.
 */
import { Effect, type Scope } from "effect"
import { begin, type Failure, statement, type Wire } from "../session/wire.ts"
import { failureOf, sequentialWire, textOf, type Warnings } from "./sequentialWire.ts"
import { type Purpose, settingsOf } from "./settings.ts"

/** What of a host's pool is needed: a `pg.Pool` has it as it is. */
export interface HostPool {
  /** Lends a connection to its caller alone until `release`. */
  readonly connect: () => Promise<HostConnection>
  /** How many connections it opens at most, where it says so. */
  readonly options?: { readonly max?: number | undefined } | undefined
}

export interface HostConnection {
  readonly query: (sql: string, params?: Array<string | null>) => Promise<unknown>
  /** Gives the connection back; with `true` the pool destroys it. */
  readonly release: (destroy?: boolean) => unknown
  readonly on?: Listening | undefined
  readonly removeListener?: Listening | undefined
}

/** Hears what is no reply: that an idle connection broke, and what the server says beside. */
interface Listening {
  (event: "error", listener: () => void): unknown
  (event: "notice", listener: (notice: { readonly message?: string | undefined }) => void): unknown
}

/** Two decide as long as the shop runs, and a third is lent for a moment to everything else. */
export const shopConnections = 3
/** How long a pool may take to lend a connection. */
export const lendMillis = 3_000

/** Why a pool cannot lend so many connections at all; undefined where nothing speaks against it. */
export const whyNotPool = (pool: unknown, connections: number): string | undefined => {
  if (!isPool(pool)) return "is no pool: it must have connect(), as a pg.Pool has"
  // A single client has these. Statements of the host could come between ours on it, inside our transactions.
  if ("release" in pool || "escapeIdentifier" in pool)
    return "is a single client, which cannot serve a shop: pass a pg.Pool, or a `url`. To join a transaction of a client use shop.within(client)"
  const max = pool.options?.max
  return typeof max === "number" && max < connections
    ? `opens at most ${max} connections, and a shop needs ${shopConnections}: two as long as it runs, and a third in turn for everything else. Make it with max: ${shopConnections} or more`
    : undefined
}

const isPool = (pool: unknown): pool is HostPool =>
  typeof pool === "object" && pool !== null && typeof Reflect.get(pool, "connect") === "function"

/** Borrows a connection until the scope closes. */
export const openFromPool = (
  pool: HostPool,
  schema: string,
  purpose: Purpose,
): Effect.Effect<Wire, Failure, Scope.Scope> => {
  // Without parameters several statements are one message.
  const settings = settingsOf(purpose).map(([name, value]) => `set local ${name} = '${value}'`)
  const opening = [statement([begin.sql, ...settings].join("; "))]
  return Effect.map(
    Effect.acquireRelease(
      Effect.map(connect(pool), (connection) => {
        // An error of a connection that is just idle would otherwise end the process.
        connection.on?.("error", ignore)
        const notices = new Notices()
        connection.on?.("notice", notices.listen)
        const warnings = connection.on === undefined ? undefined : notices
        return { connection, notices, wire: sequentialWire(queryOn(connection), schema, opening, warnings) }
      }),
      ({ connection, notices, wire }) =>
        Effect.sync(() => {
          connection.release(!wire.isClean())
          connection.removeListener?.("error", ignore)
          connection.removeListener?.("notice", notices.listen)
        }),
      { interruptible: true },
    ),
    ({ wire }) => wire,
  )
}

const ignore = (): void => {}

/** What a server says beside its replies. Our transactions ask for warnings and nothing less. */
class Notices implements Warnings {
  #count = 0
  #last = ""
  readonly listen = ({ message = "a warning" }: { readonly message?: string | undefined }): void => {
    this.#count++
    this.#last = message
  }
  readonly count = (): number => this.#count
  readonly last = (): string => this.#last
}

const queryOn = (connection: HostConnection) => (sql: string, params: ReadonlyArray<string | null>) =>
  Effect.map(
    Effect.tryPromise({
      try: () => (params.length === 0 ? connection.query(sql) : connection.query(sql, [...params])),
      catch: failureOf,
    }),
    firstOf,
  )

/** The first column of the first row of a result: its `rows`, as `pg` gives them, or the rows themselves. */
export const firstOf = (result: unknown): string | null => {
  const rows: unknown = typeof result === "object" && result !== null && "rows" in result ? result.rows : result
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined
  return typeof row === "object" && row !== null ? textOf(Object.values(row)[0]) : null
}

/** A pool waits as long as it likes for a free connection; whoever calls the shop does not. */
const connect = (pool: HostPool): Effect.Effect<HostConnection, Failure> =>
  Effect.callback<HostConnection, Failure>((resume) => {
    let waiting = true
    const end = (result: Effect.Effect<HostConnection, Failure>): void => {
      waiting = false
      clearTimeout(timer)
      resume(result)
    }
    const timer = setTimeout(() => end(Effect.fail(noneFree)), lendMillis)
    // A pool may throw instead of rejecting, such as one whose address cannot be read.
    new Promise<HostConnection>((resolve) => resolve(pool.connect())).then(
      (connection) => {
        if (waiting) end(Effect.succeed(connection))
        else connection.release()
      },
      (cause) => {
        if (waiting) end(Effect.fail(failureOf(cause)))
      },
    )
    return Effect.sync(() => {
      waiting = false
      clearTimeout(timer)
    })
  })

const noneFree: Failure = {
  code: undefined,
  message: `the pool lent no connection within ${lendMillis} ms: all of them are in use`,
  cause: undefined,
}
