/**
 * The laws of the bus on the bus in this process, and on one that makes up an event.
 */
import { Effect } from "effect"
import { expect, it } from "vitest"
import { makeInProcessBus } from "../../src/delivery/InProcessBus.ts"
import type { EventBus } from "../../src/ports/index.ts"
import { type BusAdapter, busConformance } from "../../src/testing/index.ts"
import type { CommandId } from "../../src/values.ts"

type Bus = EventBus["Service"]

/** Buses in this process by their ground. */
const busOf = (name: string, change: (bus: Bus) => Bus): BusAdapter => {
  const buses = new Map<string, Bus>()
  return {
    name,
    open: (ground) =>
      Effect.gen(function* () {
        const bus = buses.get(ground) ?? change(yield* makeInProcessBus())
        buses.set(ground, bus)
        return bus
      }),
  }
}

const brokenOf = async (adapter: BusAdapter) => {
  const { laws } = await Effect.runPromise(busConformance(adapter, { rounds: 3, settleMillis: 2_000 }))
  return laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)
}

it("the bus in this process keeps the laws of the bus", async () => {
  expect(await brokenOf(busOf("in process", (bus) => bus))).toEqual([])
})

it("BUS-03 catches an event that nobody has published", async () => {
  const inventing = busOf("inventing", (bus) => ({
    ...bus,
    subscribe: (name, handler) =>
      bus.subscribe(name, (events) =>
        handler(events.flatMap((event) => [event, { ...event, id: `${event.id}~` as CommandId }])),
      ),
  }))
  expect(await brokenOf(inventing)).toEqual(["BUS-03"])
})
