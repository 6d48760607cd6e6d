/**
 * Events: durable subscriptions to what was committed.
 *
 * A subscription is a name. From the moment it exists, every event reaches its handler at least once, in order per key;
 * deduplicate by `event.id` where once matters.
 */
import { Context, Effect, Schema } from "effect"
import type { SubscribeOptions, Subscription, Subscriptions } from "../delivery/Subscriptions.ts"
import { decoderOf, isInvalid } from "../engine/admission.ts"
import type { Event as EventRecord } from "../events/Event.ts"
import type { Depth, Position } from "../ports/Outbox.ts"
import type { StoreFault } from "../ports/Store.ts"
import type { AlreadySubscribed, InvalidInput, StoreUnavailable } from "../refusals.ts"
import { SubscriptionName } from "../values.ts"
import { orUnavailable } from "./method.ts"
import { type Page, pageFields, pageOf, storePage } from "./pages.ts"

/** Something that happened: exactly one for every accepted call. */
export interface Event extends Omit<EventRecord, "occurredAt"> {
  readonly occurredAt: Date
}

/** An event that its handler could not handle. */
export interface ParkedEvent {
  readonly event: Event
  /** What its handler failed with last. */
  readonly reason: string
  readonly parkedAt: Date
  /** Names it for `redeliver`. */
  readonly position: string
}

const PositionText = Schema.String.check(
  Schema.makeFilter((text: string) =>
    positionOf(text) === undefined ? "must be a position that a page gave" : undefined,
  ),
)
const ListParked = Schema.Struct({
  name: SubscriptionName,
  cursor: Schema.optional(PositionText),
  ...pageFields,
})
const NameParked = Schema.Struct({ name: SubscriptionName, position: PositionText })

type Failing<E> = E | InvalidInput | StoreUnavailable

export interface EventsShape {
  /**
   * Handles the events of a durable name, from its registration on. A failing event is tried again (5 attempts, 100 ms
   * doubling to 10 s), then parked; it never holds up other keys.
   */
  readonly subscribe: (
    name: string,
    handler: (event: Event) => Effect.Effect<void, unknown>,
    options?: SubscribeOptions,
  ) => Effect.Effect<Subscription, Failing<AlreadySubscribed>>
  /** Forgets a name and everything that waits for it. */
  readonly unregister: (name: string) => Effect.Effect<void, Failing<never>>
  /** The events that were set aside, oldest first. */
  readonly parked: (input: typeof ListParked.Encoded) => Effect.Effect<Page<ParkedEvent>, Failing<never>>
  /** Makes a parked event wait again. It comes after what its key was handled for meanwhile. */
  readonly redeliver: (input: typeof NameParked.Encoded) => Effect.Effect<void, Failing<never>>
  /** How much waits for a name. */
  readonly depth: (name: string) => Effect.Effect<Depth, Failing<never>>
  /** Completes when nothing waits for a name: everything was handled or parked. */
  readonly settled: (name: string) => Effect.Effect<void, Failing<never>>
}

export class Events extends Context.Service<Events, EventsShape>()("@holdfast/core/Events") {}

export function makeEvents(subscriptions: Subscriptions): EventsShape {
  const named =
    <A, E>(use: (name: SubscriptionName) => Effect.Effect<A, E>) =>
    (name: string): Effect.Effect<A, E | InvalidInput> => {
      const decoded = decodeName(name)
      return isInvalid(decoded) ? Effect.fail(decoded) : use(decoded)
    }
  return {
    subscribe: (name, handler, options) =>
      named((decoded) =>
        Effect.catch(
          subscriptions.subscribe(decoded, (event) => handler(eventOf(event)), options),
          (failure): Effect.Effect<never, AlreadySubscribed | StoreUnavailable> =>
            failure._tag === "AlreadySubscribed" ? Effect.fail(failure) : orUnavailable(failed(failure)),
        ),
      )(name),
    unregister: named((name) => orUnavailable(subscriptions.unregister(name))),
    depth: named((name) => orUnavailable(subscriptions.depth(name))),
    settled: named((name) => orUnavailable(subscriptions.settled(name))),
    parked: Effect.fnUntraced(function* (input) {
      const decoded = decodeParked(input)
      if (isInvalid(decoded)) return yield* Effect.fail(decoded)
      const { name, cursor, limit } = decoded
      const page = storePage({ limit }, cursor === undefined ? undefined : positionOf(cursor), "oldest-first")
      const parked = yield* orUnavailable(subscriptions.parked(name, { after: page.after, limit: page.limit }))
      return pageOf(
        parked,
        page,
        ({ position }) => JSON.stringify(position),
        ({ event, reason, parkedAt, position }) => ({
          event: eventOf(event),
          reason,
          parkedAt: new Date(parkedAt),
          position: JSON.stringify(position),
        }),
      )
    }),
    redeliver: Effect.fnUntraced(function* (input) {
      const decoded = decodeNameParked(input)
      if (isInvalid(decoded)) return yield* Effect.fail(decoded)
      const position = positionOf(decoded.position)
      if (position !== undefined) yield* orUnavailable(subscriptions.redeliver(decoded.name, position))
    }),
  }
}

const decodeName = decoderOf(SubscriptionName)
const decodeParked = decoderOf(ListParked)
const decodeNameParked = decoderOf(NameParked)

const failed = (fault: StoreFault): Effect.Effect<never, StoreFault> => Effect.fail(fault)

/** The event as handlers see it: theirs, and the same JSON whatever store kept it. */
export const eventOf = (event: EventRecord): Event => ({
  ...event,
  occurredAt: new Date(event.occurredAt),
  aggregate: { ...event.aggregate },
  data: JSON.parse(JSON.stringify(event.data)),
})

const decodePosition = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.NonEmptyArray(Schema.Union([Schema.String, Schema.Number]))),
)

function positionOf(text: string): Position | undefined {
  const decoded = decodePosition(text)
  return decoded._tag === "Some" ? decoded.value : undefined
}
