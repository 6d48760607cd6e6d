/**
 * Reads the body of a node request, counting its bytes while they arrive.
 */
import type { Deadlines } from "../core/Deadlines.ts"
import type { BodyRead } from "../core/Exchange.ts"
import type { MountedRequest } from "./toNodeHandler.ts"

/**
 * How much more than the limit is read and thrown away before the answer. Many clients hear an answer only when they have
 * sent everything, and take a connection that closes earlier for a failure.
 */
const discardedBytes = 1_048_576

export const readBody = (request: MountedRequest, maxBytes: number, deadlines: Deadlines): Promise<BodyRead> => {
  if (wasParsed(request)) return Promise.resolve({ _tag: "Parsed", value: request.body })
  if (Number(request.headers["content-length"] ?? 0) > maxBytes + discardedBytes) {
    return Promise.resolve({ _tag: "TooLarge" })
  }
  return new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    let ended = false
    // Listeners stay, since taking them off costs more than being told of what is over already.
    const end = (read: BodyRead): void => {
      if (ended) return
      ended = true
      deadlines.end(ticket)
      resolve(read)
    }
    const onData = (chunk: Buffer): void => {
      if (ended) return
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else if (bytes > maxBytes + discardedBytes) {
        // Nothing more is read: the answer closes the connection.
        request.pause()
        end({ _tag: "TooLarge" })
      } else chunks.length = 0
    }
    const onEnd = (): void => {
      const [only] = chunks
      const whole = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
      end(bytes > maxBytes ? { _tag: "TooLarge" } : { _tag: "Text", text: whole.toString("utf8") })
    }
    const onGone = (): void => end({ _tag: "Gone" })
    const ticket = deadlines.begin(() => end({ _tag: "TooSlow" }))
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone)
  })
}

/**
 * Whether somebody before us has read and parsed the body. Express 4 sets `body` to `{}` where it parsed nothing, so that
 * the value alone proves nothing: the parser's own mark or a stream that was read to its end does.
 */
const wasParsed = (request: MountedRequest): boolean =>
  request.body !== undefined && (("_body" in request && request._body === true) || request.readableEnded)
