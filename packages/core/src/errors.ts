/**
 * `@holdfast/core/errors`: what the calls of a shop reject with, and how options are refused, without the shop. For browsers,
 * and for code that only tells errors apart.
 */
export { codeOf, isRefusal, isRetryable, messageOf } from "./codeOf.ts"
export { refusalCodes, unavailableCodes } from "./codes.ts"
export { type Code, HoldfastError, type HoldfastErrorOf, isHoldfastError } from "./HoldfastError.ts"
export * as Options from "./options.ts"
export type { CodeOf, Refusal, RefusalTag, Unavailable, UnavailableTag } from "./refusals.ts"
