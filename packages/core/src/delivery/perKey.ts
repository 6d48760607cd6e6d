/**
 * Handles events one by one: those of one key in order, different keys at the same time.
 *
 * A key has a fiber while it has events, so that a slow, failing or waiting one holds up nothing but its own key. Only a
 * running handler takes one of the bounded places; one that waits for its next attempt does not.
 */
import { Cause, Deferred, Effect, Exit, FiberSet, Semaphore } from "effect"
import type { Event } from "../events/Event.ts"
import type { Claimed } from "../ports/Outbox.ts"
import type { SubscriptionName } from "../values.ts"
import { type Backoff, backoffMillis, defaultBackoff } from "./backoff.ts"
import type { Hand, Work } from "./Hand.ts"
import { type HandlerTimedOut, reasonOf } from "./reason.ts"

/**
 * Handles one event. Anything but success is a failure: an error, a defect, an interruption of its own, and taking too
 * long. It must be interruptible: one that hangs uninterruptibly holds its key and its place until it ends.
 */
export type Handler = (event: Event) => Effect.Effect<void, unknown>

/** Is told of an event that was parked, with what its handler failed with last. Its own failures are only logged. */
export type OnError = (error: unknown, event: Event, name: SubscriptionName) => Effect.Effect<void>

export interface HandlerOptions {
  /** The most handlers that run at once. 16. */
  readonly concurrency?: number | undefined
  /** How often an event is tried before it is parked. 5. */
  readonly attempts?: number | undefined
  /** How long to wait between attempts. 100 ms doubling to at most 10 s, each with chance between half and all of it. */
  readonly backoff?: Backoff | undefined
  /** How long one attempt may take. 30 s. */
  readonly handlerTimeoutMillis?: number | undefined
  /** By default a warning in the log. */
  readonly onError?: OnError | undefined
}

/** The work that runs `handler` for the events of a name. */
export const perKey =
  (name: SubscriptionName, handler: Handler, options: HandlerOptions): Work =>
  (hand, fibers) =>
    Effect.sync(() => {
      const queues = new Map<string, Array<Claimed>>()
      // Keys that wait for another attempt, or for the store to park their event.
      let resting = 0
      const rest = <A>(pause: Effect.Effect<A>): Effect.Effect<A> =>
        Effect.suspend(() => {
          resting += 1
          hand.resting()
          return Effect.ensuring(
            pause,
            Effect.sync(() => {
              resting -= 1
            }),
          )
        })
      const handle = handleOne(name, handler, options, hand, rest)
      const serveKey = Effect.fnUntraced(function* (key: string, queue: Array<Claimed>) {
        for (let first = queue[0]; first !== undefined; first = queue[0]) {
          yield* handle(first)
          queue.shift()
        }
        queues.delete(key)
      })
      const accept = Effect.fnUntraced(function* (claimed: ReadonlyArray<Claimed>) {
        for (const one of claimed) {
          const { key } = one.event
          const queue = queues.get(key)
          if (queue !== undefined) queue.push(one)
          else {
            const begun = [one]
            queues.set(key, begun)
            // Not at once: a handler that runs long without yielding would hold up the rest of the batch.
            yield* FiberSet.run(fibers, serveKey(key, begun), { startImmediately: false })
          }
        }
      })
      return { accept, ready: () => queues.size - resting }
    })

/** One event, from its first attempt until it was handled or parked. */
const handleOne = (
  name: SubscriptionName,
  handler: Handler,
  options: HandlerOptions,
  hand: Hand,
  rest: <A>(pause: Effect.Effect<A>) => Effect.Effect<A>,
): ((claimed: Claimed) => Effect.Effect<void>) => {
  const attempts = Math.max(1, options.attempts ?? 5)
  const backoff = options.backoff ?? defaultBackoff
  const afterMillis = options.handlerTimeoutMillis ?? 30_000
  const onError = options.onError ?? logParked
  const places = Semaphore.makeUnsafe(Math.max(1, options.concurrency ?? 16))

  const attemptOnce = (claimed: Claimed): Effect.Effect<Exit.Exit<void, unknown>> => {
    const run = Effect.suspend(() => handler(claimed.event)).pipe(
      Effect.timeoutOrElse({
        duration: afterMillis,
        orElse: () => Effect.fail<HandlerTimedOut>({ _tag: "HandlerTimedOut", afterMillis }),
      }),
      Effect.asVoid,
    )
    // Success and its report are one step, so that an interruption cannot fall between them.
    return Effect.uninterruptibleMask((restore) =>
      Effect.tap(Effect.exit(restore(places.withPermit(run))), (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) hand.succeeded([claimed])
        }),
      ),
    )
  }

  const setAside = (claimed: Claimed, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
    // Later events of the key wait until the store has parked this one, so that a crash cannot turn their order round.
    const parked = Effect.suspend(() => Deferred.await(hand.failed(claimed, reasonOf(cause))))
    const told = Effect.suspend(() => onError(Cause.squash(cause), claimed.event, name)).pipe(
      Effect.timeoutOption(afterMillis),
      Effect.catchCause((failure) => Effect.logWarning("onError failed.", failure)),
    )
    return Effect.asVoid(Effect.andThen(rest(parked), told))
  }

  return Effect.fnUntraced(function* (claimed: Claimed): Effect.fn.Return<void> {
    for (let attempt = 1; ; attempt++) {
      const exit = yield* attemptOnce(claimed)
      if (Exit.isSuccess(exit)) return
      if (attempt >= attempts) return yield* setAside(claimed, exit.cause)
      yield* rest(Effect.flatMap(backoffMillis(attempt, backoff), Effect.sleep))
    }
  })
}

const logParked: OnError = (error, event, name) =>
  Effect.logWarning(`Parked ${event.type} ${event.id} of "${name}".`, error)
