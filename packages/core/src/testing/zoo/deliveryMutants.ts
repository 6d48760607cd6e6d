/**
 * Broken subscriptions, relays and consumers: between the outbox and whoever hears of an event.
 */
import { Deferred, Effect } from "effect"
import { type Failed, Hand, type Work } from "../../delivery/Hand.ts"
import { Wake } from "../../delivery/Pulse.ts"
import type { Claimed, Outbox, StoreShape } from "../../ports/Store.ts"
import { keyText } from "../../values.ts"
import { type Mutant, mutant } from "./Mutant.ts"

const isRelay = (name: string): boolean => name.endsWith("-relay")

/** What a work is given, changed on the way. */
const given =
  (change: (claimed: ReadonlyArray<Claimed>) => ReadonlyArray<Claimed>) =>
  (work: Work): Work =>
  (hand, fibers) =>
    Effect.map(work(hand, fibers), (worker) => ({
      ready: worker.ready,
      accept: (claimed) => worker.accept(change(claimed)),
    }))

/** Everything is reported as handled when it is taken over. */
const settledFirst =
  (work: Work): Work =>
  (hand, fibers) =>
    Effect.map(work(hand, fibers), (worker) => ({
      ready: worker.ready,
      accept: (claimed) =>
        Effect.suspend(() => {
          hand.succeeded(claimed)
          return worker.accept(claimed)
        }),
    }))

/** A hand that takes failures for successes. */
class CarelessHand extends Hand {
  readonly #hand: Hand
  constructor(hand: Hand) {
    super(new Wake())
    this.#hand = hand
  }
  override succeeded(claimed: ReadonlyArray<Claimed>): void {
    this.#hand.succeeded(claimed)
  }
  override failed(claimed: Claimed): Failed["parked"] {
    const parked = Deferred.makeUnsafe<void>()
    this.#hand.succeeded([claimed])
    Deferred.doneUnsafe(parked, Effect.void)
    return parked
  }
  override resting(): void {
    this.#hand.resting()
  }
}

const withKey = ({ position, event }: Claimed, key: string): Claimed => ({ position, event: { ...event, key } })

const outboxOf =
  (change: (outbox: Outbox) => Partial<Outbox>) =>
  (store: StoreShape): StoreShape => ({ ...store, outbox: { ...store.outbox, ...change(store.outbox) } })

/** An acknowledgement of one name that all names take for theirs. */
const sharedAcknowledgements = (outbox: Outbox): Partial<Outbox> => {
  const acknowledged = new Set<string>()
  return {
    acknowledge: (lease, positions) => {
      for (const position of positions) acknowledged.add(keyText(position))
      return outbox.acknowledge(lease, positions)
    },
    claim: (lease, after, limit) =>
      Effect.flatMap(outbox.claim(lease, after, limit), (claimed) => {
        const known = claimed.filter(({ position }) => acknowledged.has(keyText(position)))
        return Effect.as(
          outbox.acknowledge(
            lease,
            known.map(({ position }) => position),
          ),
          claimed.filter((each) => !known.includes(each)),
        )
      }),
  }
}

const everybody = "everybody"

export const deliveryMutants: ReadonlyArray<Mutant> = [
  mutant("acknowledged before it is handled", "A subscription acknowledges what it claims, then calls the handler.", {
    tampering: { work: (work, name) => (isRelay(name) ? work : settledFirst(work)) },
  }),
  mutant("relay acknowledges before publish", "The relay acknowledges what it claims, then publishes it.", {
    tampering: { work: (work, name) => (isRelay(name) ? settledFirst(work) : work) },
  }),
  mutant("relay reorders per key", "The relay publishes the last event of a claim first.", {
    tampering: { work: (work, name) => (isRelay(name) ? given((claimed) => claimed.toReversed())(work) : work) },
  }),
  mutant("handlers side by side", "Events are handled at the same time, whatever their key.", {
    tampering: { work: given((claimed) => claimed.map((each) => withKey(each, each.event.id))) },
  }),
  mutant("one queue for all keys", "Events are handled one after the other, whatever their key.", {
    tampering: { work: given((claimed) => claimed.map((each) => withKey(each, everybody))) },
  }),
  mutant("failures acknowledged", "What a handler refuses is counted as handled.", {
    tampering: { work: (work) => (hand, fibers) => work(new CarelessHand(hand), fibers) },
  }),
  mutant("parked without a reason", "The outbox keeps a parked event and forgets why.", {
    wrap: outboxOf((outbox) => ({ park: (lease, position, _reason, now) => outbox.park(lease, position, "", now) })),
  }),
  mutant("parked for good", "Asking for a parked event once more does nothing.", {
    wrap: outboxOf(() => ({ unpark: () => Effect.void })),
  }),
  mutant("lease shared by all", "The outbox does not look at who holds the lease.", {
    wrap: outboxOf((outbox) => ({
      lease: (lease, now, leaseMillis) => outbox.lease({ ...lease, owner: everybody }, now, leaseMillis),
      release: (lease) => outbox.release({ ...lease, owner: everybody }),
      claim: (lease, after, limit) => outbox.claim({ ...lease, owner: everybody }, after, limit),
      acknowledge: (lease, positions) => outbox.acknowledge({ ...lease, owner: everybody }, positions),
      park: (lease, position, reason, now) => outbox.park({ ...lease, owner: everybody }, position, reason, now),
    })),
  }),
  mutant("lease that never ends", "The lease of a process that is no more is kept for ever.", {
    wrap: outboxOf((outbox) => ({
      lease: (lease, now) => outbox.lease(lease, now, Number.MAX_SAFE_INTEGER / 2),
    })),
  }),
  mutant("acknowledged for all names", "What one subscription has handled is not given to the others.", {
    wrap: outboxOf(sharedAcknowledgements),
  }),
  mutant("popularity counts redeliveries", "Sales are counted by a consumer that does not recognise repeats.", {
    tampering: { forgetfulConsumer: true },
  }),
]
