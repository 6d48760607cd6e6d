/**
 * The least of a failing sequence that still fails: batches and commands are left out for as long as it does.
 */
import { type Cause, Effect, Exit } from "effect"

/** A sequence that fails, and how. */
export interface Failing<A, E> {
  readonly batches: ReadonlyArray<ReadonlyArray<A>>
  readonly cause: Cause.Cause<E>
}

/** The most sequences that are played to make one smaller. */
const mostTries = 300

export const smallest = Effect.fnUntraced(function* <A, E>(
  found: Failing<A, E>,
  check: (batches: Failing<A, E>["batches"]) => Effect.Effect<unknown, E>,
): Effect.fn.Return<Failing<A, E>> {
  let failing = found
  let tries = 0
  for (let progress = true; progress; ) {
    progress = false
    for (const batches of smallerThan(failing.batches)) {
      if (tries++ >= mostTries) break
      const exit = yield* Effect.exit(check(batches))
      if (Exit.isSuccess(exit)) continue
      failing = { batches, cause: exit.cause }
      progress = true
      break
    }
  }
  return failing
})

/** The same with a part left out: halves first, single commands last. */
function* smallerThan<A>(batches: ReadonlyArray<ReadonlyArray<A>>): Generator<ReadonlyArray<ReadonlyArray<A>>> {
  for (let length = Math.ceil(batches.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let from = batches.length - length; from >= 0; from -= length) yield batches.toSpliced(from, length)
  }
  for (const [index, batch] of batches.entries()) {
    if (batch.length === 1) continue
    for (let at = 0; at < batch.length; at++) yield batches.with(index, batch.toSpliced(at, 1))
  }
}
