/**
 * The outbox relay: takes committed events from a durable name and publishes them to an event bus.
 *
 * At least once and in order: a batch is acknowledged when the bus has taken it, and published again until it has. An
 * event that the bus never takes holds up those behind it, because leaving it out would break the order for every
 * consumer; nothing is parked. The warning in the log says so.
 */
import { Effect, FiberSet } from "effect"
import type { EventBus } from "../ports/EventBus.ts"
import type { Claimed } from "../ports/Outbox.ts"
import { SubscriptionName } from "../values.ts"
import { type Backoff, backoffMillis, defaultBackoff } from "./backoff.ts"
import type { Work } from "./Hand.ts"

/** The durable name that the relay is served under. */
export const relayName: SubscriptionName = SubscriptionName.make("event-bus")

export interface RelayOptions {
  /** The durable name. {@link relayName}. */
  readonly name?: SubscriptionName | undefined
  /** The most events published at once. 100. */
  readonly batch?: number | undefined
  /** How long to wait before publishing again. 100 ms doubling to at most 10 s. */
  readonly backoff?: Backoff | undefined
}

/** The work that publishes events in batches, one after the other. */
export const inBatches =
  (bus: EventBus["Service"], options: RelayOptions = {}): Work =>
  (hand, fibers) =>
    Effect.sync(() => {
      const most = Math.max(1, options.batch ?? 100)
      const backoff = options.backoff ?? defaultBackoff
      const queue: Array<Claimed> = []
      let publishing = false
      const publishAll = Effect.fnUntraced(function* () {
        while (queue.length > 0) {
          const batch = queue.slice(0, most)
          yield* publish(bus, batch, backoff)
          queue.splice(0, batch.length)
          hand.succeeded(batch)
        }
        publishing = false
      })
      const accept = Effect.fnUntraced(function* (claimed: ReadonlyArray<Claimed>) {
        queue.push(...claimed)
        if (publishing || queue.length === 0) return
        publishing = true
        yield* FiberSet.run(fibers, publishAll(), { startImmediately: false })
      })
      return { accept, ready: () => queue.length }
    })

const publish = Effect.fnUntraced(function* (
  bus: EventBus["Service"],
  batch: ReadonlyArray<Claimed>,
  backoff: Backoff,
) {
  const events = batch.map((one) => one.event)
  for (let attempt = 1; ; attempt++) {
    const published = yield* Effect.exit(bus.publish(events))
    if (published._tag === "Success") return
    if (attempt === 1)
      yield* Effect.logWarning("The event bus did not take a batch; publishing again.", published.cause)
    yield* Effect.sleep(yield* backoffMillis(attempt, backoff))
  }
})
