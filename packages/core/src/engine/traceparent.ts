/**
 * The span that a caller in another process names, as W3C Trace Context writes it.
 */
import { Tracer } from "effect"

// An id of zeros is none.
const format = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

/** Where a call is made: in a span, or in one that a `traceparent` names, which is read once somebody needs it. */
export type Caller = Tracer.AnySpan | string

/** The span of a caller; undefined where there is none. */
export const spanOfCaller = (caller: Caller | undefined): Tracer.AnySpan | undefined =>
  typeof caller === "string" ? spanOfTraceparent(caller) : caller

/** The span of a `traceparent`; undefined where the text is none. */
export const spanOfTraceparent = (text: string | undefined): Tracer.AnySpan | undefined => {
  if (text === undefined || !format.test(text)) return undefined
  return Tracer.externalSpan({
    traceId: text.slice(3, 35),
    spanId: text.slice(36, 52),
    sampled: isOdd(text.charCodeAt(54)),
  })
}

/**
 * Whether a hexadecimal digit is odd, by its character: "0" is an even one and "a" an odd one. To parse it took more than half
 * of what it takes to read a caller (Node 24, November 2026), and every call has one.
 */
const isOdd = (digit: number): boolean => (digit & 1) !== (digit > 0x39 ? 1 : 0)
