/**
 * Waiting in a trial for something that other fibers bring about: it looks again and again, ever more rarely.
 *
 * It gives up where nothing has moved for long, not after so many looks: how many a slow store needs is no matter of what
 * it promises.
 */
import { Effect } from "effect"

/** What a look found. */
export interface Look {
  readonly isDone: boolean
  /** Differs from the look before where something has moved. */
  readonly seen: string
}

/** The longest pause between two looks. */
const longestMillis = 100

/** Looks until it is done, or until nothing has moved for `stillMillis`. */
export const looks = <E>(look: Effect.Effect<Look, E>, stillMillis: number): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    let before: string | undefined
    let still = 0
    for (let pause = 5; ; pause = Math.min(longestMillis, pause + 5)) {
      const { isDone, seen } = yield* look
      if (isDone || (seen === before && still >= stillMillis)) return
      if (seen !== before) still = 0
      before = seen
      yield* Effect.sleep(pause)
      still += pause
    }
  })
