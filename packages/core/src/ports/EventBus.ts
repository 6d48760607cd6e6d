/**
 * The `EventBus` port: where committed events go when they leave the shop's own process.
 *
 * The relay takes events from the outbox and publishes them; what it published it acknowledges. Durable subscriptions
 * need no bus: they are served from the outbox directly.
 */
import { Context, type Effect, type Scope } from "effect"
import type { Event } from "../events/Event.ts"
import type { SubscriptionName } from "../values.ts"

/** The bus did not take the events. Publishing them again is safe. */
export interface BusFault {
  readonly _tag: "BusFault"
  readonly reason: string
  readonly cause?: unknown
}

/**
 * A bus of events.
 *
 * **Atomicity.** `publish` succeeds when all of the events are taken. After a fault some may have been.
 *
 * **Isolation.** A subscriber never slows another one's delivery beyond the batch in hand.
 *
 * **Idempotency.** Events may be delivered more than once; `event.id` tells a repeat.
 *
 * **Order.** Events of one key are delivered in the order in which they were published.
 *
 * **Failure.** A batch counts as delivered when its handler has succeeded; after a failure it is delivered again.
 */
export class EventBus extends Context.Service<
  EventBus,
  {
    readonly publish: (events: ReadonlyArray<Event>) => Effect.Effect<void, BusFault>
    /** Handles batches under a name until the scope closes. */
    readonly subscribe: <R>(
      name: SubscriptionName,
      handler: (events: ReadonlyArray<Event>) => Effect.Effect<void, unknown, R>,
    ) => Effect.Effect<void, BusFault, R | Scope.Scope>
  }
>()("@holdfast/core/EventBus") {}
