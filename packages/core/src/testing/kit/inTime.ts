/**
 * Bounds of what a kit waits for: an adapter that hangs is told as one, and the run goes on without it.
 */
import { type Context, Effect } from "effect"
import { textOfCause } from "../../thrown.ts"

/** How much longer than it says a call may take on a machine that is busy with other things. */
const patienceMillis = 2_000
/** How long an adapter may take to open, in milliseconds. */
const openMillis = 30_000

/** A call that ends: one that takes far longer than `allowedMillis` fails with what `late` makes of that. */
export const endedInTime = <A, E>(
  call: Effect.Effect<A, E>,
  allowedMillis: number,
  late: (message: string) => E,
): Effect.Effect<A, E> =>
  Effect.timeoutOrElse(call, {
    duration: allowedMillis + patienceMillis,
    orElse: () =>
      Effect.suspend(() =>
        Effect.fail(late(`A call took far longer than the ${allowedMillis} ms that it is allowed.`)),
      ),
  })

/** What was built, or why it was not. */
export const builtInTime = <A, E, R>(
  build: Effect.Effect<Context.Context<A>, E, R>,
): Effect.Effect<Context.Context<A> | string, never, R> =>
  Effect.timeoutOrElse(
    Effect.catchCause(build, (cause) => Effect.succeed(`It could not be built. ${textOfCause(cause)}`)),
    { duration: openMillis, orElse: () => Effect.succeed(`It had not opened after ${openMillis} ms.`) },
  )
