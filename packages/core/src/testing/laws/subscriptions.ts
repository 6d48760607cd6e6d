/**
 * Laws of subscriptions and of the relay: each event to each name at least once, in order per key, by whoever holds the
 * lease, settled only when it was handled, and nobody held up by somebody else's failure.
 */

import { refusalOf } from "./delivering.ts"
import { deliveries } from "./deliveryWorkload.ts"
import { broken, defineLaw, type Law, type Violation } from "./Law.ts"
import { pointLedgers, stockLedgers, ticketLists } from "./looking.ts"
import type { DeliveryRecord, Handling, TrialRecord } from "./Trial.ts"

type Check = (delivery: DeliveryRecord, trial: TrialRecord) => Violation | undefined

/** For trials that have subscriptions. */
const ofDelivery =
  (check: Check): Law["check"] =>
  (trial) =>
    trial.delivery && check(trial.delivery, trial)

const sometimes =
  (met: (delivery: DeliveryRecord, trial: TrialRecord) => boolean) =>
  (trial: TrialRecord): boolean =>
    trial.delivery !== undefined && met(trial.delivery, trial)

const faultMet =
  (...names: ReadonlyArray<string>) =>
  ({ faultsMet, delivery }: TrialRecord): boolean =>
    delivery !== undefined && names.some((name) => faultsMet.includes(name))

/** The names that have handlers. */
const handledNames = ({ names, relay }: DeliveryRecord): ReadonlyArray<string> => names.filter((name) => name !== relay)

const servedByTwo = sometimes(({ handlings }) => new Set(handlings.map(({ owner }) => owner)).size > 1)

/** Ids in the order in which they came first. */
const firstsOf = (eventIds: Iterable<string>): ReadonlyArray<string> => Array.from(new Set(eventIds))

/** Two events of one key that came first in another order than their positions: seq, revision, ticket. */
const misplaced = (
  trial: TrialRecord,
  firsts: ReadonlyArray<string>,
  keyOf: (eventId: string) => string | undefined,
) => {
  const order = new Map(firsts.map((id, index) => [id, index]))
  for (const { owner, positions } of [...pointLedgers(trial), ...stockLedgers(trial), ...ticketLists(trial)]) {
    let latest = -1
    for (const { commandId, position } of positions) {
      const index = keyOf(commandId) === owner ? order.get(commandId) : undefined
      if (index === undefined) continue
      if (index < latest) return `the event at position ${position} of ${owner} came before an earlier one`
      latest = index
    }
  }
  return undefined
}

const keysOf = ({ deliveries: delivered }: TrialRecord): ((eventId: string) => string | undefined) => {
  const keys = new Map(delivered.map(({ event }) => [String(event.id), event.key]))
  return (eventId) => keys.get(eventId)
}

export const subscriptionLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "SUB-01",
    level: "MUST",
    title: "Every event reaches every registered name: it is handled or parked, and nothing waits for ever",
    why: "A subscriber that misses one event is wrong from then on and does not know it.",
    workload: deliveries,
    check: ofDelivery((delivery, { snapshot }) => {
      for (const [name, waiting] of delivery.waiting) return broken(`${waiting} events wait for ${name} for ever.`)
      for (const name of handledNames(delivery)) {
        const done = new Set([
          ...delivery.handlings.filter((each) => each.name === name && each.ended === "handled").map(idOf),
          ...delivery.parked.filter((each) => each.name === name).map(idOf),
        ])
        const lost = snapshot.records.receipt.find(({ commandId }) => !done.has(commandId))
        if (lost !== undefined) return broken(`The event of ${lost.operation} ${lost.commandId} never reached ${name}.`)
      }
      return undefined
    }),
    sometimes: {
      "a process ended between two steps": faultMet("crash-at-step"),
      "two processes handled": servedByTwo,
      "a call of the outbox was lost": faultMet("lose-delivery-call"),
    },
  }),
  defineLaw({
    id: "SUB-02",
    level: "MUST",
    title: "A name begins the events of a key in the order of their positions: seq, revision, ticket",
    why: "Handlers write down the last thing they heard.",
    workload: deliveries,
    check: ofDelivery((delivery, trial) => {
      for (const name of handledNames(delivery)) {
        const begun = firstsOf(delivery.handlings.filter((each) => each.name === name).map(idOf))
        const wrong = misplaced(trial, begun, keysOf(trial))
        if (wrong !== undefined) return broken(`In ${name} ${wrong}.`)
      }
      return undefined
    }),
    sometimes: { "several events of one key": sometimes(({ handlings }) => handlings.length > 4) },
  }),
  defineLaw({
    id: "SUB-03",
    level: "MUST",
    title: "An event is begun only when every earlier one of its key was handled or parked",
    why: "Two handlers of one key at once are as good as no order.",
    workload: deliveries,
    check: ofDelivery((delivery) => {
      for (const name of handledNames(delivery)) {
        const ofName = delivery.handlings.filter((each) => each.name === name)
        const begun = firstsOf(ofName.map(idOf))
        for (const handling of ofName) {
          const place = begun.indexOf(handling.eventId)
          const early = begun.slice(0, place).find((id) => !isDone(delivery, name, id, handling))
          if (early !== undefined) return broken(`In ${name} ${handling.eventId} was begun before ${early} was done.`)
        }
      }
      return undefined
    }),
    sometimes: {
      "a handler failed": faultMet("handler-failed"),
      "a handler was interrupted": sometimes(({ handlings }) => handlings.some(({ ended }) => ended === undefined)),
    },
  }),
  defineLaw({
    id: "SUB-04",
    level: "MUST",
    title: "A handler begins only while its process holds the lease of the name",
    why: "Whoever lost the lease handles what somebody else is handling already.",
    workload: deliveries,
    check: ofDelivery(({ handlings, leases }) => {
      for (const { name, owner, start, startMillis, eventId } of handlings) {
        const held = leases.findLast((lease) => lease.name === name && lease.owner === owner && lease.at < start)
        const next = leases.find(
          (lease) => lease.name === name && lease.owner !== owner && lease.at < start && lease.at > (held?.at ?? -1),
        )
        // Without a lease of its own, after its end, or after somebody else got it before its end.
        const cut = held !== undefined && next !== undefined && startMillis < held.until
        if (held === undefined || startMillis > held.until || cut) {
          return broken(`${owner} began ${eventId} of ${name} without the lease.`)
        }
      }
      return undefined
    }),
    sometimes: { "two processes handled": servedByTwo },
  }),
  defineLaw({
    id: "SUB-05",
    level: "MUST",
    title: "An event is acknowledged for a name only after that name's handler has succeeded",
    why: "What is acknowledged first is lost with the process.",
    workload: deliveries,
    check: ofDelivery((delivery) => {
      for (const { name, owner, eventId, reason, start } of delivery.settlements) {
        if (reason !== undefined || name === delivery.relay) continue
        const handled = delivery.handlings.some(
          (each) =>
            each.name === name &&
            each.owner === owner &&
            each.eventId === eventId &&
            each.ended === "handled" &&
            Number(each.end) < start,
        )
        if (!handled) return broken(`${eventId} was acknowledged for ${name} before it was handled.`)
      }
      return undefined
    }),
    sometimes: { "a handler failed": faultMet("handler-failed") },
  }),
  defineLaw({
    id: "SUB-06",
    level: "MUST",
    title: "An event that fails every try is parked with what its handler failed with, and no other is",
    why: "Whoever repairs it must see what was wrong, and nothing may be set aside unasked.",
    workload: deliveries,
    check: ofDelivery(({ attempts, handlings, parked, settlements }) => {
      for (const { name, eventId, reason } of parked) {
        const tries = handlings.filter(
          (each) => each.name === name && each.eventId === eventId && each.ended === "failed",
        )
        if (tries.length < attempts) return broken(`${eventId} was parked for ${name} after ${tries.length} tries.`)
        if (!reason.includes(refusalOf(eventId))) return broken(`${eventId} was parked for ${name} as "${reason}".`)
      }
      const doubtful = settlements.find(({ reason }) => reason === "")
      return doubtful && broken(`${doubtful.eventId} was parked for ${doubtful.name} without a reason.`)
    }),
    sometimes: { "an event was parked": sometimes(({ parked }) => parked.length > 0) },
  }),
  defineLaw({
    id: "SUB-07",
    level: "MUST",
    title: "An event that fails, or takes long, holds up its own key and no other",
    why: "One bad address must not stop the mail.",
    workload: deliveries,
    check: ofDelivery((delivery) => {
      const { handlings, claims } = delivery
      for (const name of handledNames(delivery)) {
        for (const [eventId, tries] of Map.groupBy(
          handlings.filter((each) => each.name === name),
          idOf,
        )) {
          const [first, second] = tries
          // From its first try to its second some time passes; both belong to one process that went on.
          if (first?.ended !== "failed" || second === undefined || second.owner !== first.owner) continue
          const kept = claims.find(
            (claim) =>
              claim.name === name &&
              claim.owner === first.owner &&
              claim.at < first.start &&
              keyOfClaim(delivery, claim.eventId) !== first.key &&
              !begunBefore(handlings, name, claim.eventId, second.start) &&
              isFirstOfKey(delivery, name, claim.eventId, first),
          )
          if (kept !== undefined)
            return broken(`${kept.eventId} of ${name} waited while ${eventId} of another key failed.`)
        }
      }
      return undefined
    }),
    sometimes: { "a handler failed": faultMet("handler-failed") },
  }),
  defineLaw({
    id: "SUB-08",
    level: "MUST",
    title: "A parked event that is asked for again is handled after all",
    why: "Parking is a delay, not a bin.",
    workload: deliveries,
    check: ofDelivery(({ handlings, parked, redeliveredAt, waiting }) => {
      if (redeliveredAt === undefined || waiting.size > 0) return undefined
      const forgotten = parked.find(
        ({ name, eventId }) =>
          !handlings.some(
            (each) =>
              each.name === name && each.eventId === eventId && each.ended === "handled" && each.start > redeliveredAt,
          ),
      )
      return forgotten && broken(`${forgotten.eventId} was asked for again and never came to ${forgotten.name}.`)
    }),
    sometimes: { "a parked event was asked for again": sometimes(({ redeliveredAt }) => redeliveredAt !== undefined) },
  }),
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

const idOf = ({ eventId }: { readonly eventId: string }): string => eventId

/** Whether an event of the same key was handled or parked by the time another one was begun. */
const isDone = (delivery: DeliveryRecord, name: string, eventId: string, { key, start }: Handling): boolean => {
  if (keyOfClaim(delivery, eventId) !== key) return true
  return (
    delivery.handlings.some(
      (each) => each.name === name && each.eventId === eventId && each.ended === "handled" && Number(each.end) < start,
    ) ||
    delivery.settlements.some(
      (each) => each.name === name && each.eventId === eventId && each.reason !== undefined && each.start < start,
    )
  )
}

const keyOfClaim = ({ handlings }: DeliveryRecord, eventId: string): string | undefined =>
  handlings.find((each) => each.eventId === eventId)?.key

const begunBefore = (handlings: ReadonlyArray<Handling>, name: string, eventId: string, at: number): boolean =>
  handlings.some((each) => each.name === name && each.eventId === eventId && each.start < at)

/** Whether nothing of its own key stood before it when another event was first tried. */
const isFirstOfKey = (
  { claims, handlings }: DeliveryRecord,
  name: string,
  eventId: string,
  first: Handling,
): boolean => {
  const key = handlings.find((each) => each.eventId === eventId)?.key
  const ofName = claims.filter((claim) => claim.name === name)
  return ofName
    .slice(
      0,
      ofName.findIndex((claim) => claim.eventId === eventId),
    )
    .every(
      (claim) =>
        handlings.find((each) => each.eventId === claim.eventId)?.key !== key ||
        handlings.some(
          (each) =>
            each.name === name &&
            each.eventId === claim.eventId &&
            each.ended === "handled" &&
            Number(each.end) < first.start,
        ),
    )
}
