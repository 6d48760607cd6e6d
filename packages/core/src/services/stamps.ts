/**
 * The stamps of a shop's commands, and the options they come from.
 */
import type { Clock, Random } from "effect"
import type { Settings } from "../decision/call.ts"
import type { Stamps } from "../engine/admission.ts"
import { makeIds } from "../engine/ids.ts"
import { Scope } from "../values.ts"
import type { Event } from "./Events.ts"

/** What a host may choose about a shop, whichever way it uses it. */
export interface HoldfastOptions {
  /** Whether accounts are opened on purpose (default), or also by their first charge. */
  readonly accounts?: Settings["accounts"] | undefined
  /** The scope of idempotency keys for calls that name none. Default "default". */
  readonly scope?: string | undefined
  /** The most calls that may wait. Above it they are answered `Overloaded`. Default 10,000. */
  readonly queueLimit?: number | undefined
  /** The most commands that one commit serves, 1 to 1,024. Default 128. */
  readonly batchLimit?: number | undefined
  /** How long a call may take before it is answered as unavailable, in milliseconds. Default 10,000. */
  readonly deadlineMillis?: number | undefined
  /** Whether this process serves the subscriptions it makes. Default true. */
  readonly workers?: boolean | undefined
  /** Told of every event that was parked, with what its handler failed with last. Default: a warning in the log. */
  readonly onEventError?: ((error: unknown, event: Event, subscription: string) => void) | undefined
}

export const defaultDeadlineMillis = 10_000
export const defaultQueueLimit = 10_000

export const makeStamps = (options: HoldfastOptions, now: () => number, random: () => number): Stamps => ({
  now,
  nextId: makeIds(random),
  deadlineMillis: options.deadlineMillis ?? defaultDeadlineMillis,
  scope: Scope.make(options.scope ?? "default"),
  settings: { accounts: options.accounts ?? "opened-on-purpose" },
})

/** Time and randomness out of Effect's services. */
export const sourcesOf = (clock: Clock.Clock, random: Random.Random) => ({
  now: () => clock.currentTimeMillisUnsafe(),
  random: () => random.nextDoubleUnsafe(),
})
