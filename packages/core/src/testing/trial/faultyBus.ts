/**
 * A bus with what can go wrong at its port: it refuses, its answer is lost, it delivers twice, it lets keys change places.
 */
import { Effect } from "effect"
import type { Event } from "../../events/Event.ts"
import type { BusFault, EventBus } from "../../ports/index.ts"
import type { DeliveryPlan } from "./Plan.ts"

/** The bus with the planned faults of its publications. Each fault that is met is named to `met`. */
export const faultyBus = (
  bus: EventBus["Service"],
  faults: DeliveryPlan["bus"],
  met: (fault: string) => void,
): EventBus["Service"] => {
  let publications = 0
  return {
    subscribe: bus.subscribe,
    publish: (events) =>
      Effect.suspend(() => {
        const at = ++publications
        const fate = faults.find((each) => each.at === at)?.fate
        if (fate !== undefined) met(`bus-${fate}`)
        switch (fate) {
          case "refused":
            return Effect.fail(fault("not taken"))
          case "unanswered":
            return Effect.andThen(bus.publish(events), Effect.fail(fault("the answer was lost")))
          case "twice":
            return Effect.andThen(bus.publish(events), bus.publish(events))
          case "shuffled":
            return bus.publish(shuffled(events))
          case undefined:
            return bus.publish(events)
        }
      }),
  }
}

const fault = (reason: string): BusFault => ({ _tag: "BusFault", reason })

/** Last keys first; the events of each key stay in their order. */
const shuffled = (events: ReadonlyArray<Event>): ReadonlyArray<Event> =>
  Array.from(Map.groupBy(events, ({ key }) => key).values())
    .toReversed()
    .flat()
