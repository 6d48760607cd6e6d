/**
 * The process of a server that serves a session of ours, and its end.
 *
 * A session outlives the connection of its client: it waits for a lock, or for bytes that somebody still holds back, and
 * commits when it gets them. Time alone never proves that it has ended. So its process is told to end and is looked for
 * until it is gone. Where the server itself was started anew, or another one has taken over, it is gone with the server.
 */
import type { StoreFault } from "@holdfast/core"
import type { StoreShape } from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf } from "../session/text.ts"
import { statement } from "../session/wire.ts"
import type { Peer } from "./peer.ts"

/** A process id names another process by and by, so it goes with the moments when that and its server began. */
export class Backend {
  readonly pid: number
  readonly startedAt: string
  readonly serverStartedAt: string

  constructor({ pid, startedAt, serverStartedAt }: Pick<Peer, "pid" | "startedAt" | "serverStartedAt">) {
    this.pid = pid
    this.startedAt = startedAt
    this.serverStartedAt = serverStartedAt
  }
}

/** How long a process may take to end: it may be writing, or roll back. */
const endMillis = 5_000
const firstPauseMillis = 2
const longestPauseMillis = 250

/**
 * Tells the process to end, where it is there: then there is a row. A process whose beginning is not shown to us is another
 * user's, or may be, and is only looked at. A standby does not know what its primary does.
 */
const endIt = `select json_build_array(json_build_array(pg_is_in_recovery(), (
  select json_build_array(case when backend_start is not null then pg_terminate_backend(pid) end) from pg_stat_activity
  where pid = $1::int and extract(epoch from pg_postmaster_start_time())::text = $3
    and (backend_start is null or extract(epoch from backend_start)::text = $2)
)))::text`
type Told = readonly [isStandby: boolean, row: readonly [boolean | null] | null]

/** Ends what a lost session may still do. `connection` reaches the server that takes changes. */
export const settleOn =
  (connection: Connection): NonNullable<StoreShape["settle"]> =>
  (attempt) => {
    if (!(attempt instanceof Backend)) return Effect.succeed(false)
    const { pid, startedAt, serverStartedAt } = attempt
    const told = Effect.map(ask(connection, statement(endIt, String(pid), startedAt, serverStartedAt)), rowsOf<Told>)
    // Only what is waited here counts: a server that cannot be asked says nothing of whether the process is there.
    const untilGone = (pauseMillis: number, waitedMillis: number): Effect.Effect<boolean, StoreFault> =>
      Effect.flatMap(told, ([found]) => {
        if (found === undefined || found[0]) return Effect.succeed(false)
        if (found[1] === null) return Effect.succeed(true)
        if (waitedMillis >= endMillis) return Effect.succeed(false)
        const next = Math.min(pauseMillis * 2, longestPauseMillis)
        return Effect.andThen(
          Effect.sleep(pauseMillis),
          Effect.suspend(() => untilGone(next, waitedMillis + pauseMillis)),
        )
      })
    return untilGone(firstPauseMillis, 0)
  }
