/**
 * The span that a caller in another process names, as W3C Trace Context writes it.
 */
import { Tracer } from "effect"

const format = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/
const noId = /^0+$/

/** The span of a `traceparent`; undefined where the text is none. */
export const spanOfTraceparent = (text: string | undefined): Tracer.AnySpan | undefined => {
  const [, traceId, spanId, flags] = (text === undefined ? null : format.exec(text)) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (noId.test(traceId) || noId.test(spanId)) return undefined
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}
