/**
 * Attempts: handlers that run, each for a limited time.
 *
 * Most handlers are done by the time that they are looked at, so an attempt costs a fiber and no timer. One more fiber
 * looks after the time of all that take longer. (Measured: 0.6 µs for a handler that is done at once and 3 µs for an
 * empty promise, where a race of each against a timer of its own took 3 and 10.)
 */
import { Clock, Effect, Exit, type Fiber, FiberSet } from "effect"
import { elapsedMillisOf } from "../elapsed.ts"
import type { HandlerTimedOut } from "./reason.ts"

type Handled = Exit.Exit<void, unknown>

/** An attempt that was not done at once. */
interface Running {
  readonly fiber: Fiber.Fiber<void>
  readonly endsAt: number
  isTimedOut: boolean
}

export interface Attempts {
  /**
   * Runs a handler and says how it ended, maybe before this returns; never where the lease ends first. Anything but
   * success is a failure: an error, a defect, an interruption of its own, and taking too long.
   */
  readonly begin: (handler: Effect.Effect<void, unknown>, end: (exit: Handled) => void) => void
  /** Says that nothing runs: then no timer is kept. */
  readonly rest: () => void
}

/** Attempts whose fibers end with the lease. */
export const makeAttempts = Effect.fnUntraced(function* (
  fibers: FiberSet.FiberSet<void, never>,
  timeoutMillis: number,
): Effect.fn.Return<Attempts> {
  const clock = yield* Clock.Clock
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  // All have the same time, so the first one begun is the first one over.
  const running = new Set<Running>()
  let watcher: Fiber.Fiber<void> | undefined

  const watch = Effect.gen(function* () {
    for (let [first] = running; first !== undefined; [first] = running) {
      const left = first.endsAt - elapsedMillisOf(clock)
      if (left > 0) yield* Effect.sleep(Math.ceil(left))
      else {
        running.delete(first)
        first.isTimedOut = true
        first.fiber.interruptUnsafe()
      }
    }
    watcher = undefined
  })

  return {
    begin: (handler, end) => {
      let handled: Handled | undefined
      const fiber = fork(
        Effect.matchCause(handler, {
          onSuccess: () => {
            handled = Exit.void
          },
          onFailure: (cause) => {
            handled = Exit.failCause(cause)
          },
        }),
      )
      const atOnce = fiber.pollUnsafe()
      if (atOnce !== undefined) return end(handled ?? atOnce)
      const attempt: Running = { fiber, endsAt: elapsedMillisOf(clock) + timeoutMillis, isTimedOut: false }
      running.add(attempt)
      FiberSet.addUnsafe(fibers, fiber)
      fiber.addObserver((exit) => {
        running.delete(attempt)
        if (fibers.state._tag === "Closed") return
        // What timed out counts as handled where it came to that after all.
        const ended = handled ?? exit
        end(Exit.isFailure(ended) && attempt.isTimedOut ? timedOut(timeoutMillis) : ended)
      })
      if (watcher === undefined) {
        watcher = fork(watch)
        FiberSet.addUnsafe(fibers, watcher)
      }
    },
    rest: () => {
      watcher?.interruptUnsafe()
      watcher = undefined
    },
  }
})

const timedOut = (afterMillis: number): Handled => Exit.fail<HandlerTimedOut>({ _tag: "HandlerTimedOut", afterMillis })
