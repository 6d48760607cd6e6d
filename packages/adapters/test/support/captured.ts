/**
 * The statement that a read sends, and its plan.
 */
import { PgConnection } from "@effect/sql-pg"
import type { Reads, StoreFault } from "@holdfast/core/ports"
import { Effect, Redacted } from "effect"
import { Connection } from "../../src/postgres/session/Connection.ts"
import { inSchema } from "../../src/postgres/session/text.ts"
import type { Statement } from "../../src/postgres/session/wire.ts"
import { readsOn } from "../../src/postgres/statements/reads.ts"

/** What `read` asks for in a schema; it is answered nothing. */
export const captured = (
  schema: string,
  read: (reads: Reads) => Effect.Effect<unknown, StoreFault>,
): Promise<Statement> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const seen: Array<Statement> = []
        const wire = {
          run: (frame: ReadonlyArray<Statement>) =>
            Effect.sync(() => {
              seen.push(...frame)
              return { values: frame.map(() => null), failed: undefined }
            }),
        }
        const connection = yield* Connection.make(Effect.succeed(wire), true)
        yield* read(readsOn({ reading: connection, listing: connection }))
        const [first] = seen
        if (first === undefined) return yield* Effect.die(new Error("The read asked for nothing."))
        return { ...first, sql: inSchema(schema)(first.sql) }
      }),
    ),
  )

/** The plan of a statement as it ran in a session like those of the store: the lines of EXPLAIN, or one JSON document. */
export const explained = async (
  url: string,
  { sql, params }: Statement,
  format: "text" | "json",
): Promise<ReadonlyArray<unknown>> => {
  const plan = Effect.gen(function* () {
    const connection = yield* PgConnection.make({ url: Redacted.make(url) })
    for (const method of ["seqscan", "bitmapscan", "hashjoin", "mergejoin"]) {
      yield* connection.query(`set enable_${method} = off`)
    }
    yield* connection.query("set plan_cache_mode = force_generic_plan")
    yield* connection.query("set jit = off")
    const { rows } = yield* connection.query(
      `explain (analyze, buffers, timing off, costs off, format ${format}) ${sql}`,
      params,
    )
    return rows.map((row) => row["QUERY PLAN"])
  })
  return Effect.runPromise(Effect.scoped(plan))
}
