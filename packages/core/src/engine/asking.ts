/**
 * Asking a store again that is away for a moment: the pauses between one try and the next.
 */
import { Effect, Random } from "effect"
import type { StoreFault } from "../ports/index.ts"

/** The first pause after a lost reply, and the longest. */
export const firstPauseMillis = 10
const longestPauseMillis = 1_000

/** Pauses for about so long: those who were cut off together part again. */
export const pause = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (random) => Effect.sleep(millis * (0.5 + random)))

/** The pause after the next try. */
export const longer = (millis: number): number => Math.min(millis * 2, longestPauseMillis)

/** Asks for something that changes nothing until the store replies, as long as another try `isInTime`. */
const askAgain = <A>(
  reading: Effect.Effect<A, StoreFault>,
  isInTime: () => boolean,
  millis = firstPauseMillis,
): Effect.Effect<A, StoreFault> =>
  Effect.catch(reading, (fault) =>
    fault._tag === "Lost" && isInTime()
      ? Effect.andThen(
          pause(millis),
          Effect.suspend(() => askAgain(reading, isInTime, longer(millis))),
        )
      : Effect.fail(fault),
  )

/** The least time that a reading is given: an answer at the deadline is late by no more. */
const leastMillis = 50

/** Asks likewise, and for so long at most: a store that is silent is given up as one that is away is. */
export const askFor = <A>(
  millis: number,
  reading: Effect.Effect<A, StoreFault>,
  isInTime: () => boolean,
): Effect.Effect<A, StoreFault> =>
  Effect.suspend(() => {
    let last: StoreFault = { _tag: "Lost", reason: "no answer before the deadline", attempt: "nothing" }
    const noted = Effect.mapError(reading, (fault) => {
      last = fault
      return fault
    })
    return Effect.timeoutOrElse(askAgain(noted, isInTime), {
      duration: Math.max(millis, leastMillis),
      orElse: () => Effect.fail(last),
    })
  })
