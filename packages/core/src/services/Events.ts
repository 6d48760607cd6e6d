/**
 * Events: durable subscriptions to what was committed.
 *
 * A subscription is a name. From the moment it exists, every event reaches its handler at least once, in order per key;
 * deduplicate by `event.id` where once matters.
 */
import { Context, Effect, Schema } from "effect"
import type { EventPayload } from "../decision/payloads.ts"
import type { Delivery } from "../delivery/perKey.ts"
import {
  type SubscribeOptions,
  type Subscription,
  type Subscriptions,
  subscribeChecks,
} from "../delivery/Subscriptions.ts"
import { decoderOf, isInvalid } from "../engine/admission.ts"
import type { EventData, Event as EventRecord, EventType, EventValue } from "../events/Event.ts"
import * as Options from "../options.ts"
import type { Depth, Position, StoreFault } from "../ports/index.ts"
import type { AlreadySubscribed, InvalidInput, StoreNo } from "../refusals.ts"
import { SubscriptionName } from "../values.ts"
import { orUnavailable, orUnknown } from "./method.ts"
import { type Page, pageFields, pageOf, storePage } from "./pages.ts"

/** What every event says beside its `data`. */
interface Envelope extends Omit<EventRecord, "occurredAt" | "type" | "data"> {
  /** When the call was admitted. Times never order anything; delivery order per key does. */
  readonly occurredAt: Date
}

/**
 * Something that happened: exactly one for every accepted call. A `switch` over `type` narrows `data`; types of a later
 * version are met by its default.
 */
export type Event<Type extends EventType = EventType> = {
  readonly [Each in Type]: Envelope & {
    /** What happened, for example `orders.placed`. */
    readonly type: Each
    /** What is to know about it. */
    readonly data: EventPayload<Each>
  }
}[Type]

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

type Failing<E> = E | InvalidInput | StoreNo

export interface EventsShape {
  /**
   * Handles the events of a durable name, from its registration on. A failing event is tried again (5 attempts, 100 ms
   * doubling to 10 s), then parked; it never holds up other keys.
   */
  readonly subscribe: (
    name: string,
    handler: (event: Event, delivery: Delivery) => Effect.Effect<void, unknown>,
    options?: SubscribeOptions,
  ) => Effect.Effect<Subscription, Failing<AlreadySubscribed>>
  /** Forgets a name and everything that waits for it. */
  readonly unregister: (name: string) => Effect.Effect<void, Failing<never>>
  /** The events that were set aside, oldest first. */
  readonly parked: (input: typeof ListParked.Encoded) => Effect.Effect<Page<ParkedEvent>, Failing<never>>
  /**
   * Makes a parked event wait again. It comes after what its key was handled for meanwhile. Answers false where no event of
   * that name is parked at that position: it was let go before, and an event that is parked again has a new position.
   */
  readonly redeliver: (input: typeof NameParked.Encoded) => Effect.Effect<boolean, Failing<never>>
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
    subscribe: (name, handler, options = {}) =>
      named((decoded): Effect.Effect<Subscription, Failing<AlreadySubscribed>> => {
        const issues = Options.issuesOf(options, subscribeChecks)
        if (issues.length > 0) return Effect.fail<InvalidInput>({ _tag: "InvalidInput", issues })
        return Effect.catch(
          subscriptions.subscribe(decoded, (event, delivery) => handler(eventOf(event), delivery), options),
          (failure): Effect.Effect<never, AlreadySubscribed | StoreNo> =>
            failure._tag === "AlreadySubscribed" ? Effect.fail(failure) : orUnknown(failed(failure)),
        )
      })(name),
    unregister: named((name) => orUnknown(subscriptions.unregister(name))),
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
      return position !== undefined && (yield* orUnknown(subscriptions.redeliver(decoded.name, position)))
    }),
  }
}

const decodeName = decoderOf(SubscriptionName)
const decodeParked = decoderOf(ListParked)
const decodeNameParked = decoderOf(NameParked)

const failed = (fault: StoreFault): Effect.Effect<never, StoreFault> => Effect.fail(fault)

/** The event as handlers see it: theirs, and the same JSON whatever store kept it. */
export const eventOf = ({ type, data, occurredAt, aggregate, ...envelope }: EventRecord): Event => {
  const shown = { ...envelope, type, occurredAt: new Date(occurredAt), aggregate: { ...aggregate } }
  // biome-ignore lint/plugin/casts: a store gives back the payload that the rules wrote for this type
  return { ...shown, data: copyOf(data) } as Event
}

/** As JSON would have it, for a fifth of what writing and parsing JSON costs. */
const copyOf = (data: EventData): EventData => {
  const copy: { [field: string]: EventValue } = {}
  for (const [field, value] of Object.entries(data)) if (value !== undefined) copy[field] = copyOfValue(value)
  return copy
}

const copyOfValue = (value: EventValue): EventValue => {
  if (typeof value !== "object" || value === null) return value
  return isList(value) ? value.map(copyOfValue) : copyOf(value)
}

const isList = (value: object): value is ReadonlyArray<EventValue> => Array.isArray(value)

const decodePosition = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.NonEmptyArray(Schema.Union([Schema.String, Schema.Number]))),
)

function positionOf(text: string): Position | undefined {
  const decoded = decodePosition(text)
  return decoded._tag === "Some" ? decoded.value : undefined
}
