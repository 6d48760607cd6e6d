/**
 * A subscriber of a trial: takes events while the clients run, and whatever is left when they have ended.
 *
 * It plays several processes, owners that follow one another on the lease of one subscription. One that vanishes keeps its
 * lease until it has run out, and what it had not acknowledged must come again.
 */
import { Clock, Effect } from "effect"
import type { Outbox } from "../../ports/Outbox.ts"
import type { StoreFault, StoreShape } from "../../ports/Store.ts"
import { SubscriptionName } from "../../values.ts"
import type { Door } from "./faults.ts"
import { newCaller } from "./Process.ts"
import type { Delivery } from "./Trial.ts"

export interface Subscriber {
  readonly deliveries: ReadonlyArray<Delivery>
  readonly intrusions: ReadonlyArray<string>
  /** Claims at most `limit` events and acknowledges them, unless the owner vanishes. */
  readonly consume: (client: number, limit: number, vanish: boolean) => Effect.Effect<void, StoreFault>
  /** Takes everything that waits, with an owner that vanishes and one that comes after it. */
  readonly drain: Effect.Effect<void, StoreFault>
}

const leaseMillis = 1_000
/** More rounds than any trial has events. */
const mostRounds = 500

/** Asks again where the store is away for a moment, as whoever serves a subscription does. It breaks no law by that. */
const patient = (outbox: Outbox) => {
  const again = <A>(asked: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> =>
    Effect.retry(asked, { times: 5, while: ({ _tag }) => _tag === "Lost" })
  return {
    register: (...asked: Parameters<Outbox["register"]>) => again(outbox.register(...asked)),
    unregister: (...asked: Parameters<Outbox["unregister"]>) => again(outbox.unregister(...asked)),
    lease: (...asked: Parameters<Outbox["lease"]>) => again(outbox.lease(...asked)),
    release: (...asked: Parameters<Outbox["release"]>) => again(outbox.release(...asked)),
    claim: (...asked: Parameters<Outbox["claim"]>) => again(outbox.claim(...asked)),
    depth: (...asked: Parameters<Outbox["depth"]>) => again(outbox.depth(...asked)),
  }
}

export const observeEvents = Effect.fnUntraced(function* (
  store: StoreShape,
  door: Door,
  prefix: string,
  next: () => number,
): Effect.fn.Return<Subscriber, StoreFault> {
  const name = SubscriptionName.make(`${prefix}-events`)
  const outbox = patient(store.outbox)
  const disturbed = door.for(newCaller()).outbox
  const deliveries: Array<Delivery> = []
  const intrusions: Array<string> = []
  let owners = 0
  let now = yield* Clock.currentTimeMillis
  yield* outbox.register(name)

  /** A process that serves the subscription for a while. Owners come one after the other: leases see to it. */
  const serve = Effect.fnUntraced(function* (limit: number, rounds: number, vanish: boolean) {
    const owner = `owner-${owners++}`
    const lease = { name, owner }
    // The last owner may have vanished; time passes until its lease has run out.
    now = Math.max(now + leaseMillis + 1, yield* Clock.currentTimeMillis)
    if (!(yield* outbox.lease(lease, now, leaseMillis))) {
      intrusions.push(`${owner} did not get a lease that had run out.`)
      return 0
    }
    let after: Delivery["event"]["id"] | undefined
    let position: Parameters<typeof outbox.claim>[1]
    let taken = 0
    for (let round = 0; round < rounds; round++) {
      const start = next()
      const claimed = yield* outbox.claim(lease, position, limit)
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
      if (vanish) return taken
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

  let serving = false
  return {
    deliveries,
    intrusions,
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
      yield* serve(2, 1, true)
      for (let round = 0; round < mostRounds; round++) {
        if ((yield* serve(7, mostRounds, false)) === 0) break
      }
      const stranger = { name, owner: "stranger" }
      const holder = { name, owner: "holder" }
      now += leaseMillis + 1
      yield* outbox.lease(holder, now, leaseMillis)
      if (yield* outbox.lease(stranger, now + 1, leaseMillis))
        intrusions.push("A second owner got a lease that is held.")
      if ((yield* outbox.claim(stranger, undefined, 5)).length > 0)
        intrusions.push("An owner without lease got events.")
      const { waiting } = yield* outbox.depth(name)
      if (waiting > 0) intrusions.push(`${waiting} events still wait after everything was acknowledged.`)
      yield* outbox.unregister(name)
    }),
  }
})
