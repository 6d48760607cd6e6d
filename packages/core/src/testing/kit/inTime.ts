/**
 * Bounds of what a kit waits for: an adapter that hangs is told as one, and the run goes on without it. What does not heed its
 * interruption, such as a commit that must not be cut off, is left behind.
 */
import { type Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { textOfCause } from "../../thrown.ts"

/** How much longer than it says a call may take on a machine that is busy with other things. */
const patienceMillis = 2_000
/** How long an adapter may take to open, and to close, in milliseconds. */
const openMillis = 30_000

/** A call that ends: one that takes far longer than `allowedMillis` fails with what `late` makes of that. */
export const endedInTime = <A, E>(
  call: Effect.Effect<A, E>,
  allowedMillis: number,
  late: (message: string) => E,
): Effect.Effect<A, E> =>
  Effect.flatMap(within(call, allowedMillis + patienceMillis), (exit) =>
    exit === undefined
      ? Effect.fail(late(`A call took far longer than the ${allowedMillis} ms that it is allowed.`))
      : exit,
  )

/**
 * Builds an adapter, uses it and closes it again. `trouble` is told where it could not be built, had not opened or had not
 * closed in time.
 */
export const builtInTime = Effect.fnUntraced(function* <A, E>(
  layer: Layer.Layer<A, E>,
  use: (built: Context.Context<A>) => Effect.Effect<void>,
  trouble: (message: string) => void,
): Effect.fn.Return<void> {
  const scope = yield* Scope.make()
  const used = Effect.flatMap(within(Layer.buildWithScope(layer, scope), openMillis), (exit) => {
    if (exit !== undefined && Exit.isSuccess(exit)) return use(exit.value)
    const why =
      exit === undefined ? `had not opened after ${openMillis} ms.` : `could not be built. ${textOfCause(exit.cause)}`
    return Effect.sync(() => trouble(`It ${why}`))
  })
  const closed = Effect.map(within(Scope.close(scope, Exit.void), openMillis), (exit) => {
    if (exit === undefined) trouble(`It had not closed after ${openMillis} ms.`)
  })
  yield* Effect.ensuring(used, closed)
})

/** Waits so long for something to end, and no longer. Undefined where it had not ended. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>, millis: number) =>
  abandoning(effect, (fiber) => Effect.timeoutOption(Fiber.await(fiber), millis))

/** Waits for something as long as `wait` does: what does not heed its interruption then is left behind. */
export const abandoning = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  wait: (fiber: Fiber.Fiber<A, E>) => Effect.Effect<Option.Option<Exit.Exit<A, E>>>,
): Effect.Effect<Exit.Exit<A, E> | undefined, never, R> =>
  Effect.flatMap(Effect.forkDetach(effect), (fiber) => {
    const giveUp = Effect.sync(() => fiber.interruptUnsafe())
    return wait(fiber).pipe(
      Effect.onInterrupt(() => giveUp),
      Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.succeed(ended.value) : Effect.as(giveUp, undefined))),
    )
  })
