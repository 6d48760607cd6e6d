/**
 * The `EventBus` inside one process: `publish` hands every batch to every subscriber's own bounded queue.
 *
 * Nothing is durable here. What a subscriber had not handled when its scope closes is gone, and so is what was published
 * while nobody subscribed; durable names are the business of `Subscriptions`. In between nothing is lost: a queue that
 * is full makes `publish` wait, and a subscriber that keeps failing keeps its events, is tried again for ever, and
 * blocks only itself until its queue is full. From then on `publish` fails with a `BusFault`, before anybody got the
 * batch, so that the relay holds the events back in the outbox instead of dropping them.
 */
import { Effect, Layer } from "effect"
import type { Event } from "../events/Event.ts"
import * as Options from "../options.ts"
import { type BusFault, EventBus } from "../ports/index.ts"
import { textOfCause } from "../thrown.ts"
import type { SubscriptionName } from "../values.ts"
import { aBackoff, type Backoff, backoffMillis, defaultBackoff } from "./backoff.ts"
import { Pulse } from "./Pulse.ts"
import type { HandlerTimedOut } from "./reason.ts"

export interface InProcessBusOptions {
  /** The most events that one subscriber has before it, those in its handler included. 1,024. */
  readonly capacity?: number | undefined
  /** The most events handed to a handler at once. 100. */
  readonly batch?: number | undefined
  /** How often a batch is tried before `publish` stops waiting for its subscriber. 5. */
  readonly attempts?: number | undefined
  /** How long to wait between attempts. 100 ms doubling to at most 10 s. */
  readonly backoff?: Backoff | undefined
  /** How long one attempt may take. 30 s. */
  readonly handlerTimeoutMillis?: number | undefined
}

type Limits = { readonly [Name in keyof InProcessBusOptions]-?: Exclude<InProcessBusOptions[Name], undefined> }

const checks: Options.Checks<InProcessBusOptions> = {
  capacity: Options.wholeNumber(1, 10_000_000),
  batch: Options.wholeNumber(1, 1_000_000),
  attempts: Options.wholeNumber(1, 1_000_000),
  backoff: aBackoff,
  handlerTimeoutMillis: Options.wholeNumber(1, 2_000_000_000),
}

/** A bus in this process. Throws a `HoldfastError` for an option that is unknown or not as it must be. */
export const makeInProcessBus = (options: InProcessBusOptions = {}): Effect.Effect<EventBus["Service"]> => {
  Options.check(options, checks)
  return Effect.sync(() => {
    const limits: Limits = {
      capacity: options.capacity ?? 1_024,
      batch: options.batch ?? 100,
      attempts: options.attempts ?? 5,
      backoff: options.backoff ?? defaultBackoff,
      handlerTimeoutMillis: options.handlerTimeoutMillis ?? 30_000,
    }
    const subscribers = new Map<SubscriptionName, Subscriber>()
    return EventBus.of({
      publish: (events) =>
        Effect.suspend(() => {
          const all = [...subscribers.values()]
          // Asked of all before any gets the batch: while one fails, repeats must not pile up at the others.
          const stuck = all.find((subscriber) => subscriber.isStuckFor(events.length))
          if (stuck !== undefined) return Effect.fail(stuckFault(stuck.name))
          return Effect.forEach(all, (subscriber) => subscriber.offer(events), {
            concurrency: "unbounded",
            discard: true,
          })
        }),
      subscribe: (name, handler) =>
        Effect.acquireRelease(
          // Looked up and taken in one step: of two callers at once one is told that the other has the name.
          Effect.suspend(() => {
            if (subscribers.has(name)) return Effect.fail(fault(`"${name}" is already subscribed.`))
            const subscriber = new Subscriber(name, limits)
            subscribers.set(name, subscriber)
            return Effect.succeed(subscriber)
          }),
          (subscriber) =>
            Effect.sync(() => {
              subscribers.delete(name)
              subscriber.leave()
            }),
        ).pipe(
          Effect.flatMap((subscriber) => Effect.forkScoped(subscriber.serve(handler))),
          Effect.asVoid,
        ),
    })
  })
}

/** A bus in this process, as a layer. */
export const layerInProcess = (options?: InProcessBusOptions): Layer.Layer<EventBus> =>
  Layer.effect(EventBus, makeInProcessBus(options))

const fault = (reason: string): BusFault => ({ _tag: "BusFault", reason })

const stuckFault = (name: SubscriptionName): BusFault =>
  fault(`The subscriber "${name}" keeps failing and its queue is full.`)

class Subscriber {
  readonly name: SubscriptionName
  readonly #limits: Limits
  /** Events stay here until they are handled, so that those in the handler count. */
  #queue: Array<Event> = []
  #failures = 0
  #left = false
  readonly #moved = new Pulse()

  constructor(name: SubscriptionName, limits: Limits) {
    this.name = name
    this.#limits = limits
  }

  /** True where so many more events would have to wait for a handler that keeps failing. */
  isStuckFor(count: number): boolean {
    return this.#failures >= this.#limits.attempts && this.#queue.length + count > this.#limits.capacity
  }

  /** Queues the events, waiting for room. A batch larger than the whole queue goes in by parts. */
  offer(events: ReadonlyArray<Event>): Effect.Effect<void, BusFault> {
    const from = (start: number): Effect.Effect<void, BusFault> =>
      Effect.suspend(() => {
        const moved = this.#moved.next
        const end = Math.min(events.length, start + this.#limits.capacity - this.#queue.length)
        if (this.#left || start === events.length) return Effect.void
        if (end > start) {
          this.#queue.push(...events.slice(start, end))
          this.#moved.beat()
          return from(end)
        }
        return this.isStuckFor(1) ? Effect.fail(stuckFault(this.name)) : Effect.andThen(moved, from(start))
      })
    return from(0)
  }

  leave(): void {
    this.#left = true
    this.#queue = []
    this.#moved.beat()
  }

  /** Hands batches to the handler for ever, each one until it succeeds. */
  serve<R>(handler: (events: ReadonlyArray<Event>) => Effect.Effect<void, unknown, R>): Effect.Effect<never, never, R> {
    const step = Effect.suspend((): Effect.Effect<void, never, R> => {
      const moved = this.#moved.next
      const batch = this.#queue.slice(0, this.#limits.batch)
      return batch.length === 0 ? moved : this.#handle(handler, batch)
    })
    return Effect.forever(step)
  }

  #handle<R>(
    handler: (events: ReadonlyArray<Event>) => Effect.Effect<void, unknown, R>,
    batch: ReadonlyArray<Event>,
  ): Effect.Effect<void, never, R> {
    const afterMillis = this.#limits.handlerTimeoutMillis
    return Effect.suspend(() => handler(batch)).pipe(
      Effect.timeoutOrElse({
        duration: afterMillis,
        orElse: () => Effect.fail<HandlerTimedOut>({ _tag: "HandlerTimedOut", afterMillis }),
      }),
      Effect.matchCauseEffect({
        onSuccess: () =>
          Effect.sync(() => {
            this.#failures = 0
            this.#queue.splice(0, batch.length)
            this.#moved.beat()
          }),
        onFailure: (cause) =>
          Effect.gen({ self: this }, function* () {
            this.#failures += 1
            // Publishers that wait for room find out that none is coming.
            if (this.#failures === this.#limits.attempts) {
              this.#moved.beat()
              yield* Effect.logWarning(`The bus subscriber "${this.name}" keeps failing. ${textOfCause(cause)}`)
            }
            yield* Effect.sleep(yield* backoffMillis(this.#failures, this.#limits.backoff))
          }),
      }),
    )
  }
}
