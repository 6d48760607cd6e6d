/**
 * Subscriptions for hosts whose handlers are plain or async functions.
 */
import { Context, Effect } from "effect"
import type { Delivery } from "../delivery/perKey.ts"
import { type SubscribeOptions, subscribeChecks } from "../delivery/Subscriptions.ts"
import * as Options from "../options.ts"
import type { InvalidInput } from "../refusals.ts"
import { type Event, Events, type EventsShape } from "../services/Events.ts"
import { type Promised, promised } from "./derive.ts"
import type { Starter } from "./Starter.ts"

export interface PromisedSubscription {
  readonly name: string
  /** Stops serving. The name and what waits for it stay. */
  readonly close: () => Promise<void>
}

export interface PromisedEvents extends Promised<Omit<EventsShape, "subscribe">> {
  /**
   * Handles the events of a durable name, from its registration on: at least once, in order per key. A handler that
   * throws or rejects is tried again (5 attempts, 100 ms doubling to 10 s), then its event is parked.
   */
  readonly subscribe: (
    name: string,
    handler: (event: Event, delivery: Delivery) => unknown,
    options?: Omit<SubscribeOptions, "onError">,
  ) => Promise<PromisedSubscription>
}

interface Subscribing {
  readonly name: string
  readonly handler: (event: Event, delivery: Delivery) => unknown
  readonly options: SubscribeOptions | undefined
}

/** That of programs in Effect answers an effect, which handlers of hosts know nothing of. */
const hostChecks: Options.Checks<SubscribeOptions> = {
  ...subscribeChecks,
  onError: () => "is not an option here: pass onEventError to createHoldfast",
}

export const promisedEvents = (starter: Starter): PromisedEvents => {
  const events = (): EventsShape => Context.get(starter.running, Events)
  const { subscribe, ...others } = promised(starter, {
    subscribe: ({ name, handler, options }: Subscribing) => {
      if (typeof handler !== "function") return Effect.fail(notAFunction)
      const issues = options === undefined ? [] : Options.issuesOf(options, hostChecks)
      if (issues.length > 0) return Effect.fail<InvalidInput>({ _tag: "InvalidInput", issues })
      return Effect.suspend(() =>
        events().subscribe(name, (event, delivery) => handled(() => handler(event, delivery)), options),
      )
    },
    unregister: (name: string) => Effect.suspend(() => events().unregister(name)),
    parked: (input: Parameters<EventsShape["parked"]>[0]) => Effect.suspend(() => events().parked(input)),
    redeliver: (input: Parameters<EventsShape["redeliver"]>[0]) => Effect.suspend(() => events().redeliver(input)),
    depth: (name: string) => Effect.suspend(() => events().depth(name)),
    settled: (name: string) => Effect.suspend(() => events().settled(name)),
  })
  return {
    ...others,
    subscribe: (name, handler, options) =>
      subscribe({ name, handler, options }).then((subscription) => ({
        name: subscription.name,
        close: () => Effect.runPromise(subscription.close),
      })),
  }
}

const notAFunction: InvalidInput = {
  _tag: "InvalidInput",
  issues: [{ pointer: "/handler", message: "must be a function" }],
}

// A handler may answer a promise or nothing; whatever it throws is its event's failure. Only a promise is waited for: for
// a plain function that would be the greater part of the work.
const handled = (handler: () => unknown): Effect.Effect<void, unknown> =>
  Effect.suspend(() => {
    const answer = handler()
    return isThenable(answer)
      ? Effect.tryPromise({ try: () => Promise.resolve(answer), catch: (error) => error })
      : Effect.void
  })

const isThenable = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function"
