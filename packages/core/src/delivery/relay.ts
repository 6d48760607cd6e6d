/**
 * The outbox relay: takes committed events from a durable name and publishes them to an event bus.
 *
 * At least once and in order: a batch is acknowledged when the bus has taken it, and published again until it has. An
 * event that the bus never takes holds up those behind it, because leaving it out would break the order for every
 * consumer; nothing is parked. The warning in the log says so.
 */
import { Effect, FiberSet } from "effect"
import { elapsedMillis } from "../elapsed.ts"
import type { Claimed, EventBus } from "../ports/index.ts"
import { textOfCause } from "../thrown.ts"
import { SubscriptionName } from "../values.ts"
import { type Backoff, backoffMillis, defaultBackoff } from "./backoff.ts"
import type { Work } from "./InFlight.ts"

/** The durable name that the relay is served under. */
export const relayName: SubscriptionName = SubscriptionName.make("event-bus")

export interface RelayOptions {
  /** The durable name. {@link relayName}. */
  readonly name?: SubscriptionName | undefined
  /** The most events published at once. 500. */
  readonly batch?: number | undefined
  /** How long to wait before publishing again. 100 ms doubling to at most 10 s. */
  readonly backoff?: Backoff | undefined
  /** Where the relay notes how it gets on. */
  readonly progress?: RelayProgress | undefined
}

/** How a relay gets on in this process. */
export interface RelayProgress {
  /** Events that the bus took. */
  published: number
  /** Batches that it did not take, each attempt counted. */
  failures: number
  /** When the first event that the bus has not taken yet occurred, milliseconds since 1970; undefined where none is in hand. */
  oldestAt: number | undefined
  /** Whether the bus took what it was last given. Undefined before the first answer. */
  reachable: boolean | undefined
}

export const noProgress = (): RelayProgress => ({
  published: 0,
  failures: 0,
  oldestAt: undefined,
  reachable: undefined,
})

/** The work that publishes events in batches, one after the other. */
export const inBatches =
  (bus: Pick<EventBus["Service"], "publish">, options: RelayOptions = {}): Work =>
  (inFlight, fibers) =>
    Effect.sync(() => {
      const most = Math.max(1, options.batch ?? 500)
      const backoff = options.backoff ?? defaultBackoff
      const progress = options.progress ?? noProgress()
      const queue: Array<Claimed> = []
      let publishing = false
      const publishAll = Effect.fnUntraced(function* () {
        // A process that was frozen finds its lease over: nothing more is published under it.
        while (queue.length > 0 && (yield* elapsedMillis) < inFlight.holdsUntil) {
          // Out of the queue before it is published: the next batch is claimed meanwhile.
          const batch = queue.splice(0, most)
          inFlight.resting()
          progress.oldestAt = batch[0]?.event.occurredAt
          // Whoever has the lease next knows how the bus is, and what is the oldest event.
          yield* Effect.onInterrupt(publish(bus, batch, backoff, progress), () => Effect.sync(() => forget(progress)))
          progress.oldestAt = undefined
          inFlight.succeeded(batch)
        }
        publishing = false
      })
      const goOn = Effect.suspend(() => {
        if (publishing || queue.length === 0) return Effect.void
        publishing = true
        return Effect.asVoid(FiberSet.run(fibers, publishAll(), { startImmediately: false }))
      })
      const accept = (claimed: ReadonlyArray<Claimed>) =>
        Effect.suspend(() => {
          queue.push(...claimed)
          return goOn
        })
      return { accept, goOn, ready: () => queue.length }
    })

const forget = (progress: RelayProgress): void => {
  progress.oldestAt = undefined
  progress.reachable = undefined
}

const publish = Effect.fnUntraced(function* (
  bus: Pick<EventBus["Service"], "publish">,
  batch: ReadonlyArray<Claimed>,
  backoff: Backoff,
  progress: RelayProgress,
) {
  const events = batch.map((one) => one.event)
  for (let attempt = 1; ; attempt++) {
    const published = yield* Effect.exit(bus.publish(events))
    progress.reachable = published._tag === "Success"
    if (published._tag === "Success") {
      progress.published += events.length
      return
    }
    progress.failures += 1
    if (attempt === 1)
      yield* Effect.logWarning(`The event bus did not take a batch; publishing again. ${textOfCause(published.cause)}`)
    yield* Effect.sleep(yield* backoffMillis(attempt, backoff))
  }
})
