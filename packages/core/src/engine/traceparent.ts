/**
 * The span that a caller in another process names, as W3C Trace Context writes it.
 */
import { Context, type Tracer } from "effect"

const format = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/
const noVersion = "ff"
const thisVersion = "00"
/** Of one of this version. */
const length = 55
const noTrace = "0".repeat(32)
const noSpan = "0".repeat(16)
const annotations = Context.empty()

/** Where a call is made: in a span, or in one that a `traceparent` names, which is read once somebody needs it. */
export type Caller = Tracer.AnySpan | string

/** The span of a caller; undefined where there is none. */
export const spanOfCaller = (caller: Caller | undefined): Tracer.AnySpan | undefined =>
  typeof caller === "string" ? spanOfTraceparent(caller) : caller

/** The span of a `traceparent`, given as a header; undefined where that is none. */
export const spanOfTraceparent = (text: string | ReadonlyArray<string> | undefined): Tracer.AnySpan | undefined => {
  if (typeof text !== "string" || !format.test(text)) return undefined
  const traceId = text.slice(3, 35)
  const spanId = text.slice(36, 52)
  // Looked for here: as lookaheads they took as long as all the rest of the format.
  if (traceId === noTrace || spanId === noSpan || text.startsWith(noVersion)) return undefined
  // Only later versions may have more behind the flags.
  if (text.length > length && text.startsWith(thisVersion)) return undefined
  return { _tag: "ExternalSpan", traceId, spanId, sampled: isOdd(text.charCodeAt(54)), annotations }
}

/**
 * Whether a hexadecimal digit is odd, by its character: "0" is an even one and "a" an odd one. To parse it took more than half
 * of what it takes to read a caller (Node 24, November 2026), and every call has one.
 */
const isOdd = (digit: number): boolean => (digit & 1) !== (digit > 0x39 ? 1 : 0)
