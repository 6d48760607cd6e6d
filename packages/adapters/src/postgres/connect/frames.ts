/** Frames as transactions: where they begin and end, and whose turn it is. */
import { Effect, type Semaphore } from "effect"
import { begin, commit, type Reply, rollback, type Statement } from "../session/wire.ts"

/** What begins and ends a transaction. */
export const boundaries: ReadonlySet<string> = new Set([begin.sql, commit.sql, rollback.sql])

/** Whether a transaction is open behind the frame, if everything in it succeeds. */
export const isOpenBehind = (frame: ReadonlyArray<Statement>, before: boolean): boolean => {
  const last = frame.findLast(({ sql }) => boundaries.has(sql))
  return last === undefined ? before : last.sql === begin.sql
}

/** Parts that begin at a beginning each, beside the first one. */
export const partsOf = (frame: ReadonlyArray<Statement>): ReadonlyArray<ReadonlyArray<Statement>> => {
  const starts = frame.flatMap(({ sql }, index) => (index === 0 || sql === begin.sql ? [index] : []))
  return starts.map((start, n) => frame.slice(start, starts[n + 1]))
}

/**
 * One after the other, each until it says that all of it is sent, or else until it is done. What came in between would
 * stand inside somebody else's transaction, and end it.
 */
export const inTurn = (
  turns: Semaphore.Semaphore,
  run: (isSent: Effect.Effect<void>) => Effect.Effect<Reply>,
): Effect.Effect<Reply> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(turns.take(1)), () => {
      let holds = true
      const release = Effect.suspend(() => {
        if (!holds) return Effect.void
        holds = false
        return Effect.asVoid(turns.release(1))
      })
      return Effect.ensuring(restore(Effect.suspend(() => run(release))), release)
    }),
  )
