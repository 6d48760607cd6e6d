/**
 * Broken buses: each dies by one law, and so shows that the law can fail. They run in simulated time, in this process.
 */
import { Effect } from "effect"
import { makeInProcessBus } from "../../delivery/InProcessBus.ts"
import type { Event } from "../../events/Event.ts"
import type { BusFault, EventBus } from "../../ports/index.ts"
import type { CommandId } from "../../values.ts"
import type { BusAdapter } from "./BusAdapter.ts"
import type { BusLaw } from "./busLaws.ts"

type Bus = EventBus["Service"]

export interface BusMutant extends BusAdapter {
  /** What is wrong with it. */
  readonly about: string
  /** The law that it breaks. */
  readonly diesBy: BusLaw["id"]
}

/** Buses in this process by their ground: all that are opened on it are one. */
export const groundedBuses = (change: (bus: Bus) => Partial<Bus> = () => ({})): Pick<BusAdapter, "open"> => {
  const buses = new Map<string, Bus>()
  return {
    open: (ground) =>
      Effect.gen(function* () {
        const known = buses.get(ground)
        if (known !== undefined) return known
        const bus = yield* makeInProcessBus()
        const changed = { ...bus, ...change(bus) }
        buses.set(ground, changed)
        return changed
      }),
  }
}

const mutant = (diesBy: BusLaw["id"], name: string, about: string, change: (bus: Bus) => Partial<Bus>): BusMutant => ({
  name,
  about,
  diesBy,
  ...groundedBuses(change),
})

/** Batches reach their handlers as something else, or not at all. */
const handing =
  (change: (events: ReadonlyArray<Event>, name: string) => ReadonlyArray<Event>) =>
  (bus: Bus): Partial<Bus> => ({
    subscribe: (name, handler) => bus.subscribe(name, (events) => handler(change(events, name))),
  })

/** As a call that is not to be cut off. */
const never = Effect.uninterruptible(Effect.never)
const away: BusFault = { _tag: "BusFault", reason: "there is no such topic" }
const storedAfterMillis = 5

/** Acknowledges what it has yet to store, which a crash loses. */
const eager = (): BusMutant => {
  let unsent: Array<Effect.Effect<void, BusFault>> = []
  const store = Effect.suspend(() => Effect.ignore(Effect.all(unsent.splice(0), { discard: true })))
  const buses = groundedBuses((bus) => ({
    publish: (events) =>
      Effect.suspend(() => {
        unsent.push(bus.publish(events))
        return Effect.asVoid(Effect.forkDetach(Effect.delay(store, storedAfterMillis)))
      }),
  }))
  const crash = Effect.sync(() => {
    unsent = []
  })
  const about = "A batch is acknowledged a moment before it is stored."
  return { name: "acknowledged before it is stored", about, diesBy: "BUS-02", crash, ...buses }
}

export const busMutants: ReadonlyArray<BusMutant> = [
  mutant(
    "BUS-01",
    "batches backwards",
    "The last event of a batch comes first.",
    handing((events) => events.toReversed()),
  ),
  mutant("BUS-01", "failed is handled", "A batch whose handler failed counts as handled.", (bus) => ({
    subscribe: (name, handler) => bus.subscribe(name, (events) => Effect.ignore(handler(events))),
  })),
  mutant("BUS-01", "takes nothing", "Every batch is refused.", () => ({ publish: () => Effect.fail(away) })),
  eager(),
  mutant(
    "BUS-03",
    "events of its own",
    "With each event comes another one, which nobody has published.",
    // biome-ignore lint/plugin/casts: an id that nobody has given
    handing((events) => events.flatMap((event) => [event, { ...event, id: `${event.id}~` as CommandId }])),
  ),
  mutant("BUS-04", "one name", "Who comes second under another name is given nothing.", (bus) => {
    let first: string | undefined
    return {
      subscribe: (name, handler) => {
        first ??= name
        return name === first ? bus.subscribe(name, handler) : Effect.void
      },
    }
  }),
  mutant(
    "BUS-04",
    "names that share",
    "Each event is given to one name alone.",
    handing((events, name) => events.filter(({ id }) => (Number(id) % 2 === 0) === (name === "reader"))),
  ),
  mutant("BUS-04", "names that wait", "What one name fails to handle is given to nobody.", (bus) => {
    let failing = 0
    return {
      subscribe: (name, handler) =>
        bus.subscribe(name, (events) =>
          Effect.suspend(() => {
            if (failing > 0 && name !== "no reader") return Effect.fail("another name fails")
            return Effect.tapError(handler(events), () =>
              Effect.sync(() => {
                if (name === "no reader") failing++
              }),
            )
          }),
        ),
    }
  }),
  mutant("BUS-05", "publish that never ends", "A batch is never answered.", () => ({ publish: () => never })),
  mutant("BUS-05", "subscribe that never ends", "Who subscribes is never answered.", () => ({
    subscribe: () => never,
  })),
]
