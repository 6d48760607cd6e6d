/**
 * Broken subscriptions, relays and consumers: between the outbox and whoever hears of an event.
 */
import { Clock, Deferred, Effect } from "effect"
import { type Failed, InFlight, type Work } from "../../delivery/InFlight.ts"
import { Wake } from "../../delivery/Pulse.ts"
import type { Claimed, Lease, Outbox, StoreShape } from "../../ports/index.ts"
import { keyText } from "../../values.ts"
import { type Mutant, mutant } from "./Mutant.ts"

const isRelay = (name: string): boolean => name.endsWith("-relay")

/** Leases of each owner, all of which are told the same fence. */
const leasesByOwner = (outbox: Outbox) => {
  const held = new Map<string, Lease>()
  const leasing: Outbox["lease"] = (name, owner, leaseMillis) =>
    Effect.map(outbox.lease(name, owner, leaseMillis), (lease) => {
      if (lease !== undefined) held.set(keyText([name, owner]), lease)
      return lease && { ...lease, fence: 1 }
    })
  return { leasing, newest: (lease: Lease): Lease => held.get(keyText([lease.name, lease.owner])) ?? lease }
}

/** What a work is given, changed on the way. */
const given =
  (change: (claimed: ReadonlyArray<Claimed>) => ReadonlyArray<Claimed>) =>
  (work: Work): Work =>
  (inFlight, fibers) =>
    Effect.map(work(inFlight, fibers), (worker) => ({
      ...worker,
      accept: (claimed) => worker.accept(change(claimed)),
    }))

/** Everything is reported as handled when it is taken over. */
const settledFirst =
  (work: Work): Work =>
  (inFlight, fibers) =>
    Effect.map(work(inFlight, fibers), (worker) => ({
      ...worker,
      accept: (claimed) =>
        Effect.suspend(() => {
          inFlight.succeeded(claimed)
          return worker.accept(claimed)
        }),
    }))

/** A hand that takes failures for successes. */
class CarelessInFlight extends InFlight {
  readonly #inFlight: InFlight
  constructor(inFlight: InFlight) {
    super(new Wake(), inFlight.lease)
    this.#inFlight = inFlight
  }
  override succeeded(claimed: ReadonlyArray<Claimed>): void {
    this.#inFlight.succeeded(claimed)
  }
  override failed(claimed: Claimed): Failed["parked"] {
    const parked = Deferred.makeUnsafe<void>()
    this.#inFlight.succeeded([claimed])
    Deferred.doneUnsafe(parked, Effect.void)
    return parked
  }
  override resting(): void {
    this.#inFlight.resting()
  }
}

const withKey = ({ position, event }: Claimed, key: string): Claimed => ({ position, event: { ...event, key } })

const outboxOf =
  (change: (outbox: Outbox) => Partial<Outbox>) =>
  (store: StoreShape): StoreShape => ({ ...store, outbox: { ...store.outbox, ...change(store.outbox) } })

/** Leaves events out of what a name is given, for good. */
const withheld = (
  { claim, acknowledge }: Outbox,
  isWithheld: (claimed: Claimed, name: string) => boolean,
): Pick<Outbox, "claim"> => ({
  claim: (lease, after, limit) =>
    Effect.flatMap(claim(lease, after, limit), (claimed) => {
      const left = claimed.filter((each) => isWithheld(each, lease.name))
      return Effect.as(
        acknowledge(
          lease,
          left.map(({ position }) => position),
        ),
        claimed.filter((each) => !left.includes(each)),
      )
    }),
})

/** Each batch writes for the names that were there when it began, and registering waits for no batch. */
const registeringAtOnce = (store: StoreShape): StoreShape => {
  const names = new Set<string>()
  const heardBy = new Map<string, ReadonlySet<string>>()
  const { outbox } = store
  return {
    ...store,
    transact: (keys, decide, turn) =>
      Effect.suspend(() => {
        const heard = new Set(names)
        const noting = (records: Parameters<typeof decide>[0]) => {
          const decided = decide(records)
          for (const { id } of decided.changes?.appends.event ?? []) heardBy.set(id, heard)
          return decided
        }
        return store.transact(keys, noting, turn)
      }),
    outbox: {
      ...outbox,
      ...withheld(outbox, ({ event }, name) => heardBy.get(event.id)?.has(name) === false),
      register: (name) => Effect.tap(outbox.register(name), () => Effect.sync(() => names.add(name))),
    },
  }
}

/** Rows that become visible late, and claims that go on behind the last row that was visible. */
const passingOver = (outbox: Outbox): Partial<Outbox> => {
  const wasLate = new Set<string>()
  return {
    claim: (lease, after, limit) =>
      Effect.map(outbox.claim(lease, after, limit), (claimed) => {
        const [first, ...others] = claimed
        // A row is late only behind rows that share no key with it.
        if (first === undefined || others.length === 0 || wasLate.has(first.event.id)) return claimed
        if (others.some(({ event }) => event.key === first.event.key)) return claimed
        wasLate.add(first.event.id)
        return others
      }),
  }
}

/** Leases as the clock of whoever asks has it. What is held by whom is one for all processes of a store. */
const judgedByCallers = () => {
  const ofStores = new WeakMap<StoreShape, Map<string, { readonly owner: string; readonly until: number }>>()
  return (seen: StoreShape, itself: StoreShape): StoreShape => {
    const { outbox } = seen
    const { leasing } = leasesOfEverybody(outbox)
    const held = ofStores.get(itself) ?? new Map<string, { readonly owner: string; readonly until: number }>()
    ofStores.set(itself, held)
    return {
      ...seen,
      outbox: {
        ...outbox,
        lease: (name, owner, leaseMillis) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const other = held.get(name)
            if (other !== undefined && other.owner !== owner && now < other.until) return Effect.succeed(undefined)
            held.set(name, { owner, until: now + leaseMillis })
            return leasing(name, owner, leaseMillis)
          }),
        renew: (lease, leaseMillis) =>
          Effect.tap(outbox.renew(lease, leaseMillis), () =>
            Effect.map(Clock.currentTimeMillis, (now) =>
              held.set(lease.name, { owner: lease.owner, until: now + leaseMillis }),
            ),
          ),
        release: (lease) => Effect.tap(outbox.release(lease), () => Effect.sync(() => held.delete(lease.name))),
      },
    }
  }
}

/** An acknowledgement of one name that all names take for theirs. */
const sharedAcknowledgements = (outbox: Outbox): Partial<Outbox> => {
  const acknowledged = new Set<string>()
  return {
    acknowledge: (lease, positions) => {
      for (const position of positions) acknowledged.add(keyText(position))
      return outbox.acknowledge(lease, positions)
    },
    ...withheld(outbox, ({ position }) => acknowledged.has(keyText(position))),
  }
}

const everybody = "everybody"
const forEver = Number.MAX_SAFE_INTEGER / 2

/** Leases that are granted to everybody who asks, and the newest one of a name. */
const leasesOfEverybody = (outbox: Outbox) => {
  const held = new Map<string, Lease>()
  const leasing: Outbox["lease"] = (name, owner, leaseMillis) =>
    Effect.map(outbox.lease(name, everybody, leaseMillis), (lease) => {
      if (lease !== undefined) held.set(name, lease)
      return lease && { ...lease, owner }
    })
  return { leasing, newest: (lease: Lease): Lease => held.get(lease.name) ?? lease }
}

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
    tampering: { work: (work) => (inFlight, fibers) => work(new CarelessInFlight(inFlight), fibers) },
  }),
  mutant("parked without a reason", "The outbox keeps a parked event and forgets why.", {
    wrap: outboxOf((outbox) => ({ park: (lease, position, _reason, now) => outbox.park(lease, position, "", now) })),
  }),
  mutant("parked for good", "Asking for a parked event once more does nothing.", {
    wrap: outboxOf(() => ({ unpark: () => Effect.succeed(true) })),
  }),
  mutant("lease shared by all", "The outbox grants every lease and looks at no fence.", {
    wrap: outboxOf((outbox) => {
      const { newest, leasing } = leasesOfEverybody(outbox)
      return {
        lease: leasing,
        renew: (lease, leaseMillis) => outbox.renew(newest(lease), leaseMillis),
        release: (lease) => outbox.release(newest(lease)),
        claim: (lease, after, limit) => outbox.claim(newest(lease), after, limit),
        acknowledge: (lease, positions) => outbox.acknowledge(newest(lease), positions),
        park: (lease, position, reason, now) => outbox.park(newest(lease), position, reason, now),
      }
    }),
  }),
  mutant("lease that never ends", "The lease of a process that is no more is kept for ever.", {
    wrap: outboxOf((outbox) => ({
      lease: (name, owner) => outbox.lease(name, owner, forEver),
      renew: (lease) => outbox.renew(lease, forEver),
    })),
  }),
  mutant("lease judged by the caller's clock", "A lease ends when the clock of whoever asks for it says so.", {
    tampering: { store: judgedByCallers() },
  }),
  mutant("acknowledged under any fence", "The outbox takes an acknowledgement from whoever has lost the lease.", {
    wrap: outboxOf((outbox) => {
      const newest = new Map<string, Lease>()
      return {
        lease: (name, owner, leaseMillis) =>
          Effect.tap(outbox.lease(name, owner, leaseMillis), (lease) =>
            Effect.sync(() => lease && newest.set(name, lease)),
          ),
        acknowledge: (lease, positions) => outbox.acknowledge(newest.get(lease.name) ?? lease, positions),
      }
    }),
  }),
  mutant("fence of the name's own", "The fence of a name is drawn once, and every lease of it has the same.", {
    wrap: outboxOf((outbox) => {
      const { newest, leasing } = leasesByOwner(outbox)
      return {
        lease: leasing,
        renew: (lease, leaseMillis) => outbox.renew(newest(lease), leaseMillis),
        release: (lease) => outbox.release(newest(lease)),
        claim: (lease, after, limit) => outbox.claim(newest(lease), after, limit),
        acknowledge: (lease, positions) => outbox.acknowledge(newest(lease), positions),
        park: (lease, position, reason, now) => outbox.park(newest(lease), position, reason, now),
      }
    }),
  }),
  mutant("registered at once", "A name is registered without waiting for the batches that do not know of it.", {
    wrap: registeringAtOnce,
  }),
  mutant("late rows passed over", "A claim goes on behind the last row, also where an earlier one turned up since.", {
    wrap: outboxOf(passingOver),
  }),
  mutant("acknowledged for all names", "What one subscription has handled is not given to the others.", {
    wrap: outboxOf(sharedAcknowledgements),
  }),
  mutant("popularity counts redeliveries", "Sales are counted by a consumer that does not recognise repeats.", {
    tampering: { forgetfulConsumer: true },
  }),
]
