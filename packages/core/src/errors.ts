/**
 * `@holdfast/core/errors`: what the calls of a shop reject with, without the shop. For browsers, and for code that only tells
 * errors apart.
 */
export { codeOf, isRefusal, isRetryable, messageOf } from "./codeOf.ts"
export { refusalCodes, unavailableCodes } from "./codes.ts"
export { type Code, HoldfastError, type HoldfastErrorOf, isHoldfastError } from "./HoldfastError.ts"
export type { CodeOf, Refusal, RefusalTag, Unavailable, UnavailableTag } from "./refusals.ts"
