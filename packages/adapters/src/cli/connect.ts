/**
 * How the command reaches a server: with `@effect/sql-pg`, or where a host has only that, with `pg`.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Target } from "../postgres/connect/parameters.ts"
import type { Purpose } from "../postgres/connect/settings.ts"
import type { PostgresOptions } from "../postgres/options.ts"
import { sessionsOf } from "../postgres/PostgresStore.ts"
import { meaningOf } from "../postgres/session/faults.ts"
import { notOpened } from "../postgres/session/notOpened.ts"
import type { Statement, Wire } from "../postgres/session/wire.ts"
import type { Options } from "./arguments.ts"

/** Uses the server, whatever driver there is, and lets go of it. */
export const withServer = async <A>(
  { url, schema }: Options,
  use: (options: PostgresOptions) => Promise<A>,
): Promise<A> => {
  if (isInstalled("@effect/sql-pg")) return use({ url, schema })
  if (!isInstalled("pg")) throw new Error("Install a driver beside it: npm install @effect/sql-pg, or npm install pg.")
  const { default: pg } = await import("pg")
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  // A connection that breaks is reported by whoever asks something on it.
  pool.on("error", () => {})
  try {
    return await use({ pool, schema })
  } finally {
    await pool.end()
  }
}

export const isInstalled = (name: string): boolean => {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

/** Asks something on one session, of a server that is what the address asks for, or `target`. A fault becomes an error. */
export const onSession = async <A>(
  options: PostgresOptions,
  purpose: Purpose,
  use: (wire: Wire) => Effect.Effect<A, StoreFault>,
  target?: Target,
): Promise<A> => {
  const asked = Effect.flatMap(sessionsOf(options, target), ({ open }) =>
    Effect.scoped(Effect.flatMap(Effect.mapError(open(purpose), notOpened), use)),
  )
  const ended = await Effect.runPromise(
    Effect.match(asked, {
      onSuccess: (answer) => ({ answer }),
      onFailure: (fault) => ("reason" in fault ? fault.reason : "The server is busy."),
    }),
  )
  if (typeof ended === "string") throw new Error(ended)
  return ended.answer
}

/** What one statement answers. */
export const ask = (wire: Wire, one: Statement): Effect.Effect<string | null, StoreFault> =>
  Effect.flatMap(wire.run([one]), ({ values, failed }) => {
    if (failed === undefined) return Effect.succeed(values[0] ?? null)
    const { message: reason, cause } = failed.failure
    return Effect.fail({ _tag: meaningOf(failed.failure, false) === "lost" ? "Lost" : "Rejected", reason, cause })
  })
