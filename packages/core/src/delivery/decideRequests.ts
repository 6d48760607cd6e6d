/**
 * Decides the slices of a request log, one after the other, until each is decided: by this process or by another.
 *
 * It keeps nothing between two tries. A reply that was lost, a lock that another process holds, a store that is away: the same
 * slice again, and the store's own position says what is left of it.
 */
import { Cause, Effect, Exit } from "effect"
import {
  decideMissed,
  decideSlice,
  keysOfMissed,
  keysOfSlice,
  type Slice,
  type SliceAnswer,
} from "../decision/slice.ts"
import type { SliceEnd, StoreFault, StoreShape } from "../ports/index.ts"
import { textOfThrown } from "../thrown.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"

/** Told what this process has decided. */
export type Heard = (decided: SliceAnswer["decided"]) => void

/** Decides a slice. It goes on trying until the slice is decided, here or elsewhere. */
export const sliceDecider = (
  store: Pick<StoreShape, "transact">,
  heard: Heard,
): ((slice: Slice) => Effect.Effect<SliceEnd>) => {
  const decide = (slice: Slice, faults: number, unfit?: string): Effect.Effect<SliceEnd> =>
    Effect.flatMap(
      Effect.exit(store.transact(keysOfSlice(slice), (records) => decideSlice(slice, records, unfit))),
      (exit) => {
        if (Exit.isSuccess(exit)) {
          const { next, decided } = exit.value
          if (decided.length > 0) heard(decided)
          const isLate = decided.length === 0 && slice.requests.length > 0
          return Effect.as(decided.length < slice.requests.length ? missed(slice, 0) : Effect.void, { next, isLate })
        }
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.interrupt
        const rejected = rejectionOf(exit.cause)
        if (rejected === undefined || unfit !== undefined) return again(slice, faults, exit.cause, unfit)
        const { requests, end } = slice
        const [middle, right] = halfOf(requests)
        // Halved until the odd one stands alone, which is then refused: it must not hold up those behind it.
        if (right === undefined) return decide(slice, 0, rejected)
        return Effect.andThen(
          decide({ ...slice, requests: requests.slice(0, middle), end: right.offset }, 0),
          decide({ ...slice, requests: requests.slice(middle), end }, 0),
        )
      },
    )
  /** What was passed over is decided: by another process, as a rule. */
  const missed = (slice: Slice, faults: number): Effect.Effect<void> =>
    Effect.flatMap(
      Effect.exit(store.transact(keysOfMissed(slice), (records) => decideMissed(slice, records))),
      (exit) => {
        if (Exit.isSuccess(exit)) {
          const { decided } = exit.value
          if (decided.length === 0) return Effect.void
          heard(decided)
          return Effect.logWarning(
            `${decided.length} requests of "${slice.log}" stood where all had been decided: was it made anew under its name?`,
          )
        }
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.interrupt
        return Effect.flatMap(backoffMillis(faults + 1, defaultBackoff), (millis) =>
          Effect.andThen(Effect.sleep(millis), missed(slice, faults + 1)),
        )
      },
    )
  const again = Effect.fnUntraced(function* (
    slice: Slice,
    faults: number,
    cause: Cause.Cause<StoreFault>,
    unfit: string | undefined,
  ) {
    // Of a store that is away, and of keys that are busy, others tell.
    if (faults === 0 && !Cause.hasFails(cause)) {
      yield* Effect.logWarning(`A slice of requests failed; trying again. ${textOfThrown(Cause.squash(cause))}`)
    }
    yield* Effect.sleep(yield* backoffMillis(faults + 1, defaultBackoff))
    return yield* decide(slice, faults + 1, unfit)
  })
  return (slice) => decide(slice, 0)
}

const halfOf = (requests: Slice["requests"]) => {
  const middle = Math.ceil(requests.length / 2)
  return [middle, requests.length < 2 ? undefined : requests[middle]] as const
}

const rejectionOf = (cause: Cause.Cause<StoreFault>): string | undefined => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason) && reason.error._tag === "Rejected") return reason.error.reason
  }
  return undefined
}
