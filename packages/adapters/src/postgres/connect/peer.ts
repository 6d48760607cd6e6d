/**
 * Who is at the other end of a session: which process of which server, whether that takes changes, and whether a pooler
 * stands in between.
 */

import { rowsOf } from "../session/text.ts"
import { statement } from "../session/wire.ts"
import type { Target } from "./parameters.ts"

/** What a session says of itself, before anything is set. */
export interface Peer {
  readonly pid: number
  /** When its process began; with the process id that names one session for good. */
  readonly startedAt: string
  /** When the server began: each start of each server has its own. */
  readonly serverStartedAt: string
  readonly isStandby: boolean
  /** Whether its transactions change nothing unless they say so. */
  readonly isReadOnly: boolean
}

type Row = readonly [pid: number, startedAt: string, serverStartedAt: string, standby: boolean, readOnly: string]

/** Times as text, because microseconds of today are more than a number of JavaScript holds. */
export const askPeer = statement(
  `select json_build_array(json_build_array(pg_backend_pid(),
  (select extract(epoch from backend_start)::text from pg_stat_get_activity(pg_backend_pid())),
  extract(epoch from pg_postmaster_start_time())::text, pg_is_in_recovery(), current_setting('transaction_read_only')))::text`,
)

export const peerOf = (json: string | null | undefined): Peer | undefined => {
  const [row] = rowsOf<Row>(json)
  if (row === undefined) return undefined
  const [pid, startedAt, serverStartedAt, isStandby, readOnly] = row
  return { pid, startedAt, serverStartedAt, isStandby, isReadOnly: readOnly === "on" }
}

/** Why a server is not what was asked for; undefined where it is. As libpq's `target_session_attrs`. */
export const whyNotPeer = ({ isStandby, isReadOnly }: Peer, target: Target): string | undefined => {
  switch (target) {
    case "any":
    case "prefer-standby":
      return undefined
    case "primary":
      return isStandby ? "is a standby, which takes no changes" : undefined
    case "standby":
      return isStandby ? undefined : "is no standby"
    case "read-write":
      if (isStandby) return "is a standby, which takes no changes"
      return isReadOnly ? "takes no changes: default_transaction_read_only is on" : undefined
    case "read-only":
      return isStandby || isReadOnly ? undefined : "is not read-only"
  }
}
