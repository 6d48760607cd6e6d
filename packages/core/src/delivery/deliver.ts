/**
 * The loop that serves one durable name from a store's outbox, for ever: take the lease, serve while it is ours, and
 * when it is lost or the store fails, wait and try again.
 *
 * It handles nothing itself: `perKey` runs a subscriber's handler, `inBatches` publishes to a bus.
 */
import { Cause, Effect } from "effect"
import type { Outbox, StoreFault } from "../ports/index.ts"
import { textOfCause } from "../thrown.ts"
import type { SubscriptionName } from "../values.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"
import { holdLease, type LeaseEnd, type Terms } from "./holdLease.ts"
import type { Work } from "./InFlight.ts"
import type { Pulse, Wake } from "./Pulse.ts"
import type { Standing } from "./Standing.ts"

/** How the loop paces itself. Every value has a default. */
export interface Pace {
  /** How long a lease holds without renewal, at most 10 s; it is renewed at a third. 10 s. */
  readonly leaseMillis?: number | undefined
  /** The most events of one claim. 500. */
  readonly limit?: number | undefined
  /** The most JSON that one claim reads, in bytes; a single event may be larger. 512 KiB. */
  readonly limitBytes?: number | undefined
  /**
   * The most events claimed and neither acknowledged nor parked. 2,000. Those behind an event that fails or takes long
   * are read again when their turn comes, and do not count.
   */
  readonly maxInFlight?: number | undefined
  /** The most JSON that these are, in bytes, and a claim more. 4 MiB. */
  readonly maxInFlightBytes?: number | undefined
}

/** A process that is frozen or cut off is followed by another one after this long, however its leases were asked for. */
const longestLeaseMillis = 10_000

export interface DeliverOptions extends Pace {
  readonly outbox: Outbox
  readonly name: SubscriptionName
  /** A value that no other loop of this name uses, in this process or another. */
  readonly owner: string
  /**
   * How often to look for what other processes committed. Leave it out where there are none: then an idle loop holds no
   * timer and lets its lease lapse.
   */
  readonly pollMillis?: number | undefined
  /** Wakes this loop: `wake.look()` after a commit, or when a parked event waits again. */
  readonly wake: Wake
  /** Beats whenever events were acknowledged or parked. */
  readonly progress: Pulse
  /** Where it is written down whether this process has the lease. */
  readonly standing: Standing
}

/** How often a process asks for a lease that another one has. */
const standbyMillis = 500

/** Serves a durable name until it is interrupted. Then what was handled is acknowledged and the lease given up. */
export const deliver = Effect.fnUntraced(function* (options: DeliverOptions, work: Work): Effect.fn.Return<never> {
  const terms = termsOf(options)
  for (let failures = 0; ; ) {
    const ended = yield* Effect.catchCause(holdLease(terms, work), (cause) =>
      // A defect of a store or of ours is no reason to stop delivering: it is logged, and the loop starts over. A store
      // that is away is told of once for all of its calls, by whoever watches it.
      Effect.as(
        isAway(cause)
          ? Effect.void
          : Effect.logWarning(`Delivery to "${options.name}" starts over. ${textOfCause(cause)}`).pipe(
              Effect.annotateLogs({ subscription: options.name }),
            ),
        "failed" as const,
      ),
    )
    failures = ended === "failed" ? failures + 1 : 0
    yield* Effect.sleep(yield* pauseMillis(ended, failures, terms))
  }
})

const isAway = ({ reasons }: Cause.Cause<StoreFault>): boolean =>
  reasons.length > 0 && reasons.every((reason) => Cause.isFailReason(reason) && reason.error._tag === "Lost")

const pauseMillis = (ended: LeaseEnd | "failed", failures: number, terms: Terms): Effect.Effect<number> => {
  // A lease that was lost may be free: our own store calls can have been what was late.
  if (ended !== "another owner has it") return backoffMillis(Math.max(1, failures), defaultBackoff)
  // An owner that stops gives the lease up, and of one that is killed a store may know at once.
  return Effect.succeed(Math.min(terms.leaseMillis / 3, standbyMillis))
}

const termsOf = (options: DeliverOptions): Terms => {
  const { limit = 500, limitBytes = 512 * 1_024, maxInFlight = 2_000, maxInFlightBytes = 4 * 1_024 * 1_024 } = options
  const most = { events: Math.max(1, maxInFlight), bytes: Math.max(1, maxInFlightBytes) }
  return {
    outbox: options.outbox,
    name: options.name,
    owner: options.owner,
    pollMillis: options.pollMillis,
    leaseMillis: Math.min(longestLeaseMillis, Math.max(1, options.leaseMillis ?? longestLeaseMillis)),
    limit: {
      events: Math.min(most.events, Math.max(1, limit)),
      bytes: Math.min(most.bytes, Math.max(1, limitBytes)),
    },
    most,
    wake: options.wake,
    progress: options.progress,
    standing: options.standing,
  }
}
