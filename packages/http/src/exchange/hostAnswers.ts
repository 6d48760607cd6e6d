/**
 * What the host's own functions answer: who asks, and what they may do.
 *
 * An answer may come at once or as a promise of any kind. Only an exact answer counts: what is merely truthy would let
 * callers in by mistake, so that it is the host's defect, and told as one.
 */
import { isHoldfastError } from "@holdfast/core"
import { quietly } from "@holdfast/core/ports"

/**
 * Throw this from `resolveCaller`, `authorize` or a rule where what they ask is away, such as the store of sessions: the
 * request is answered 503 with `Retry-After`, nothing has happened, and the same request may succeed later. What a shop throws
 * that they ask is answered so too, where it is retryable. Anything else that is thrown is a defect and answered 500.
 */
export class HostUnavailable extends Error {
  override readonly name = "HostUnavailable"
  /** When to ask again. */
  readonly retryAfterMillis: number

  constructor({
    retryAfterMillis = 1_000,
    cause,
  }: { readonly retryAfterMillis?: number; readonly cause?: unknown } = {}) {
    super("What the host has to ask is not available.", { cause })
    this.retryAfterMillis = retryAfterMillis
  }
}

/** True for a {@link HostUnavailable}, also of another copy of this package. */
export const isHostUnavailable = (error: unknown): error is HostUnavailable =>
  error instanceof HostUnavailable ||
  (error instanceof Error && error.name === "HostUnavailable" && "retryAfterMillis" in error)

/**
 * What a function of the host's threw, whatever it is: a refusal of a shop that it asked is no answer to this request, and may
 * name others. It is the host's defect, unless it says by itself that something is away.
 */
export class HostDefect {
  readonly thrown: unknown

  constructor(thrown: unknown) {
    this.thrown = thrown
  }
}

/** What a request fails with whose host's function threw this. What was thrown may throw at the first look at it. */
export const failureOfHost = (thrown: unknown): HostUnavailable | HostDefect =>
  quietly(() => saysAway(thrown)) ?? new HostDefect(thrown)

const saysAway = (thrown: unknown): HostUnavailable | undefined => {
  if (isHostUnavailable(thrown)) return thrown
  // A shop that it asked could not answer now, and this request has not reached its own yet.
  return isHoldfastError(thrown) && thrown.retryable ? new HostUnavailable({ cause: thrown }) : undefined
}

/** Promises come from many libraries and realms: what has a `then` is one. */
export const isThenable = <A>(value: A | PromiseLike<A>): value is PromiseLike<A> =>
  (typeof value === "object" || typeof value === "function") &&
  value !== null &&
  "then" in value &&
  typeof value.then === "function"

/** Whether a rule allows. It says exactly true or exactly false. */
export const verdictOf = (rule: string, answer: unknown): boolean => {
  if (typeof answer === "boolean") return answer
  throw new TypeError(`${rule} must answer true or false, and not ${kindOf(answer)}.`)
}

/** The caller that a host resolved. Null is what many a session store says for undefined. */
export const callerOf = <C extends { readonly id: string }>(answer: C | null | undefined): C | undefined => {
  if (answer === undefined || answer === null) return undefined
  if (typeof answer === "object" && typeof answer.id === "string") return answer
  throw new TypeError("resolveCaller must answer { id } with a text as id, or undefined.")
}

/** The address that a host read, such as from a header, which says null where it is not there. */
export const addressText = (answer: unknown): string | undefined => {
  if (answer === undefined || answer === null || answer === "") return undefined
  if (typeof answer === "string") return answer
  throw new TypeError(`rateLimit.addressOf must answer a text or undefined, and not ${kindOf(answer)}.`)
}

const kindOf = (value: unknown): string => (value === null ? "null" : typeof value)
