/**
 * Callers who leave at the worst moment. Effect lets others run after 2,048 operations of a fiber, wherever that is: a caller
 * who has done some work of its own may be interrupted between any two operations of a call.
 */
import { Effect, type Exit, Fiber } from "effect"

/** Operations of a caller before its call. With one of them its fiber yields between any two of the call's first ones. */
export const operationsBefore: ReadonlyArray<number> = Array.from({ length: 71 }, (_, index) => 1_990 + index)

/** The call of a caller who has done so many operations before. */
export const behind = <A, E>(operations: number, call: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  let work = call
  for (let done = 0; done < operations; done++) {
    const next = work
    work = Effect.suspend(() => next)
  }
  return work
}

/** Runs the call of a caller behind so many operations, and interrupts it in the same turn. Says how the call ended. */
export const leftBehind = <A, E>(operations: number, call: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.flatMap(Effect.context<never>(), (context) => {
    const fiber = Effect.runForkWith(context)(behind(operations, call))
    fiber.interruptUnsafe()
    return Fiber.await(fiber)
  })

/** How the call of another caller ends within some turns; undefined where it still waits. */
export const soon = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(call, { startImmediately: true })
    for (let turn = 0; turn < 100 && fiber.pollUnsafe() === undefined; turn++) yield* Effect.yieldNow
    const exit = fiber.pollUnsafe()
    yield* Fiber.interrupt(fiber)
    return exit
  })
