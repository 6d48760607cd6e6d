/**
 * The stamps of a shop's commands, and the options they come from.
 */
import type { Clock, Random } from "effect"
import type { Settings } from "../decision/call.ts"
import { decoderOf, isInvalid, type Stamps } from "../engine/admission.ts"
import { makeIds } from "../engine/ids.ts"
import type { SpanChoice } from "../engine/Spans.ts"
import * as Options from "../options.ts"
import { Scope } from "../values.ts"
import type { Event } from "./Events.ts"

/** What a host may choose about a shop, whichever way it uses it. */
export interface HoldfastOptions {
  /** Whether accounts are opened on purpose (default), or also by their first charge. */
  readonly accounts?: Settings["accounts"] | undefined
  /** The scope of idempotency keys for calls that name none. Default "default". */
  readonly scope?: string | undefined
  /**
   * The most calls that may wait. Above it they are answered `Overloaded`. Default 10,000. Those that need the same record fill half
   * of it at most, and the last tenth is kept for calls that only a host makes, such as restocking.
   */
  readonly queueLimit?: number | undefined
  /** The most commands that one commit serves, 1 to 1,024. Default 128. */
  readonly batchLimit?: number | undefined
  /**
   * Whether a campaign that refuses its claims is sealed: then one read of it answers everybody who came meanwhile, as the
   * store alone would. Default true; false for measurements.
   */
  readonly seals?: boolean | undefined
  /** The most memory of all seals in bytes, 1,024 to 1,073,741,824: one and a half for each owner. Default 16 MiB. */
  readonly sealBytes?: number | undefined
  /** How long a call may take before it is answered as unavailable, in milliseconds. Default 10,000. */
  readonly deadlineMillis?: number | undefined
  /** Whether this process serves the subscriptions it makes. Default true. */
  readonly workers?: boolean | undefined
  /**
   * Which spans there are, where the program or `telemetry` has a tracer: one for each batch, linked to the spans of its
   * callers, or one for each call as well. Default: `batches`.
   */
  readonly spans?: SpanChoice | undefined
  /** Told of every event that was parked, with what its handler failed with last. Default: a warning in the log. */
  readonly onEventError?: ((error: unknown, event: Event, subscription: string) => void) | undefined
}

const decodeScope = decoderOf(Scope)

export const holdfastChecks: Options.Checks<HoldfastOptions> = {
  accounts: Options.oneOf("opened-on-purpose", "open-on-first-charge"),
  scope: Options.must("1 to 255 bytes of well-formed text", (value) => !isInvalid(decodeScope(value))),
  queueLimit: Options.wholeNumber(1, 1_000_000),
  batchLimit: Options.wholeNumber(1, 1_024),
  seals: Options.trueOrFalse,
  sealBytes: Options.wholeNumber(1_024, 1_073_741_824),
  deadlineMillis: Options.wholeNumber(1, 600_000),
  workers: Options.trueOrFalse,
  spans: Options.oneOf("batches", "calls"),
  onEventError: Options.aFunction,
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
