/**
 * One tenure: what an owner does for a durable name while it holds the name's lease.
 *
 * It renews the lease, acknowledges and parks what the work reports, and claims more while there is room. One fiber does
 * all of that, one thing at a time; the handlers run beside it.
 *
 * Claims go forward from the last position claimed, and from the beginning again whenever nothing is in hand and at every
 * renewal of the lease. So an event that turned up behind the cursor, because it was parked and waits again, is only
 * late; what is in hand already is left out here.
 */
import { Clock, Effect, Exit, FiberSet } from "effect"
import type { Lease, Outbox, Position } from "../ports/Outbox.ts"
import type { StoreFault } from "../ports/Store.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"
import { Hand, type Work, type Worker } from "./Hand.ts"
import type { Pulse, Wake } from "./Pulse.ts"

/** What a tenure is held with: the options of `deliver`, decided. */
export interface Terms {
  readonly outbox: Outbox
  readonly lease: Lease
  readonly pollMillis: number | undefined
  readonly leaseMillis: number
  readonly limit: number
  readonly maxInFlight: number
  readonly wake: Wake
  readonly progress: Pulse
}

/** How a tenure ends, other than by interruption or a fault of the store while it begins. */
export type Ended = "another owner has it" | "lost"

/** How long an owner that stops waits for the store to take its last acknowledgement and its lease back. */
const leavingMillis = 1_000

interface Tenure {
  readonly terms: Terms
  readonly hand: Hand
  readonly worker: Worker
  /** When the lease was last taken, by our clock before we asked. */
  leasedAt: number
  /** When to look for what other processes committed; never where there are none. */
  pollAt: number
  /** The last position claimed; undefined to claim from the beginning. */
  cursor: Position | undefined
}

/** Takes the lease and serves the name until another owner has it, then drops what is in hand. */
export const tenure = Effect.fnUntraced(function* (terms: Terms, work: Work): Effect.fn.Return<Ended, StoreFault> {
  const hand = new Hand(terms.wake)
  const serve = Effect.gen(function* () {
    const leasedAt = yield* Clock.currentTimeMillis
    if (!(yield* take(terms, leasedAt, terms.leaseMillis))) return "another owner has it"
    const fibers = yield* FiberSet.make<void, never>()
    const worker = yield* work(hand, fibers)
    terms.wake.mayClaim = true
    const held: Tenure = { terms, hand, worker, leasedAt, pollAt: Number.POSITIVE_INFINITY, cursor: undefined }
    // A defect of the work itself ends the tenure, rather than leaving its events in hand for ever.
    return yield* Effect.raceFirst(tend(held), Effect.as(FiberSet.join(fibers), "lost" as const))
  })
  // The handlers have ended when the scope has closed: only then is the lease given up.
  return yield* Effect.onExit(Effect.scoped(serve), (exit) => (Exit.isSuccess(exit) ? Effect.void : leave(terms, hand)))
})

const take = ({ outbox, lease, leaseMillis }: Terms, now: number, withinMillis: number) =>
  orLost(outbox.lease(lease, now, leaseMillis), withinMillis)

/** Acknowledges what was handled and gives the lease up, as far as the store lets it in a short time. */
const leave = ({ outbox, lease, progress }: Terms, hand: Hand): Effect.Effect<void> =>
  Effect.gen(function* () {
    const handled = hand.toAcknowledge.map((one) => one.position)
    if (handled.length > 0) yield* Effect.ignoreCause(outbox.acknowledge(lease, handled))
    yield* Effect.ignoreCause(outbox.release(lease))
    progress.beat()
  }).pipe(Effect.timeoutOption(leavingMillis), Effect.asVoid)

const tend = Effect.fnUntraced(function* (held: Tenure): Effect.fn.Return<Ended> {
  const { wake } = held.terms
  for (let faults = 0; ; ) {
    // Taken before anything is looked at, so that nothing which happens meanwhile is slept through.
    const woken = wake.next
    const passed = yield* Effect.result(pass(held))
    if (passed._tag === "Success") {
      if (passed.success === "lost") return "lost"
      faults = 0
      yield* rest(held, woken)
    } else {
      faults += 1
      if (faults === 1) {
        yield* Effect.logWarning(`The outbox fails "${held.terms.lease.name}"; trying again.`, passed.failure)
      }
      const pause = yield* backoffMillis(faults, defaultBackoff)
      yield* Effect.sleep(Math.min(pause, yield* untilLost(held)))
    }
  }
})

/** Does all that can be done now. */
const pass = Effect.fnUntraced(function* (held: Tenure): Effect.fn.Return<Ended | "held", StoreFault> {
  const { terms, hand } = held
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    // After this moment another owner may be handling the same events.
    if (now >= held.leasedAt + terms.leaseMillis && hand.size > 0) return "lost"
    if (now >= renewAt(held)) {
      // With nothing in hand the old lease may have run out long ago, and there is nothing to lose.
      const left = hand.size > 0 ? held.leasedAt + terms.leaseMillis - now : terms.leaseMillis
      if (!(yield* take(terms, now, left))) return "lost"
      held.leasedAt = now
      held.cursor = undefined
      terms.wake.mayClaim = true
    }
    if (now >= held.pollAt) terms.wake.mayClaim = true
    yield* settle(held)
    if (!hasRoom(held) || !(yield* claim(held))) return "held"
  }
})

/** Acknowledges and parks what the work has reported. */
const settle = Effect.fnUntraced(function* (held: Tenure): Effect.fn.Return<void, StoreFault> {
  const { outbox, lease, progress } = held.terms
  const handled = held.hand.toAcknowledge.map((one) => one.position)
  if (handled.length > 0) {
    yield* inTime(held, outbox.acknowledge(lease, handled))
    held.hand.acknowledged(handled.length)
    progress.beat()
  }
  for (let failed = held.hand.toPark[0]; failed !== undefined; failed = held.hand.toPark[0]) {
    const now = yield* Clock.currentTimeMillis
    yield* inTime(held, outbox.park(lease, failed.claimed.position, failed.reason, now))
    held.hand.parked()
    progress.beat()
  }
})

/** Hysteresis of a whole batch: asking for one event whenever one is settled would read everything in hand each time. */
const hasRoom = ({ terms, hand, worker }: Tenure): boolean =>
  hand.size + terms.limit <= terms.maxInFlight && worker.ready() < terms.limit

/** Claims a batch and hands it to the work. False where nothing is left to claim. */
const claim = Effect.fnUntraced(function* (held: Tenure): Effect.fn.Return<boolean, StoreFault> {
  const { terms, hand, worker } = held
  if (!terms.wake.mayClaim) return false
  // Before the claim: whatever is committed while the store answers must be looked for again.
  terms.wake.mayClaim = false
  if (hand.size === 0) held.cursor = undefined
  const claimed = yield* inTime(held, terms.outbox.claim(terms.lease, held.cursor, terms.limit)).pipe(
    Effect.tapError(() =>
      Effect.sync(() => {
        terms.wake.mayClaim = true
      }),
    ),
  )
  if (terms.pollMillis !== undefined) held.pollAt = (yield* Clock.currentTimeMillis) + terms.pollMillis
  held.cursor = claimed.at(-1)?.position ?? held.cursor
  if (claimed.length >= terms.limit) terms.wake.mayClaim = true
  yield* worker.accept(hand.take(claimed))
  return terms.wake.mayClaim
})

/** Sleeps until there is something to do. Idle and without polls there is no timer: it keeps no process alive. */
const rest = Effect.fnUntraced(function* (held: Tenure, woken: Effect.Effect<void>) {
  const { wake } = held.terms
  const now = yield* Clock.currentTimeMillis
  const renewal = held.hand.size > 0 ? renewAt(held) : Number.POSITIVE_INFINITY
  const poll = wake.mayClaim ? Number.POSITIVE_INFINITY : held.pollAt
  const pause = Math.min(renewal, poll) - now
  yield* Number.isFinite(pause) ? Effect.timeoutOption(woken, Math.max(0, Math.ceil(pause))) : woken
  // Whoever woke us runs on first: handlers that finish together are acknowledged together, and a commit that ends in
  // `changed` does not find our work on its stack.
  yield* Effect.yieldNow
})

const renewAt = ({ terms, leasedAt }: Tenure): number => leasedAt + Math.floor(terms.leaseMillis / 3)

/** How long the lease certainly holds: for ever where nothing is in hand that another owner could take. */
const untilLost = ({ terms, hand, leasedAt }: Tenure): Effect.Effect<number> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    hand.size === 0 ? Number.POSITIVE_INFINITY : Math.max(0, leasedAt + terms.leaseMillis - now),
  )

/** A store that hangs must not keep us from seeing that the lease has run out. */
const inTime = <A>(held: Tenure, call: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => orLost(call, held.leasedAt + held.terms.leaseMillis - now))

const orLost = <A>(call: Effect.Effect<A, StoreFault>, millis: number): Effect.Effect<A, StoreFault> =>
  Effect.timeoutOrElse(call, {
    duration: Math.max(1, millis),
    orElse: () => Effect.fail<StoreFault>({ _tag: "Lost", reason: "The store did not answer before the lease ended." }),
  })
