/**
 * Laws of events: one for every change, delivered at least once, in order per key.
 */
import { digest } from "../sim/digest.ts"
import type { Delivery, TrialRecord } from "../trial/Trial.ts"
import { names, shop, streams } from "../workloads/faulty.ts"
import { once, outOfOrder, pointLedgers, stockLedgers, ticketLists } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

/** Each event once, as it came first. */
const firsts = once(
  ({ deliveries }): ReadonlyArray<Delivery["event"]> =>
    Array.from(new Map(deliveries.map(({ event }) => [event.id, event])).values()),
)

const redelivered = ({ deliveries }: TrialRecord): boolean =>
  new Set(deliveries.map(({ event }) => event.id)).size < deliveries.length

export const eventLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "EVT-01",
    level: "MUST",
    title: "No event without its change, and one event for each",
    why: "Somebody else's system acts on events: a phantom ships what nobody ordered.",
    workload: streams,
    check: (trial) => {
      const accepted = new Set(trial.snapshot.records.receipt.map(({ commandId }) => commandId))
      const phantom = firsts(trial).find(({ id }) => !accepted.has(id))
      return phantom && broken(`Event ${phantom.type} ${phantom.id} was delivered, and its change was never made.`)
    },
    sometimes: { "an event was delivered": ({ deliveries }) => deliveries.length > 0 },
  }),
  defineLaw({
    id: "EVT-02",
    level: "MUST",
    title: "Every change's event reaches every subscription at least once",
    why: "A lost event is an order that the warehouse never heard of.",
    workload: streams,
    check: (trial) => {
      if (trial.plan.listens === false) return undefined
      const delivered = new Set(firsts(trial).map(({ id }) => id))
      const lost = trial.snapshot.records.receipt.find(({ commandId }) => !delivered.has(commandId))
      return lost && broken(`The event of ${lost.operation} ${lost.commandId} was never delivered.`)
    },
    sometimes: {
      "a subscriber vanished with events in hand": redelivered,
      "an acknowledgement was lost": ({ faultsMet }) => faultsMet.includes("lose-acknowledgement"),
    },
  }),
  defineLaw({
    id: "EVT-03",
    level: "MUST",
    title: "Events of one key come in the order of their positions: seq, revision, ticket",
    why: "Consumers keep the last value they heard of.",
    workload: streams,
    check: (trial) => {
      const order = new Map(firsts(trial).map(({ id }, index) => [String(id), index]))
      const ledgers = [...pointLedgers(trial), ...stockLedgers(trial), ...ticketLists(trial)]
      const keyOf = new Map(firsts(trial).map(({ id, key }) => [String(id), key]))
      for (const { owner, positions } of ledgers) {
        let latest = -1
        for (const { commandId, position } of positions) {
          // A sale is an event of its buyer, not of its product.
          if (keyOf.get(commandId) !== owner) continue
          const index = order.get(commandId) ?? latest
          if (index < latest) return broken(`The event at position ${position} of ${owner} came before an earlier one.`)
          latest = index
        }
      }
      return undefined
    },
    sometimes: {
      "several events of one key": (trial) => firsts(trial).length > new Set(firsts(trial).map(({ key }) => key)).size,
    },
  }),
  defineLaw({
    id: "EVT-04",
    level: "MUST",
    title: "Events of one key come in an order that real time allows",
    why: "Also commits that show no position have an order, and somebody saw it.",
    workload: shop,
    check: (trial) => {
      const byKey = Map.groupBy(firsts(trial), ({ key }) => key)
      const ops = new Map(trial.ops.map((op) => [op.commandId, op]))
      const ledgers = Array.from(byKey, ([owner, events]) => ({
        owner,
        positions: [],
        ops: events.flatMap(({ id }) => ops.get(id) ?? []),
      }))
      return outOfOrder(ledgers, "Event")
    },
    sometimes: { "an event was delivered": ({ deliveries }) => deliveries.length > 0 },
  }),
  defineLaw({
    id: "EVT-05",
    level: "MUST",
    title: "One owner at a time holds a subscription's lease, and nobody else gets its events",
    why: "Two processes that serve one name break the order per key.",
    workload: streams,
    check: ({ intrusions }) => (intrusions[0] === undefined ? undefined : broken(intrusions[0])),
    sometimes: { "events were delivered again": redelivered },
  }),
  defineLaw({
    id: "EVT-06",
    level: "MUST",
    title: "An event that is delivered again is the same event",
    why: "Consumers recognise repeats by their id.",
    workload: streams,
    check: ({ deliveries }) => {
      const seen = new Map<string, Delivery["event"]>()
      for (const { event } of deliveries) {
        const before = seen.get(event.id) ?? event
        if (before !== event && digest(before) !== digest(event)) return broken(`Event ${event.id} came back changed.`)
        seen.set(event.id, event)
      }
      return undefined
    },
    sometimes: { "events were delivered again": redelivered },
  }),
  defineLaw({
    id: "EVT-07",
    level: "MUST",
    title: "A name gets the event of every change that was made after its registration was answered",
    why: "Whoever subscribes reads what there is and then listens: what falls in between is never heard of.",
    workload: names,
    check: (trial) => {
      const { lateNames, ops, reads } = trial
      if (lateNames.length === 0) return undefined
      for (const { owner, positions } of pointLedgers(trial)) {
        for (const { position, commandId } of positions) {
          const op = ops.find((each) => each.commandId === commandId)
          for (const { end, eventIds } of lateNames) {
            // Called after it, or not there yet when somebody looked after it.
            const isLater =
              (op !== undefined && op.start > end) ||
              reads.some(
                ({ what, id, start, seen }) =>
                  what === "account" && owner.endsWith(`-${id}`) && start > end && (seen?.position ?? 0) < position,
              )
            if (isLater && !eventIds.has(commandId))
              return broken(`The event at position ${position} of ${owner} never came to a name that was there before.`)
          }
        }
      }
      return undefined
    },
    sometimes: {
      "a change was made after a name was there": ({ lateNames, ops }) =>
        lateNames.some(({ end }) => ops.some((op) => op.start > end)),
      "a change was under way while a name came": ({ lateNames, ops }) =>
        lateNames.some(({ start, end }) => ops.some((op) => op.start < end && op.end > start)),
    },
  }),
]
