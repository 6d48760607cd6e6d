/**
 * The id that a request has in answers, problems and the host's logs: the trace of an incoming `traceparent` (W3C Trace
 * Context), or a new one.
 */

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/

// The core takes no part in a trace of either: the answer would name one that has nothing of its call.
const noTrace = "0".repeat(32)
const noSpan = "0".repeat(16)
/** Of one of version 00; only later ones may have more behind the flags. */
const length = 55

/** What the core takes for no traceparent is none here: an answer names the trace that its spans are in. */
export const traceIdOf = (header: string | undefined): string => {
  if (header === undefined || header.startsWith("ff")) return newTraceId()
  if (header.length > length && header.startsWith("00")) return newTraceId()
  const [, traceId, spanId] = traceparent.exec(header) ?? []
  return traceId === undefined || traceId === noTrace || spanId === noSpan ? newTraceId() : traceId
}

// Random bytes are fetched in blocks, because a call into the system's generator costs more than the rest of this file.
const block = new Uint8Array(16 * 256)
let used = block.length
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const newTraceId = (): string => {
  if (used === block.length) {
    crypto.getRandomValues(block)
    used = 0
  }
  let id = ""
  for (let end = used + 16; used < end; used++) id += hex[block[used] ?? 0]
  return id
}
