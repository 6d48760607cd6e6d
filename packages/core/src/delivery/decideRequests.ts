/**
 * Decides the slices of a request log, one after the other, until each is decided: by this process or by another.
 *
 * It keeps nothing between two tries. A reply that was lost, a lock that another process holds, a store that is away: the same
 * slice again, and the store's own position says what is left of it.
 *
 * A slice is decided in parts. Where the store passes turns, a part is decided and sent while the one before it is made
 * durable. It rests on what that one leaves, so it comes to nothing with it, and is then decided after it.
 */
import { Cause, Effect, Exit, Fiber, Latch } from "effect"
import {
  decideMissed,
  decideSlice,
  keysOfMissed,
  keysOfSlice,
  type Slice,
  type SliceAnswer,
} from "../decision/slice.ts"
import type { SliceEnd, StoreFault, StoreShape, Turn } from "../ports/index.ts"
import { textOfThrown } from "../thrown.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"

/**
 * How often a request that the store rejects alone is tried again, within some seconds, before it is refused for good: what the
 * store lacks may be a right or a table that is back in a moment, and the claim was accepted.
 */
const oddAfter = 5

/** Told what this process has decided. */
export type Heard = (decided: SliceAnswer["decided"]) => void

/**
 * Decides a slice. It goes on trying until the slice is decided, here or elsewhere. `partLimit` is the most requests of one
 * commit: so many rows of a kind are locked for it. Parts of 512 took a tenth less time than parts of 256.
 */
export const sliceDecider = (
  store: Pick<StoreShape, "transact" | "passesTurns">,
  heard: Heard,
  partLimit = 512,
): ((slice: Slice) => Effect.Effect<SliceEnd>) => {
  const decide = (slice: Slice, faults: number, unfit?: string, turn?: Turn): Effect.Effect<SliceEnd> =>
    Effect.flatMap(
      Effect.exit(store.transact(keysOfSlice(slice), (records) => decideSlice(slice, records, { unfit }), turn)),
      (exit) => {
        if (Exit.isSuccess(exit)) return ended(slice, exit.value)
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.interrupt
        const rejected = rejectionOf(exit.cause)
        // A store that does not take the refusal of a request either has a reason of its own: decided anew when it takes any.
        if (rejected === undefined || unfit !== undefined) return again(slice, faults, exit.cause)
        const { requests, end } = slice
        const [middle, right] = halfOf(requests)
        // Halved until the odd one stands alone, which is then refused: it must not hold up those behind it.
        if (right === undefined)
          return faults < oddAfter ? again(slice, faults, exit.cause) : decide(slice, faults, rejected)
        return Effect.andThen(
          decide({ ...slice, requests: requests.slice(0, middle), end: right.offset }, 0),
          decide({ ...slice, requests: requests.slice(middle), end }, 0),
        )
      },
    )
  const ended = (slice: Slice, { next, decided }: SliceAnswer): Effect.Effect<SliceEnd> => {
    if (decided.length > 0) heard(decided)
    const { requests, end } = slice
    if (decided.length === requests.length) return Effect.succeed({ next: end, isLate: false })
    // First what was passed over, so that it keeps its place; then what the position has not come to.
    const rest = requests.filter(({ offset }) => offset >= next)
    const passedOver = missed({ ...slice, requests: requests.filter(({ offset }) => offset < next) }, 0)
    return rest.length === 0
      ? Effect.as(passedOver, { next: end, isLate: true })
      : Effect.andThen(passedOver, decide({ ...slice, requests: rest }, 0))
  }
  /**
   * What is sent behind another part is tried once. If that does not decide it, it is decided when the other one is: what
   * was passed over keeps its order, too.
   */
  const decideBehind = (slice: Slice, before: Before, turn: Turn | undefined): Effect.Effect<SliceEnd> =>
    Effect.flatMap(
      Effect.exit(
        store.transact(
          keysOfSlice(slice),
          (records) => decideSlice(slice, records, { notBefore: before.slice.end }),
          turn,
        ),
      ),
      (exit) => {
        if (Exit.isSuccess(exit) && exit.value.decided.length === slice.requests.length) return ended(slice, exit.value)
        return Effect.andThen(Fiber.await(before.fiber), decide(slice, 0, undefined, turn))
      },
    )
  const decideParts = Effect.fnUntraced(function* ([first, ...others]: Parts): Effect.fn.Return<SliceEnd> {
    const start = Effect.fnUntraced(function* (slice: Slice, before: Before | undefined) {
      const hasPassed = Latch.makeUnsafe(false)
      const turn = store.passesTurns === true ? turnOf(slice, hasPassed) : undefined
      const run = before === undefined ? decide(slice, 0, undefined, turn) : decideBehind(slice, before, turn)
      const fiber = yield* Effect.forkChild(Effect.ensuring(run, hasPassed.open))
      // Two parts are on their way at most.
      if (before !== undefined) ends.push(yield* Fiber.join(before.fiber))
      yield* hasPassed.await
      return { slice, fiber }
    })
    const ends: Array<SliceEnd> = []
    let last = yield* start(first, undefined)
    for (const slice of others) last = yield* start(slice, last)
    const { next, isLate } = yield* Fiber.join(last.fiber)
    return { next, isLate: isLate && ends.every((end) => end.isLate) }
  })
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
  const again = Effect.fnUntraced(function* (slice: Slice, faults: number, cause: Cause.Cause<StoreFault>) {
    // Of a store that is away, and of keys that are busy, others tell.
    if (faults === 0 && !Cause.hasFails(cause)) {
      yield* Effect.logWarning(`A slice of requests failed; trying again. ${textOfThrown(Cause.squash(cause))}`)
    }
    yield* Effect.sleep(yield* backoffMillis(faults + 1, defaultBackoff))
    return yield* decide(slice, faults + 1)
  })
  return (slice) => {
    const parts = partsOf(slice, partLimit)
    return parts.length === 1 ? decide(slice, 0) : decideParts(parts)
  }
}

/** A part that was sent. */
interface Before {
  readonly slice: Slice
  readonly fiber: Fiber.Fiber<SliceEnd>
}

type Parts = readonly [Slice, ...Array<Slice>]

const partsOf = (slice: Slice, partLimit: number): Parts => {
  const { requests, end } = slice
  const [first, ...others] = Array.from({ length: Math.ceil(requests.length / partLimit) }, (_, index): Slice => {
    const from = index * partLimit
    return {
      ...slice,
      requests: requests.slice(from, from + partLimit),
      end: requests[from + partLimit]?.offset ?? end,
    }
  })
  return first === undefined ? [slice] : [first, ...others]
}

/** Beside the lanes of the commands, one for each partition. */
const turnOf = ({ partition }: Slice, hasPassed: Latch.Latch): Turn => ({
  lane: -1 - partition,
  pass: () => {
    hasPassed.openUnsafe()
  },
})

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
