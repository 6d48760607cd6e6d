/**
 * The loop that serves one durable name from a store's outbox, for ever: take the lease, serve while it is ours, and
 * when it is lost or the store fails, wait and try again.
 *
 * It handles nothing itself: `perKey` runs a subscriber's handler, `inBatches` publishes to a bus.
 */
import { Effect } from "effect"
import type { Outbox } from "../ports/Outbox.ts"
import type { SubscriptionName } from "../values.ts"
import { backoffMillis, defaultBackoff } from "./backoff.ts"
import type { Work } from "./Hand.ts"
import type { Pulse, Wake } from "./Pulse.ts"
import { type Ended, type Terms, tenure } from "./tenure.ts"

/** How the loop paces itself. Every value has a default. */
export interface Pace {
  /** How long a lease holds without renewal; it is renewed at a third. 30 s. */
  readonly leaseMillis?: number | undefined
  /** The most events of one claim. 100. */
  readonly limit?: number | undefined
  /** The most events claimed and neither acknowledged nor parked. 1,000. */
  readonly maxInFlight?: number | undefined
}

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
}

/** Serves a durable name until it is interrupted. Then what was handled is acknowledged and the lease given up. */
export const deliver = Effect.fnUntraced(function* (options: DeliverOptions, work: Work): Effect.fn.Return<never> {
  const terms = termsOf(options)
  for (let failures = 0; ; ) {
    const ended = yield* Effect.catchCause(tenure(terms, work), (cause) =>
      // A defect of a store or of ours is no reason to stop delivering: it is logged, and the loop starts over.
      Effect.as(Effect.logWarning(`Delivery to "${options.name}" starts over.`, cause), "failed" as const),
    )
    failures = ended === "failed" ? failures + 1 : 0
    yield* Effect.sleep(yield* pauseMillis(ended, failures, terms))
  }
})

const pauseMillis = (ended: Ended | "failed", failures: number, terms: Terms): Effect.Effect<number> => {
  // A lease that was lost may be free: our own store calls can have been what was late.
  if (ended !== "another owner has it") return backoffMillis(Math.max(1, failures), defaultBackoff)
  // The other owner renews at a third of the lease, and one that stops gives it up: looking more often finds nothing.
  return Effect.succeed(Math.min(terms.leaseMillis / 3, Math.max(terms.pollMillis ?? terms.leaseMillis, 100)))
}

const termsOf = (options: DeliverOptions): Terms => {
  const maxInFlight = Math.max(1, options.maxInFlight ?? 1_000)
  return {
    outbox: options.outbox,
    lease: { name: options.name, owner: options.owner },
    pollMillis: options.pollMillis,
    leaseMillis: Math.max(1, options.leaseMillis ?? 30_000),
    limit: Math.min(maxInFlight, Math.max(1, options.limit ?? 100)),
    maxInFlight,
    wake: options.wake,
    progress: options.progress,
  }
}
