/**
 * Laws of leases: whose a name is, until when, and what becomes of those who have lost it.
 */

import type { DeliveryRecord, Holding } from "../trial/Trial.ts"
import { deliveries } from "../workloads/deliveries.ts"
import { faultMet, ofDelivery, sometimes } from "./deliveryEvidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

/** Each lease with the name's lease before it, as far as their holders heard of them one after the other. */
const successions = ({ leases }: DeliveryRecord): ReadonlyArray<readonly [before: Holding, next: Holding]> =>
  leases.flatMap((next) => {
    const before = next.fresh
      ? leases.findLast((lease) => lease.name === next.name && lease !== next && lease.at < next.askedAt)
      : undefined
    return before === undefined ? [] : [[before, next] as const]
  })

const changedOwner = sometimes((delivery) =>
  successions(delivery).some(([before, next]) => before.owner !== next.owner),
)

export const leaseLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "LSE-01",
    level: "MUST",
    title:
      "A lease is another owner's only when its time has passed or it was given up, whatever the clocks of processes say",
    why: "Clocks of two machines never agree, and one that is ahead would take every name from the others.",
    workload: deliveries,
    check: ofDelivery((delivery) => {
      const { releases } = delivery
      for (const [before, next] of successions(delivery)) {
        const { name, owner, fence, certainUntil } = before
        const wasGivenUp = releases.some((each) => each.name === name && each.fence === fence && each.at < next.at)
        if (owner !== next.owner && next.atMillis < certainUntil && !wasGivenUp) {
          return broken(`${next.owner} got the lease of ${name} before that of ${owner} was over.`)
        }
      }
      return undefined
    }),
    sometimes: {
      "clocks were apart": sometimes((_, { plan }) => plan.delivery?.apartMillis !== 0 && plan.engines === 2),
      "another owner got the lease": changedOwner,
    },
  }),
  defineLaw({
    id: "LSE-02",
    level: "MUST",
    title: "The fence grows from each lease of a name to the next, and handlers are told that of their own",
    why: "What a handler writes elsewhere can only be protected by a number that the past does not reach.",
    workload: deliveries,
    check: ofDelivery((delivery) => {
      for (const [before, next] of successions(delivery)) {
        if (next.fence <= before.fence)
          return broken(`The lease of ${next.name} after that with fence ${before.fence} has the fence ${next.fence}.`)
      }
      for (const { name, owner, fence, start, eventId } of delivery.handlings) {
        const own = delivery.leases.findLast((each) => each.name === name && each.owner === owner && each.at < start)
        if (own?.fence !== fence)
          return broken(`The handler of ${eventId} in ${name} was told the fence ${fence} and not ${own?.fence}.`)
      }
      return undefined
    }),
    sometimes: { "another owner got the lease": changedOwner },
  }),
  defineLaw({
    id: "LSE-03",
    level: "MUST",
    title: "What is settled under a lease that is lost is refused",
    why: "A process that was frozen wakes up and acknowledges what another one is handling.",
    workload: deliveries,
    check: ofDelivery(({ settlements, leases }) => {
      for (const { name, owner, fence, eventId, start, end } of settlements) {
        const newer = leases.find((each) => each.fresh && each.name === name && each.fence > fence && each.at < start)
        if (newer !== undefined && end !== undefined)
          return broken(`${owner} settled ${eventId} of ${name} when ${newer.owner} had its lease.`)
      }
      return undefined
    }),
    sometimes: {
      "another owner got the lease": changedOwner,
      "a call of the outbox was lost": faultMet("lose-delivery-call"),
    },
  }),
]
