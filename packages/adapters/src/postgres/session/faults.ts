/**
 * What a failed statement means for a batch. The only place that knows SQLSTATEs by their meaning.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { type Failure, isLost } from "./wire.ts"

/**
 * - `conflict`: somebody was in the way or a guard did not hold. Nothing happened; decide again.
 * - `waited`: a lock was not given in time. Nothing happened.
 * - `lost`: nobody knows, or the server cannot work at the moment. The same commands again, later.
 * - `rejected`: the statement itself is refused. Nothing happened, and again it would be the same.
 */
export type Meaning = "conflict" | "waited" | "lost" | "rejected"

const conflicts: ReadonlySet<string> = new Set([
  "40001", // serialization failure
  "40P01", // deadlock
  "23505", // unique: a record or a receipt that appeared meanwhile
  "22012", // division by zero: our own guards
])

/** On a snapshot these may be somebody else's doing; under locks they cannot. */
const conflictsOnSnapshot: ReadonlySet<string> = new Set([
  "23514", // check: a relative move would have gone below zero or past a limit
  "22003", // out of range
])

export const meaningOf = (failure: Failure, guarded: boolean): Meaning => {
  const { code } = failure
  if (code === undefined || isLost(failure)) return "lost"
  if (conflicts.has(code) || (guarded && conflictsOnSnapshot.has(code))) return "conflict"
  if (code === "55P03") return "waited"
  // Statement time-outs and cancels (57), no resources such as disk or memory (53), failures of the system (58).
  if (code.startsWith("57") || code.startsWith("53") || code.startsWith("58")) return "lost"
  return "rejected"
}

/**
 * Whether a conflict that stays under locks is other sessions' doing. Any other has its reason in the batch itself, such
 * as an index that somebody added: whoever decides the commands one by one finds out whose it is.
 */
export const isCrowd = ({ code }: Failure): boolean => code === "40001" || code === "40P01"

/** A failure of something that is not decided again: what the server rejected for good, or what may work another time. */
export const faultOf = (failure: Failure): StoreFault =>
  meaningOf(failure, false) === "rejected" ? rejected(failure) : lost(failure)

/** Where the server answered, and the session lives on, nothing of the frame was done. */
export const lost = (failure: Failure): StoreFault => ({
  _tag: "Lost",
  reason: failure.code === undefined ? failure.message : `${failure.message} (${failure.code})`,
  cause: failure.cause,
  attempt: isLost(failure) ? failure.attempt : "nothing",
})

export const rejected = (failure: Failure): StoreFault => ({
  _tag: "Rejected",
  reason: reasonOf(failure),
  cause: failure.cause,
})

/** What a server said, with its SQLSTATE. */
export const reasonOf = ({ code, message }: Failure): string => `${message} (${code ?? "no code"})`
