/**
 * Holding a lease: what an owner does for a durable name meanwhile.
 *
 * It renews the lease, acknowledges and parks what the work reports, and claims more while there is room. One fiber does
 * all of that, one thing at a time; the handlers run beside it. Whatever the store answers, the holding ends when the
 * lease may have: what is in hand is dropped before another owner may be given it.
 *
 * Claims go on from the last position claimed, and from the beginning whenever nothing is in hand. So an event that
 * turned up behind the cursor, because it was parked and waits again, is only late; what is in hand is left out here.
 */
import { Clock, Effect, FiberSet } from "effect"
import { elapsedMillis } from "../elapsed.ts"
import type { Claimed, ClaimLimit, Lease, LeaseLost, Outbox, Position, StoreFault } from "../ports/index.ts"
import { textOfThrown } from "../thrown.ts"
import type { SubscriptionName } from "../values.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"
import { InFlight, type Work, type Worker } from "./InFlight.ts"
import type { Pulse, Wake } from "./Pulse.ts"
import type { Standing } from "./Standing.ts"

/** What a lease is held with: the options of `deliver`, decided. */
export interface Terms {
  readonly outbox: Outbox
  readonly name: SubscriptionName
  readonly owner: string
  readonly pollMillis: number | undefined
  readonly leaseMillis: number
  /** Of one claim. */
  readonly limit: ClaimLimit
  /** Of what is in hand. */
  readonly most: ClaimLimit
  readonly wake: Wake
  readonly progress: Pulse
  readonly standing: Standing
}

/** How the holding of a lease ends, other than by interruption or a fault of the store while it begins. */
export type LeaseEnd = "another owner has it" | "lost"

/** The most events that are in hand by their positions only: those of keys that are held up by an earlier one. */
const mostLetGo = 100_000
/** How often a full hand is looked through for what could be let go: events behind a handler that takes long. */
const fullMillis = 250
/** How long an owner that stops waits for the store to take its last acknowledgement and its lease back. */
const leavingMillis = 1_000

/** All times are of `elapsedMillis`. */
interface HeldLease {
  readonly terms: Terms
  readonly lease: Lease
  readonly inFlight: InFlight
  readonly worker: Worker
  /** When to renew the lease. */
  renewAt: number
  /** When to look for what other processes committed; never where there are none. */
  pollAt: number
  /** The last position claimed; undefined to claim from the beginning. */
  cursor: Position | undefined
}

/** Takes the lease and serves the name until another owner has it, then drops what is in hand. */
export const holdLease = Effect.fnUntraced(function* (
  terms: Terms,
  work: Work,
): Effect.fn.Return<LeaseEnd, StoreFault> {
  const { outbox, name, owner, leaseMillis, wake } = terms
  const askedAt = yield* elapsedMillis
  const lease = yield* orLost(outbox.lease(name, owner, leaseMillis), leaseMillis)
  if (lease === undefined) return "another owner has it"
  terms.standing.hasLease = true
  terms.standing.takeovers++
  const inFlight = new InFlight(wake, lease)
  const serve = Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void, never>()
    const worker = yield* work(inFlight, fibers)
    const held: HeldLease = {
      terms,
      lease,
      inFlight,
      worker,
      renewAt: 0,
      pollAt: Number.POSITIVE_INFINITY,
      cursor: undefined,
    }
    isHeld(held, askedAt)
    wake.mayClaim = true
    // A defect of the work itself ends the holding, rather than leaving its events in hand for ever.
    return yield* Effect.raceFirst(tend(held), Effect.as(FiberSet.join(fibers), "lost" as const))
  })
  // The handlers have ended when the scope has closed: only then is the lease given up. One that was lost by our own
  // reckoning may be nobody else's yet, and the store knows.
  return yield* Effect.ensuring(Effect.scoped(serve), leave(terms, lease, inFlight))
})

/** The store has granted the lease at `askedAt` or later, so it holds that long at least. */
const isHeld = (held: HeldLease, askedAt: number): void => {
  const { leaseMillis } = held.terms
  held.inFlight.holdsUntil = askedAt + leaseMillis
  held.renewAt = askedAt + Math.floor(leaseMillis / 3)
}

/** Acknowledges what was handled and gives the lease up, as far as the store lets it in a short time. */
const leave = ({ outbox, progress, standing }: Terms, lease: Lease, inFlight: InFlight): Effect.Effect<void> =>
  Effect.gen(function* () {
    standing.hasLease = false
    const handled = positionsOf(inFlight.toAcknowledge)
    if (handled.length > 0) yield* Effect.ignoreCause(outbox.acknowledge(lease, handled))
    yield* Effect.ignoreCause(outbox.release(lease))
    progress.beat()
  }).pipe(Effect.timeoutOption(leavingMillis), Effect.asVoid)

const tend = Effect.fnUntraced(function* (held: HeldLease): Effect.fn.Return<LeaseEnd> {
  const { wake, name } = held.terms
  for (let faults = 0; ; ) {
    // Taken before anything is looked at, so that nothing which happens meanwhile is slept through.
    const woken = wake.next
    const passed = yield* Effect.result(pass(held))
    if (passed._tag === "Success") {
      if (passed.success === "lost") return "lost"
      faults = 0
      yield* rest(held, woken)
    } else {
      if (passed.failure._tag === "LeaseLost") return "lost"
      faults += 1
      // A store that is away is told of once for all of its calls, by whoever watches it.
      if (faults === 1 && passed.failure._tag !== "Lost") {
        const why = textOfThrown(passed.failure)
        yield* Effect.logWarning(`The outbox fails "${name}"; trying again. ${why}`).pipe(
          Effect.annotateLogs({ subscription: name }),
        )
      }
      // A store may take a lost connection for the end of its owner: it is told otherwise before anything else.
      held.renewAt = 0
      const pause = yield* backoffMillis(faults, defaultBackoff)
      yield* Effect.sleep(Math.min(pause, yield* untilLost(held)))
    }
  }
})

/** Does all that can be done now. */
const pass = Effect.fnUntraced(function* (
  held: HeldLease,
): Effect.fn.Return<LeaseEnd | "held", StoreFault | LeaseLost> {
  const { terms, lease, inFlight } = held
  for (;;) {
    const now = yield* elapsedMillis
    // After this moment another owner may be handling the same events.
    if (now >= inFlight.holdsUntil && inFlight.size > 0) return "lost"
    if (now >= held.renewAt) {
      // With nothing in hand the lease may have run out long ago, and there is nothing to lose.
      const left = inFlight.size > 0 ? inFlight.holdsUntil - now : terms.leaseMillis
      yield* orLost(terms.outbox.renew(lease, terms.leaseMillis), left)
      isHeld(held, now)
      yield* held.worker.goOn
    }
    if (now >= held.pollAt) terms.wake.mayClaim = true
    yield* settle(held)
    if (!hasRoom(held)) held.worker.makeRoom?.()
    if (!hasRoom(held)) return "held"
    // What was let go comes back by this alone, so it must not wait for there to be less of it.
    const isBack = yield* takeBack(held)
    if (!(yield* claim(held)) && !isBack) return "held"
  }
})

/** Acknowledges and parks what the work has reported. */
const settle = Effect.fnUntraced(function* (held: HeldLease): Effect.fn.Return<void, StoreFault | LeaseLost> {
  const { lease, inFlight } = held
  const { outbox, progress } = held.terms
  const handled = positionsOf(inFlight.toAcknowledge)
  if (handled.length > 0) {
    yield* inTime(held, outbox.acknowledge(lease, handled))
    inFlight.acknowledged(handled.length)
    progress.beat()
  }
  for (let failed = inFlight.toPark[0]; failed !== undefined; failed = inFlight.toPark[0]) {
    const now = yield* Clock.currentTimeMillis
    const { claimed, reason } = failed
    const parking = (as: string) => inTime(held, outbox.park(lease, claimed.position, as, now))
    // The reason alone is the host's text. A store that refuses it would be asked for ever, and everything else would wait.
    yield* Effect.catchTag(parking(reason), "Rejected", () => parking(inAscii(reason)))
    inFlight.parked()
    progress.beat()
  }
})

const inAscii = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?")

const positionsOf = (claimed: ReadonlyArray<Claimed>): ReadonlyArray<Position> =>
  claimed.map(({ position }) => position)

/** Hysteresis of a whole claim: asking for one event whenever one is settled would cost a claim for each. */
const hasRoom = ({ terms: { limit, most }, inFlight, worker }: HeldLease): boolean =>
  inFlight.kept + limit.events <= most.events &&
  inFlight.bytes + limit.bytes <= most.bytes &&
  worker.ready() < limit.events

/** Reads again what the work had let go and wants back. True where there was something. */
const takeBack = Effect.fnUntraced(function* (held: HeldLease): Effect.fn.Return<boolean, StoreFault | LeaseLost> {
  const { terms, lease, worker } = held
  const wanted = worker.wanted?.(terms.limit.events) ?? []
  if (wanted.length === 0) return false
  worker.takeBack?.(wanted, yield* inTime(held, terms.outbox.reread(lease, wanted, terms.limit.bytes)))
  return true
})

/** Claims a batch and hands it to the work. False where nothing is left to claim. */
const claim = Effect.fnUntraced(function* (held: HeldLease): Effect.fn.Return<boolean, StoreFault | LeaseLost> {
  const { terms, lease, inFlight, worker } = held
  if (!terms.wake.mayClaim || inFlight.letGo >= mostLetGo) return false
  // Before the claim: whatever is committed while the store answers must be looked for again.
  terms.wake.mayClaim = false
  if (inFlight.size === 0) held.cursor = undefined
  const claimed = yield* inTime(held, terms.outbox.claim(lease, held.cursor, terms.limit)).pipe(
    Effect.tapError(() =>
      Effect.sync(() => {
        terms.wake.mayClaim = true
      }),
    ),
  )
  if (terms.pollMillis !== undefined) held.pollAt = (yield* elapsedMillis) + terms.pollMillis
  held.cursor = claimed.at(-1)?.position ?? held.cursor
  // A claim that is bounded by bytes may be short of events and leave some behind.
  if (claimed.length > 0) terms.wake.mayClaim = true
  yield* worker.accept(inFlight.take(claimed))
  return terms.wake.mayClaim
})

/** Sleeps until there is something to do. Idle and without polls there is no timer: it keeps no process alive. */
const rest = Effect.fnUntraced(function* (held: HeldLease, woken: Effect.Effect<void>) {
  const { terms, inFlight } = held
  const now = yield* elapsedMillis
  const renewal = inFlight.size > 0 || terms.pollMillis !== undefined ? held.renewAt : Number.POSITIVE_INFINITY
  const poll = terms.wake.mayClaim ? Number.POSITIVE_INFINITY : held.pollAt
  const room = terms.wake.mayClaim && inFlight.size > 0 ? now + fullMillis : Number.POSITIVE_INFINITY
  const pause = Math.min(renewal, poll, room) - now
  yield* Number.isFinite(pause) ? Effect.timeoutOption(woken, Math.max(0, Math.ceil(pause))) : woken
  // Whoever woke us runs on first: handlers that finish together are acknowledged together, and a commit that ends in
  // `changed` does not find our work on its stack.
  yield* Effect.yieldNow
})

/** How long the lease certainly holds: for ever where nothing is in hand that another owner could take. */
const untilLost = ({ inFlight }: HeldLease): Effect.Effect<number> =>
  Effect.map(elapsedMillis, (now) =>
    inFlight.size === 0 ? Number.POSITIVE_INFINITY : Math.max(0, inFlight.holdsUntil - now),
  )

/** A store that hangs must not keep us from seeing that the lease has run out. */
const inTime = <A, E>(held: HeldLease, call: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFault> =>
  Effect.flatMap(elapsedMillis, (now) => orLost(call, held.inFlight.holdsUntil - now))

const orLost = <A, E>(call: Effect.Effect<A, E>, millis: number): Effect.Effect<A, E | StoreFault> =>
  Effect.timeoutOrElse(call, {
    duration: Math.max(1, millis),
    orElse: () => Effect.fail<StoreFault>({ _tag: "Lost", reason: "The store did not answer before the lease ended." }),
  })
