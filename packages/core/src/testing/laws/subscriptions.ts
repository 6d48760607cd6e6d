/**
 * Laws of subscriptions: each event to each name at least once, in order per key, by whoever holds the lease, settled
 * only when it was handled, and nobody held up by somebody else's failure.
 */

import type { DeliveryRecord, Handling } from "../trial/Trial.ts"
import { refusalOf } from "../trial/watchDelivery.ts"
import { deliveries } from "../workloads/deliveries.ts"
import { faultMet, firstsOf, keysOf, misplaced, ofDelivery, sometimes } from "./deliveryEvidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

/** The names that have handlers. */
const handledNames = ({ names, relay }: DeliveryRecord): ReadonlyArray<string> => names.filter((name) => name !== relay)

const servedByTwo = sometimes(({ handlings }) => new Set(handlings.map(({ owner }) => owner)).size > 1)

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
