/**
 * `transact` over sessions: a blind decision first, where that is promising. It follows its lane's last batch down the same
 * session; all other paths have a session alone.
 */
import { Effect } from "effect"
import type { Decided } from "../decision/fold.ts"
import type { Keys, Records } from "../decision/Records.ts"
import { attemptsOn } from "./Attempts.ts"
import type { BatchState } from "./BatchState.ts"
import { FreeSessions } from "./FreeSessions.ts"
import { blindly, firstPath, type ReadingPath, transactOn } from "./paths.ts"
import type { SessionSource } from "./Session.ts"
import type { StoreFault } from "./StoreFault.ts"
import type { Turn } from "./Turn.ts"

/** Runs one batch: see the `Store` port. */
export type Transact = <A>(
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  turn?: Turn,
) => Effect.Effect<A, StoreFault>

/** As many sessions as may decide at once, and one more for when keys are busy. */
export const transactOver = (sessions: ReadonlyArray<SessionSource>, state: BatchState): Transact => {
  const free = new FreeSessions(sessions)
  return (keys, decide, turn) => {
    const alone = (path: ReadingPath) =>
      free.use(({ use }) => use((session) => transactOn(state, attemptsOn(session), keys, decide, path)))
    return Effect.suspend(() => {
      const path = firstPath(state, keys)
      if (path !== "blind") return alone(path)
      const blind = free.use(({ use, follow = use }, sent) => {
        return follow((session) => blindly(state, attemptsOn(session), keys, decide, sent))
      }, turn)
      return Effect.flatMap(blind, (done) => (done._tag === "Done" ? Effect.succeed(done.answer) : alone(done.path)))
    })
  }
}
