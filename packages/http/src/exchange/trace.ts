/**
 * The id that a request has in answers, problems and the host's logs: the trace of an incoming `traceparent` (W3C Trace
 * Context), or a new one.
 */
import { spanOfTraceparent } from "@holdfast/core"

/** What the core takes for no traceparent is none here: an answer names the trace that its spans are in. */
export const traceIdOf = (header: string | undefined): string => spanOfTraceparent(header)?.traceId ?? newTraceId()

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
