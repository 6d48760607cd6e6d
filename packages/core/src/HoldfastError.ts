/**
 * The one error that promises of a shop reject with.
 */
import { codeOf, isRefusal, isRetryable, messageOf } from "./codeOf.ts"
import type { CodeOf, Refusal, RefusalTag, Unavailable, UnavailableTag } from "./refusals.ts"

/** Every code that a HoldfastError may have. */
export type Code = CodeOf<RefusalTag | UnavailableTag>

/**
 * A business no, with its numbers in `refusal`, or an infrastructure no, where `refusal` is undefined.
 *
 * `retryable` says whether the same call with the same key may succeed later; `outcome` whether it is certain that
 * nothing happened.
 */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError"
  readonly code: Code
  /** The business no as a tagged value; undefined where infrastructure said no. */
  readonly refusal: Refusal | undefined
  /** The infrastructure no as a tagged value; undefined where the business said no. */
  readonly unavailable: Unavailable | undefined
  readonly retryable: boolean
  readonly outcome: "nothing-happened" | "unknown"

  constructor(no: Refusal | Unavailable) {
    super(messageOf(no))
    const { code, refusal, unavailable, retryable, outcome } = partsOf(no)
    this.code = code
    this.refusal = refusal
    this.unavailable = unavailable
    this.retryable = retryable
    this.outcome = outcome
  }

  toJSON(): object {
    const { code, message, refusal, unavailable, retryable, outcome } = this
    return { code, message, refusal, unavailable, retryable, outcome }
  }
}

const partsOf = (no: Refusal | Unavailable) =>
  isRefusal(no)
    ? { code: codeOf(no), refusal: no, unavailable: undefined, retryable: false, outcome: "nothing-happened" as const }
    : { code: codeOf(no), refusal: undefined, unavailable: no, retryable: isRetryable(no), outcome: no.outcome }

/**
 * The error that a promise is rejected with. What is wrong with a call itself is said while its caller is on the stack. Any
 * other no is made where a batch is answered or a read ends: frames of that name nobody's code but ours, and capturing them
 * took 9 µs, twice what the refusal took (Node 24, December 2026).
 */
export const rejectionOf = (no: Refusal | Unavailable): HoldfastError => {
  if (no._tag === "InvalidInput") return new HoldfastError(no)
  const limit: unknown = Reflect.get(Error, "stackTraceLimit")
  // Where a host has frozen `Error`, frames are captured after all.
  Reflect.set(Error, "stackTraceLimit", 0)
  try {
    return new HoldfastError(no)
  } finally {
    Reflect.set(Error, "stackTraceLimit", limit)
  }
}

/**
 * The error for somebody who is not going to throw it: without a stack, whose capture costs more than the refusal, and
 * with a message that is made when it is read.
 */
// biome-ignore lint/plugin/casts: its prototype is made below to be an error's
export const quietError = (no: Refusal | Unavailable): HoldfastError => new QuietError(no) as unknown as HoldfastError

/** Its fields are set by a constructor: to copy them onto an object took 150 ns, this takes 12 (Node 24, November 2026). */
class QuietError {
  readonly code: Code
  readonly refusal: Refusal | undefined
  readonly unavailable: Unavailable | undefined
  readonly retryable: boolean
  readonly outcome: "nothing-happened" | "unknown"

  constructor(no: Refusal | Unavailable) {
    const { code, refusal, unavailable, retryable, outcome } = partsOf(no)
    this.code = code
    this.refusal = refusal
    this.unavailable = unavailable
    this.retryable = retryable
    this.outcome = outcome
  }

  get name(): string {
    return "HoldfastError"
  }

  get message(): string {
    const no = this.refusal ?? this.unavailable
    return no === undefined ? "" : messageOf(no)
  }
}
Object.setPrototypeOf(QuietError.prototype, HoldfastError.prototype)
Object.defineProperty(QuietError.prototype, "constructor", { value: HoldfastError })

/** True for a {@link HoldfastError}, also of another copy of this package. */
export const isHoldfastError = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError ||
  (error instanceof Error && error.name === "HoldfastError" && "code" in error && "outcome" in error)

/** The error of one particular no: `code` and `refusal` are literal, so that a `switch` over `code` is exhaustive. */
export type HoldfastErrorOf<No> = No extends { readonly _tag: infer Tag }
  ? Tag extends RefusalTag
    ? HoldfastError & { readonly code: CodeOf<Tag>; readonly refusal: Refusal<Tag> }
    : Tag extends UnavailableTag
      ? HoldfastError & { readonly code: CodeOf<Tag>; readonly unavailable: Unavailable<Tag> }
      : never
  : never

/** What the `safe` twin answers instead of rejecting. */
export type SafeResult<Answer, No> =
  | { readonly ok: true; readonly value: Answer }
  | { readonly ok: false; readonly error: HoldfastErrorOf<No> }
