/**
 * A subscriber of a trial: takes events while the clients run, and whatever is left when they have ended.
 *
 * It plays several processes, owners that follow one another on the lease of one subscription. One that vanishes keeps its
 * lease until it has run out, and what it had not acknowledged must come again.
 */
import { Effect } from "effect"
import { elapsedMillis } from "../../elapsed.ts"
import type { Lease, LeaseLost, Outbox, Position, StoreFault, StoreShape } from "../../ports/index.ts"
import { SubscriptionName } from "../../values.ts"
import type { FaultInjector } from "./faults.ts"
import { newCaller } from "./Process.ts"
import type { Delivery, LateName } from "./Trial.ts"

export interface Subscriber {
  readonly deliveries: ReadonlyArray<Delivery>
  readonly intrusions: ReadonlyArray<string>
  readonly lateNames: ReadonlyArray<LateName>
  /** Registers another name, from now on. */
  readonly register: Effect.Effect<void, StoreFault>
  /** Claims at most `limit` events and acknowledges them, unless the owner vanishes. */
  readonly consume: (client: number, limit: number, vanish: boolean) => Effect.Effect<void, StoreFault>
  /** Takes everything that waits, with an owner that vanishes and one that comes after it. */
  readonly drain: Effect.Effect<void, StoreFault>
}

/** Short: whoever vanishes keeps the next one waiting so long, and live trials wait in real time. */
const leaseMillis = 50
const lookMillis = 10
/** How often a lease that has run out is asked for. */
const mostLooks = 1_000
/** Long enough for two questions after each other. */
const longLeaseMillis = 10_000
/** More rounds than any trial has events. */
const mostRounds = 500
/** Of no concern here. */
const anyBytes = Number.MAX_SAFE_INTEGER

/** Asks again where the store is away for a moment, as whoever serves a subscription does. It breaks no law by that. */
const patient = (outbox: Outbox) => {
  const again = <A, E>(asked: Effect.Effect<A, E | StoreFault>): Effect.Effect<A, E | StoreFault> =>
    Effect.retry(asked, { times: 5, while: (fault) => isLost(fault) })
  return {
    register: (...asked: Parameters<Outbox["register"]>) => again(outbox.register(...asked)),
    unregister: (...asked: Parameters<Outbox["unregister"]>) => again(outbox.unregister(...asked)),
    lease: (...asked: Parameters<Outbox["lease"]>) => again(outbox.lease(...asked)),
    release: (...asked: Parameters<Outbox["release"]>) => again(outbox.release(...asked)),
    claim: (...asked: Parameters<Outbox["claim"]>) => again(outbox.claim(...asked)),
    acknowledge: (...asked: Parameters<Outbox["acknowledge"]>) => again(outbox.acknowledge(...asked)),
    depth: (...asked: Parameters<Outbox["depth"]>) => again(outbox.depth(...asked)),
  }
}

const isLost = (fault: unknown): boolean =>
  typeof fault === "object" && fault !== null && "_tag" in fault && fault._tag === "Lost"

export const observeEvents = Effect.fnUntraced(function* (
  store: StoreShape,
  injector: FaultInjector,
  prefix: string,
  next: () => number,
  listens = true,
): Effect.fn.Return<Subscriber, StoreFault> {
  const name = SubscriptionName.make(`${prefix}-events`)
  const outbox = patient(store.outbox)
  const disturbed = injector.for(newCaller()).outbox
  const deliveries: Array<Delivery> = []
  const intrusions: Array<string> = []
  let owners = 0
  /** What the last owner that vanished had in hand. */
  let vanished: { readonly lease: Lease; readonly position: Position } | undefined
  if (listens) yield* outbox.register(name)

  const leased = Effect.fnUntraced(function* (owner: string): Effect.fn.Return<Lease | undefined, StoreFault> {
    // The last owner may have vanished; time passes until its lease has run out.
    for (let look = 0; look < mostLooks; look++) {
      const lease = yield* outbox.lease(name, owner, leaseMillis)
      if (lease !== undefined) return lease
      yield* Effect.sleep(lookMillis)
    }
    intrusions.push(`${owner} did not get a lease that had run out.`)
    return undefined
  })

  /** Whoever woke up again settles nothing under a lease that another owner has by now. */
  const wakesUp = Effect.gen(function* () {
    if (vanished === undefined) return
    const { lease, position } = vanished
    vanished = undefined
    const settled = yield* Effect.result(outbox.acknowledge(lease, [position]))
    if (settled._tag === "Success") intrusions.push(`${lease.owner} acknowledged under a lease that it had lost.`)
    else if (settled.failure._tag !== "LeaseLost") return yield* Effect.fail(settled.failure)
  })

  /** A process that serves the subscription for a while. Owners come one after the other: leases see to it. */
  const serve = Effect.fnUntraced(function* (limit: number, rounds: number, vanish: boolean) {
    const owner = `owner-${owners++}`
    const lease = yield* leased(owner)
    if (lease === undefined) return 0
    yield* wakesUp
    let after: Delivery["event"]["id"] | undefined
    let position: Position | undefined
    let taken = 0
    for (let round = 0; round < rounds; round++) {
      const start = next()
      const claimed = yield* whileHeld(outbox.claim(lease, position, { events: limit, bytes: anyBytes }))
      const end = next()
      // Whoever vanishes has handled some of what it claimed, and acknowledged none of it.
      const handled = vanish ? claimed.slice(0, Math.floor(claimed.length / 2)) : claimed
      for (const { event } of handled) deliveries.push({ event, owner, start, end })
      taken += claimed.length
      const last = claimed.at(-1)
      if (last === undefined) break
      if (last.event.id === after) {
        intrusions.push(`${owner} was given ${after} again under one lease.`)
        break
      }
      after = last.event.id
      position = last.position
      yield* Effect.yieldNow
      if (vanish) {
        vanished = { lease, position }
        return taken
      }
      yield* Effect.ignore(
        disturbed.acknowledge(
          lease,
          claimed.map((each) => each.position),
        ),
      )
    }
    yield* outbox.release(lease)
    return taken
  })

  /** Nobody else asks for the lease meanwhile, so it is never lost, however slow the trial is. */
  const whileHeld = <A>(asked: Effect.Effect<ReadonlyArray<A>, StoreFault | LeaseLost>) =>
    Effect.catchTag(asked, "LeaseLost", ({ fence }) => {
      intrusions.push(`The lease ${fence} was lost while nobody else asked for it.`)
      return Effect.succeed<ReadonlyArray<A>>([])
    })

  /** A lease that is held is given to nobody else, and nobody gets events by a lease of the past. */
  const intrude = Effect.gen(function* () {
    const past = yield* leased("past")
    if (past === undefined) return
    yield* outbox.release(past)
    const askedAt = yield* elapsedMillis
    const held = yield* outbox.lease(name, "holder", longLeaseMillis)
    if (held === undefined) {
      intrusions.push("A lease that was given up is not given to the next owner.")
      return
    }
    if (held.fence <= past.fence) intrusions.push("A later lease has no greater fence.")
    const second = yield* outbox.lease(name, "stranger", longLeaseMillis)
    if (second !== undefined && (yield* elapsedMillis) - askedAt < longLeaseMillis)
      intrusions.push("A second owner got a lease that is held.")
    const stolen = yield* Effect.result(outbox.claim(past, undefined, { events: 5, bytes: anyBytes }))
    if (stolen._tag === "Success") intrusions.push("An owner without the lease was not told so.")
    yield* outbox.release(held)
  })

  const late: Array<{ readonly name: SubscriptionName; readonly start: number; readonly end: number }> = []
  const lateNames: Array<LateName> = []
  const register = Effect.gen(function* () {
    const lateName = SubscriptionName.make(`${prefix}-late-${late.length}`)
    const start = next()
    yield* outbox.register(lateName)
    late.push({ name: lateName, start, end: next() })
  })
  /** Looks once at what waits for the late names, which nobody serves, and forgets them. */
  const lookAtLate = Effect.forEach(late, ({ name: lateName, start, end }) =>
    Effect.gen(function* () {
      const eventIds = new Set<string>()
      const lease = yield* outbox.lease(lateName, "late", longLeaseMillis)
      for (let position: Position | undefined; lease !== undefined; ) {
        const claimed = yield* whileHeld(outbox.claim(lease, position, { events: 100, bytes: anyBytes }))
        for (const { event } of claimed) eventIds.add(event.id)
        position = claimed.at(-1)?.position
        if (position === undefined) break
      }
      lateNames.push({ start, end, eventIds })
      yield* outbox.unregister(lateName)
    }),
  )

  let serving = false
  return {
    deliveries,
    intrusions,
    lateNames,
    register,
    consume: (_client, limit, vanish) =>
      Effect.suspend(() => {
        // Two owners at once would be two processes that both hold the lease.
        if (serving) return Effect.void
        serving = true
        return Effect.ensuring(
          Effect.asVoid(serve(limit, 1, vanish)),
          Effect.sync(() => {
            serving = false
          }),
        )
      }),
    drain: Effect.gen(function* () {
      if (!listens) {
        yield* lookAtLate
        return
      }
      yield* serve(2, 1, true)
      for (let round = 0; round < mostRounds; round++) {
        if ((yield* serve(7, mostRounds, false)) === 0) break
      }
      yield* lookAtLate
      yield* intrude
      const { waiting } = yield* outbox.depth(name)
      if (waiting > 0) intrusions.push(`${waiting} events still wait after everything was acknowledged.`)
      yield* outbox.unregister(name)
    }),
  }
})
