/**
 * Plain connections, as a host's own pool has them: one statement at a time, an answer before the next one.
 */
import { PgConnection } from "@effect/sql-pg"
import { Effect, Exit, Redacted, Scope } from "effect"

export type Row = Readonly<Record<string, unknown>>

/** Sends one prepared statement and waits for its rows. Parameters are text. */
export type Ask = (sql: string, ...params: ReadonlyArray<string>) => Promise<ReadonlyArray<Row>>

export class Connections {
  readonly #asks: ReadonlyArray<Ask>
  readonly #scope: Scope.Closeable
  readonly #busy: Array<Promise<unknown>> = []

  private constructor(connections: ReadonlyArray<PgConnection.PgConnection>, scope: Scope.Closeable) {
    this.#asks = connections.map(
      (connection) =>
        (sql, ...params) =>
          Effect.runPromise(Effect.map(connection.query(sql, params), ({ rows }) => rows)),
    )
    this.#scope = scope
  }

  static async open(url: string, size: number): Promise<Connections> {
    const scope = await Effect.runPromise(Scope.make())
    const connect = PgConnection.make({ url: Redacted.make(url) })
    const all = Effect.forEach(Array.from({ length: size }), () => connect, { concurrency: 8 })
    return new Connections(await Effect.runPromise(Scope.provide(all, scope)), scope)
  }

  get size(): number {
    return this.#asks.length
  }

  /** Lets a caller work on a connection alone. Callers beyond the number of connections share them in turns. */
  async use<A>(caller: number, work: (ask: Ask) => Promise<A>): Promise<A> {
    const index = caller % this.#asks.length
    const ask = this.#asks[index]
    if (ask === undefined) throw new Error("There are no connections.")
    const before = this.#busy[index]
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#busy[index] = promise
    try {
      await before
      return await work(ask)
    } finally {
      resolve()
    }
  }

  readonly ask: Ask = (sql, ...params) => this.use(0, (ask) => ask(sql, ...params))

  close(): Promise<void> {
    return Effect.runPromise(Scope.close(this.#scope, Exit.void))
  }
}
