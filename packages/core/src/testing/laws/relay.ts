/**
 * Laws of the relay, of the bus behind it, and of whoever counts from events.
 */
import { deliveries } from "../workloads/deliveries.ts"
import { faultMet, firstsOf, keysOf, misplaced, ofDelivery, sometimes } from "./deliveryEvidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

export const relayLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "OUT-01",
    level: "MUST",
    title: "The relay acknowledges an event only after the bus took it, and every event in the end",
    why: "Between the outbox and the bus is where other shops lose their events.",
    workload: deliveries,
    check: ofDelivery(({ relay, settlements, publications }, { snapshot }) => {
      if (relay === undefined) return undefined
      for (const { name, eventId, start } of settlements) {
        if (name !== relay) continue
        const taken = publications.some((each) => each.taken && each.end < start && each.eventIds.includes(eventId))
        if (!taken) return broken(`${eventId} was acknowledged before the bus took it.`)
      }
      const published = new Set(publications.flatMap(({ taken, eventIds }) => (taken ? eventIds : [])))
      const lost = snapshot.records.receipt.find(({ commandId }) => !published.has(commandId))
      return lost && broken(`The event of ${lost.operation} ${lost.commandId} was never published.`)
    }),
    sometimes: {
      "the bus refused": faultMet("bus-refused", "bus-unanswered"),
      "a process ended between two steps": faultMet("crash-at-step"),
      "events were published again": sometimes(
        ({ publications }) =>
          new Set(publications.flatMap(({ eventIds }) => eventIds)).size <
          publications.flatMap(({ eventIds }) => eventIds).length,
      ),
    },
  }),
  defineLaw({
    id: "OUT-02",
    level: "MUST",
    title: "The relay publishes the events of a key in the order of their positions",
    why: "No consumer behind the bus can put them right again.",
    workload: deliveries,
    check: ofDelivery(({ publications }, trial) => {
      const sent = publications.toSorted((left, right) => left.start - right.start)
      const wrong = misplaced(trial, firstsOf(sent.flatMap(({ eventIds }) => eventIds)), keysOf(trial))
      return wrong === undefined ? undefined : broken(`On the bus ${wrong}.`)
    }),
    sometimes: { "several batches were published": sometimes(({ publications }) => publications.length > 1) },
  }),
  defineLaw({
    id: "OUT-03",
    level: "MUST",
    title: "Who counts sales from events and knows repeats by their id counts what was sold, whatever the bus repeats",
    why: "At least once is only a promise worth having if an event tells its own repeats.",
    workload: deliveries,
    check: ofDelivery(({ relay, counted }, { snapshot }) => {
      if (relay === undefined) return undefined
      const sold = new Map<string, number>()
      for (const { state, lines } of snapshot.records.order) {
        if (state === "cancelled") continue
        for (const { productId, quantity } of lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
      }
      for (const productId of new Set([...sold.keys(), ...counted.keys()])) {
        const [orders, events] = [sold.get(productId) ?? 0, counted.get(productId) ?? 0]
        if (orders !== events)
          return broken(`The orders say ${orders} of ${productId} were sold, the events ${events}.`)
      }
      return undefined
    }),
    sometimes: {
      "the bus delivered twice": faultMet("bus-twice", "bus-unanswered"),
      "keys changed places": faultMet("bus-shuffled"),
    },
  }),
]
